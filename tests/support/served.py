"""The served dashboard as a process."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.support.insights_cli import Insights

SECONDS_TO_END = 10


@dataclass
class Served:
    """A served dashboard: its process, and its address, which contains a token."""

    process: subprocess.Popen[str]
    url: str

    @property
    def token(self) -> str:
        """The token in the address."""
        return httpx.URL(self.url).params["token"]

    def at(self, path: str, **query: str) -> httpx.URL:
        """Return another address on the server, with the token unless the query has one."""
        return httpx.URL(self.url).join(path).copy_with(params={"token": self.token} | query)

    def end(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS_TO_END)


# Makes all figures anew after each arrival, instead of adding it to the counts until they are due.
EAGER = (
    "-c",
    (
        "from insights.pages import current; current.PACE = current.PACE_REPLACED = 0\n"
        "from insights.__main__ import run; run()"
    ),
)


@contextmanager
def serving(insights: Insights, *options: str, eager: bool = True) -> Iterator[Served]:
    """Serve a dashboard, and stop it if it still runs."""
    server = Insights(insights.folder, **insights.settings)
    if eager:
        server.program = EAGER
    with server.start("dashboard", "--serve", *(options or ("--port", "0"))) as process:
        assert process.stdout
        [url] = re.findall(r"http://\S+", process.stdout.readline())
        try:
            yield Served(process, url)
        finally:
            process.kill()
