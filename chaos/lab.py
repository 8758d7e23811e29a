"""What the scenarios run on: MongoDB, local servers, a browser."""

import asyncio
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from playwright.async_api import BrowserContext, BrowserType
from pymongo import MongoClient

from chaos.pages import serving
from local_project.addresses import free_address
from local_project.mongod import running_mongod
from tests.support.chromium import FLAGS, UNUSUAL_FLAGS, chromium_path
from tests.support.documents import Document
from tests.support.key_server import KeyServer
from tests.support.key_server import serving as serving_keys
from tests.support.local_server import running_server
from tests.support.mongod import Mongod
from tests.support.project import copy_project
from tests.support.tokens import AUDIENCE, ISSUER

DATABASE = "chaos"
# As the browser's settings write it for "block all cookies".
BLOCKED = {"profile": {"default_content_setting_values": {"cookies": 2}}}


class Store(Protocol):
    """What arrived of a run."""

    keeps_votes: bool

    async def events(self, run: str) -> Counter[int]:
        """Return how often each event is stored."""

    async def votes(self, run: str) -> dict[str, list[str]]:
        """Return the ratings that are stored for each message."""


class MongoDBStore:
    """The documents that our functions stored."""

    keeps_votes = True

    def __init__(self, client: MongoClient[Document]) -> None:
        self.database = client[DATABASE]

    async def events(self, run: str) -> Counter[int]:
        """Return how often each event is stored."""
        return await asyncio.to_thread(self.read_events, run)

    def read_events(self, run: str) -> Counter[int]:
        """Return how often each event is stored."""
        found = self.database["analytics"].find({"event_type": run}, {"details.n": 1})
        return Counter(event["details"]["n"] for event in found)

    async def votes(self, run: str) -> dict[str, list[str]]:
        """Return the ratings that are stored for each message."""
        return await asyncio.to_thread(self.read_votes, run)

    def read_votes(self, run: str) -> dict[str, list[str]]:
        """Return the ratings that are stored for each message."""
        votes = defaultdict[str, list[str]](list)
        for vote in self.database["feedback"].find({"message_id": {"$regex": f"^{run}-"}}):
            votes[vote["message_id"]].append(str(vote.get("rating")))
        return votes


@dataclass(frozen=True)
class Backend:
    """A local server, and what it stores."""

    url: str
    store: MongoDBStore


@dataclass(frozen=True)
class Lab:
    """The running servers."""

    plain: Backend
    with_tokens: Backend
    fragile: Backend
    mongod: Mongod
    """The MongoDB of `fragile`, which a scenario may kill."""
    origin: str
    """The server of the page."""
    files: dict[str, bytes]
    """What it serves, by path."""


@contextmanager
def running_lab(files: dict[str, bytes]) -> Iterator[Lab]:
    """Run two MongoDBs, three local servers on them, a key server, and one of these files."""
    with ExitStack() as stack:
        enter = stack.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory()))
        origin = enter(serving(files))
        project = copy_project(folder / "project")
        allow_origin(project / "local.settings.json", origin)

        def start_server(uri: str, **settings: str) -> Backend:
            settings |= {"MONGODB_URI": uri, "MONGODB_DATABASE": DATABASE}
            server = enter(running_server(project, **settings))
            url = str(server.client.base_url).replace("localhost", "127.0.0.1")
            return Backend(url, MongoDBStore(enter(MongoClient[Document](uri))))

        address = free_address()
        enter(running_mongod(address, folder / "mongodb"))
        mongod = Mongod(running_mongod, free_address(), folder / "fragile_mongodb")
        enter(mongod.resources)
        mongod.start()
        keys = enter(serving_keys(KeyServer())).url
        yield Lab(
            plain=start_server(f"mongodb://{address}"),
            with_tokens=start_server(
                f"mongodb://{address}",
                AUTH_ISSUER=ISSUER,
                AUTH_AUDIENCE=AUDIENCE,
                AUTH_JWKS_URL=keys,
            ),
            fragile=start_server(mongod.uri),
            mongod=mongod,
            origin=origin,
            files=files,
        )


def allow_origin(settings: Path, origin: str) -> None:
    """Let pages of this origin call the local server."""
    content = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps(content | {"Host": {"CORS": origin}}), encoding="utf-8")


@asynccontextmanager
async def running_browser(
    chromium: BrowserType, *, blocks_cookies: bool = False
) -> AsyncIterator[BrowserContext]:
    """Run a browser of one profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        preferences = Path(folder) / "Default" / "Preferences"
        preferences.parent.mkdir()
        preferences.write_text(json.dumps(BLOCKED if blocks_cookies else {}), encoding="utf-8")
        context = await chromium.launch_persistent_context(
            folder, executable_path=chromium_path(), args=FLAGS, ignore_default_args=UNUSUAL_FLAGS
        )
        yield context
        await context.close()
