"""The scenarios: what a page does, what breaks meanwhile, and when the user comes back."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from playwright.async_api import BrowserContext, CDPSession

from chaos.outcomes import OUTAGE_SECONDS
from chaos.pages import THUMBS
from chaos.proxy import Fault
from chaos.trials import POLL_SECONDS, Tab, Trial
from tests.support.engines import Engine
from tests.support.mongod import Mongod
from tests.support.tokens import USER, token

EVENTS = 200
SECONDS = 5
FEW = 30
DAY_SECONDS = 24 * 60 * 60

# More than `sendBeacon` and keepalive requests carry.
LARGE_EVENTS = 100
LARGE_BYTES = 2000

# The functions accept tokens that expired so long ago.
LEEWAY_SECONDS = 60

FILL = """() => {
  for (let i = 0, size = 1 << 20; size; i++) {
    try { localStorage.setItem(`page-${i}`, "x".repeat(size)); } catch { size >>= 1; }
  }
}"""
REPLACE = "(token) => { window.token = token; }"

Scenario = Callable[[Trial], Awaitable[None]]


async def undisturbed(trial: Trial) -> None:
    """Nothing breaks."""
    tab = await trial.open()
    await tab.track(EVENTS, SECONDS)
    await trial.drain()


async def unavailable(trial: Trial) -> None:
    """503 with `Retry-After`."""
    await survive(trial, await trial.open(), trial.proxy.failing(Fault.UNAVAILABLE))


async def refused(trial: Trial) -> None:
    """Refused connections."""
    await survive(trial, await trial.open(), trial.proxy.refusing())


async def offline(trial: Trial) -> None:
    """The browser is offline."""
    await survive(trial, await trial.open(), without_network(trial.context))


async def cut(trial: Trial) -> None:
    """Requests are stored, and their answers cut."""
    await survive(trial, await trial.open(), trial.proxy.failing(Fault.CUT))


async def hanging(trial: Trial) -> None:
    """Requests are neither served nor answered."""
    await survive(trial, await trial.open(), trial.proxy.failing(Fault.HANG))


async def storage_full(trial: Trial) -> None:
    """The storage is full of the page's own data."""
    tab = await trial.new_tab()
    session = await trial.context.new_cdp_session(tab.page)
    quota = {"origin": trial.lab.origin, "quotaSize": 1}
    await session.send("Storage.overrideQuotaForOrigin", quota)
    await tab.leave()
    if trial.random.choice([True, False]):
        await tab.page.evaluate(FILL)
    await tab.load()
    await tab.page.evaluate(FILL)
    await survive(trial, tab, trial.proxy.failing(Fault.UNAVAILABLE))


async def storage_forbidden(trial: Trial) -> None:
    """The user blocks cookies, and so all storage."""
    await trial.use_own_browser(blocks_cookies=True)
    await survive(trial, await trial.open(), trial.proxy.failing(Fault.UNAVAILABLE))


async def mongodb_killed(trial: Trial) -> None:
    """MongoDB is killed, and started again."""
    trial.use(trial.lab.fragile)
    await survive(trial, await trial.open(), stopped(trial.lab.mongod))


async def survive(
    trial: Trial, tab: Tab, breaking: AbstractAsyncContextManager[None], events: int = EVENTS
) -> None:
    """Track events, of which most are in the outage."""
    tracking = tab.start_tracking(events, SECONDS)
    await trial.wait(0, 2)
    async with trial.outage(), breaking:
        await asyncio.sleep(OUTAGE_SECONDS)
    await tracking
    await trial.drain()


@asynccontextmanager
async def without_network(context: BrowserContext) -> AsyncIterator[None]:
    """Take a browser off the network for the duration of a block."""
    await context.set_offline(offline=True)
    yield
    await context.set_offline(offline=False)


@asynccontextmanager
async def stopped(mongod: Mongod) -> AsyncIterator[None]:
    """Kill MongoDB, and start it again at the end of a block."""
    mongod.kill()
    yield
    await asyncio.to_thread(mongod.start)


async def closed(trial: Trial) -> None:
    """A tab is closed at once, another one left at once."""
    tab = await trial.open()
    await tab.track(FEW)
    await trial.wait_briefly()
    await tab.page.close()
    tab = await trial.open()
    await tab.track(FEW)
    await trial.wait_briefly()
    await tab.leave()
    await trial.wait(0, 1)
    await tab.page.go_back(wait_until="commit")
    await trial.drain()


async def closed_while_down(trial: Trial) -> None:
    """The tab is closed while connections are refused, and the page opened again later."""
    async with trial.outage(), trial.proxy.refusing():
        tab = await trial.open()
        await tab.track(FEW)
        await trial.wait_briefly()
        await tab.page.close()
        await trial.wait(1, 2)
    tab = await trial.open()
    await tab.track(FEW)
    await trial.drain()


