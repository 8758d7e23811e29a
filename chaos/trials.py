"""One run of a scenario: its tabs, its proxy, and what was stored in the end."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlencode

from playwright.async_api import Browser, BrowserContext, Error, Page, Request

from chaos.lab import Backend, Lab, Store, running_browser
from chaos.outcomes import Outcome
from chaos.proxy import FaultProxy

POLL_SECONDS = 0.1
# Longer than an outage is forgiven, and again after the user has come back; the rest is lost.
PATIENCE_SECONDS = 20
# For acknowledgements, after a pause that follows a failure.
SETTLE_SECONDS = 10
# For copies that may still arrive.
COPIES_SECONDS = 2

# Tracks events at an even rate, and votes on three messages in turn.
TRACK = """async ([run, tab, first, count, pause, size]) => {
  for (let n = first; n < first + count; n++) {
    track(run, n, "x".repeat(size));
    if (n % 10 === 0) vote(`${run}-${tab}-${n / 10 % 3}`, `r${n}`);
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
  }
}"""

JUMP = """(milliseconds) => {
  const Real = window.RealDate ??= Date, now = () => Real.now() + milliseconds;
  window.Date = class extends Real {
    constructor(...given) { given.length ? super(...given) : super(now()); }
    static now() { return now(); }
  };
}"""


@dataclass
class Trial:
    """A run of a scenario, and what it tracked."""

    run: str
    lab: Lab
    browser: Browser
    context: BrowserContext
    proxy: FaultProxy
    page_url: str
    store: Store
    random: Random
    resources: AsyncExitStack
    tracked: set[int] = field(default_factory=set)
    newest: dict[str, str] = field(default_factory=dict)
    tabs: list["Tab"] = field(default_factory=list)
    # Requests that pages made, answered or not.
    sent: int = 0
    requests: int = 0
    outage_seconds: float = 0
    outage_end: float = 0
    drain_seconds: float = 0

    def __post_init__(self) -> None:
        """Count the requests of its pages."""
        self.context.on("request", self.count)

    def count(self, request: Request) -> None:
        """Count a request to the proxy."""
        self.sent += request.url.startswith(self.proxy.url)

    def use(self, backend: Backend) -> None:
        """Use another local server."""
        self.proxy.server = backend.url
        self.store = backend.store

    async def use_own_browser(self, *, blocks_cookies: bool = False) -> None:
        """Use a browser that runs no other scenario."""
        chromium = self.browser.browser_type
        running = running_browser(chromium, blocks_cookies=blocks_cookies)
        self.context = await self.resources.enter_async_context(running)
        self.context.on("request", self.count)

    async def new_tab(self) -> "Tab":
        """Open an empty tab."""
        tab = Tab(self, await self.context.new_page(), f"{len(self.tabs)}")
        self.tabs.append(tab)
        return tab

    async def open(self, **query: str) -> "Tab":
        """Open the page in a new tab."""
        tab = await self.new_tab()
        await tab.load(**query)
        return tab

    async def wait(self, least: float, most: float) -> None:
        """Wait for a random time."""
        await asyncio.sleep(self.random.uniform(least, most))

    async def wait_briefly(self) -> None:
        """Wait not at all, or until some time in the first flush."""
        await asyncio.sleep(self.random.choice([0, self.random.uniform(0, 1.5)]))

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """Count the requests in a block, whose end is the end of the outage."""
        start, arrived, sent = time.monotonic(), self.proxy.requests, self.sent
        yield
        self.requests = max(self.proxy.requests - arrived, self.sent - sent)
        self.outage_end = time.monotonic()
        self.outage_seconds = self.outage_end - start

    async def drain(self) -> None:
        """Wait until everything is stored; in the end the user opens the page once more."""
        start = self.outage_end or time.monotonic()
        if not await self.becomes_stored():
            await self.open()
            await self.becomes_stored()
        self.drain_seconds = time.monotonic() - start

    async def becomes_stored(self) -> bool:
        """Wait until everything is stored; say whether it is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (stored := await self.is_stored()) and time.monotonic() < deadline:  # noqa: ASYNC110 (polls MongoDB)
            await asyncio.sleep(POLL_SECONDS)
        return stored

    async def is_stored(self) -> bool:
        """Say whether every event and the newest votes are stored."""
        return self.tracked <= set(await self.store.events(self.run)) and not (
            await self.old_votes()
        )

    async def old_votes(self) -> int:
        """Return the number of messages whose only stored vote is not the newest one."""
        votes = await self.store.votes(self.run)
        return sum(votes.get(message) != [rating] for message, rating in self.newest.items())

    async def outcome(self) -> Outcome:
        """Count what is stored, once nothing more arrives."""
        pending = await self.settle()
        events = await self.store.events(self.run)
        return Outcome(
            lost=len(self.tracked - set(events)),
            twice=sum(count > 1 for count in events.values()),
            old_votes=await self.old_votes(),
            requests=self.requests,
            outage_seconds=self.outage_seconds,
            drain_seconds=self.drain_seconds,
            pending=pending,
            dropped=sum([await tab.dropped() for tab in self.tabs]),
        )

    async def settle(self) -> int:
        """Wait until the last tab knows that nothing is left, and for copies; return its number."""
        last = [tab for tab in self.tabs if not tab.page.is_closed()][-1]
        deadline = time.monotonic() + SETTLE_SECONDS
        while (pending := await last.pending()) and time.monotonic() < deadline:  # noqa: ASYNC110 (polls the page)
            await asyncio.sleep(POLL_SECONDS)
        await asyncio.sleep(COPIES_SECONDS)
        return pending


@dataclass
class Tab:
    """A tab of a trial's browser."""

    trial: Trial
    page: Page
    name: str

    async def load(self, **query: str) -> None:
        """Load the page; the query is the client's options."""
        options = urlencode({"endpoint": self.trial.proxy.url} | query)
        await self.page.goto(f"{self.trial.page_url}?{options}")
        await self.page.wait_for_function("'pending' in window")

    async def leave(self) -> None:
        """Navigate to a page of the same site without the client."""
        await self.page.goto(f"{self.trial.lab.origin}/other.html")

    async def track(self, count: int, seconds: float = 0, size: int = 0) -> None:
        """Track new events within so many seconds, and vote with every tenth."""
        first = len(self.trial.tracked)
        numbers = range(first, first + count)
        self.trial.tracked |= set(numbers)
        for n in numbers[::10] if self.trial.store.keeps_votes else ():
            self.trial.newest[f"{self.trial.run}-{self.name}-{n // 10 % 3}"] = f"r{n}"
        pause = 1000 * seconds / count
        await self.page.evaluate(TRACK, [self.trial.run, self.name, first, count, pause, size])

    def start_tracking(self, count: int, seconds: float) -> asyncio.Task[None]:
        """Track new events while the caller goes on."""
        return asyncio.create_task(self.track(count, seconds))

    async def jump(self, seconds: float) -> None:
        """Set the page's clock so far from the real one."""
        await self.page.evaluate(JUMP, 1000 * seconds)

    async def pending(self) -> int:
        """Return how many items the client holds."""
        return int(await self.page.evaluate("pending()"))

    async def dropped(self) -> int:
        """Return how many items the client gave up, unless the tab is gone."""
        try:
            return int(await self.page.evaluate("window.dropped?.length ?? 0"))
        except Error:
            return 0