async def two_tabs(trial: Trial) -> None:
    """One of two tabs is closed while connections are refused."""
    tabs = [await trial.open(), await trial.open()]
    tracking = [tab.start_tracking(EVENTS // 2, SECONDS) for tab in tabs]
    await trial.wait(0, 2)
    async with trial.outage(), trial.proxy.refusing():
        await asyncio.gather(*tracking)
        await trial.wait_briefly()
        await trial.random.choice(tabs).page.close()
        await asyncio.sleep(OUTAGE_SECONDS / 2)
    await trial.drain()


async def much(trial: Trial) -> None:
    """200 KB are tracked, the tab is closed, and the page opened again later."""
    tab = await trial.open()
    await tab.track(LARGE_EVENTS, size=LARGE_BYTES)
    await trial.wait_briefly()
    await tab.page.close()
    await trial.wait(0, 1)
    await trial.open()
    await trial.drain()


async def spilled(trial: Trial) -> None:
    """600 KB are tracked during an outage, more than the local storage takes; the tab is closed."""
    async with trial.outage(), trial.proxy.refusing():
        tab = await trial.open()
        await tab.track(3 * LARGE_EVENTS, SECONDS, LARGE_BYTES)
        await trial.wait(1, 2)
        await tab.page.close()
        await trial.wait(1, 2)
    await trial.open()
    await trial.drain()


async def killed(trial: Trial) -> None:
    """The tab's process is killed while connections are refused; the page is opened again."""
    await trial.use_own_browser()
    async with trial.outage(), trial.proxy.refusing():
        tab = await trial.open()
        await tab.track(FEW)
        await trial.wait_briefly()
        await kill_renderers(trial.context)
        await trial.wait(0, 1)
    await trial.open()
    await trial.drain()


async def kill_renderers(context: BrowserContext) -> None:
    """Kill all processes that show pages of a browser."""
    assert context.browser
    session = await context.browser.new_browser_cdp_session()
    for process in await renderers(session):
        os.kill(process, signal.SIGKILL)
    # The browser would show the next page in one that it does not know to be dead.
    while await renderers(session):  # noqa: ASYNC110 (polls the browser)
        await asyncio.sleep(POLL_SECONDS)


async def renderers(session: CDPSession) -> list[int]:
    """Return the ids of the processes that show pages."""
    processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    return [each["id"] for each in processes if each["type"] == "renderer"]


async def thumbs(trial: Trial) -> None:
    """A thumb of the smallest page is pressed while connections are refused; the tab is closed."""
    path, message = f"/{trial.run}.html", f"{trial.run}-thumbs"
    page_source = THUMBS.format(message_id=message, endpoint=trial.proxy.url)
    trial.lab.files[path] = page_source.encode()
    async with trial.outage(), trial.proxy.refusing():
        page = await trial.context.new_page()
        await page.goto(trial.lab.origin + path)
        await page.locator("[part=down]").click()
        trial.newest[message] = "down"
        await trial.wait_briefly()
        await page.close()
        await trial.wait(1, 2)
    await (await trial.context.new_page()).goto(trial.lab.origin + path)
    await trial.drain()
    await trial.open()


async def token_expired(trial: Trial) -> None:
    """The token expires, and the application gets its next one late."""
    trial.use(trial.lab.with_tokens)
    tab = await trial.open(user=USER)
    valid_seconds = trial.random.randint(1, 3)
    expiry = int(time.time()) + valid_seconds
    await tab.page.evaluate(REPLACE, token(exp=expiry - LEEWAY_SECONDS))
    tracking = tab.start_tracking(EVENTS, SECONDS)
    await asyncio.sleep(valid_seconds)
    async with trial.outage():
        await asyncio.sleep(4)
        await tab.page.evaluate(REPLACE, token())
    await tracking
    await trial.drain()


async def clock_jumps(trial: Trial) -> None:
    """The clock goes forward by a day, and then back by two, during an outage."""
    tab = await trial.open()
    tracking = tab.start_tracking(EVENTS, SECONDS)
    await trial.wait(0, 2)
    async with trial.outage(), trial.proxy.failing(Fault.UNAVAILABLE):
        for days in (1, -1):
            await trial.wait(1, 4)
            await tab.jump(days * DAY_SECONDS)
        await trial.wait(1, 2)
    await tracking
    await trial.drain()


SCENARIOS: dict[str, Scenario] = {
    each.__name__: each
    for each in (
        undisturbed,
        unavailable,
        refused,
        closed,
        closed_while_down,
        offline,
        cut,
        two_tabs,
        much,
        spilled,
        killed,
        thumbs,
        hanging,
        storage_full,
        storage_forbidden,
        mongodb_killed,
        token_expired,
        clock_jumps,
    )
}

# In the other ones nothing else is different from browser to browser, or can be broken.
EVERYWHERE = (
    undisturbed,
    unavailable,
    refused,
    closed,
    closed_while_down,
    cut,
    two_tabs,
    much,
)


def scenarios_for(engine: Engine) -> list[str]:
    """Return the names of the scenarios to run in a browser."""
    if engine is Engine.CHROMIUM:
        return list(SCENARIOS)
    return [each.__name__ for each in EVERYWHERE]
