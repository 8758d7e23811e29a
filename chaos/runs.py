"""Runs scenarios at the same time, in one browser and with a proxy each."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from uuid import uuid4

import httpx
from playwright.async_api import Browser, async_playwright

from chaos.lab import Lab, Store
from chaos.outcomes import Outcome
from chaos.proxy import FaultProxy
from chaos.scenarios import SCENARIOS
from chaos.trials import Trial
from local_project.addresses import free_address
from tests.support.engines import Engine, running


@dataclass(frozen=True)
class Subject:
    """A page with a client, the server that it sends to, and what that stores."""

    page_url: str
    server: str
    store: Store


def our_client(lab: Lab) -> Subject:
    """Return our page and the local server."""
    return Subject(f"{lab.origin}/page.html", lab.plain.url, lab.plain.store)


@asynccontextmanager
async def shared_browser(engine: Engine = Engine.CHROMIUM) -> AsyncIterator[Browser]:
    """Run a browser for trials with a profile each."""
    async with async_playwright() as playwright, running(playwright, engine) as browser:
        yield browser


async def run_scenarios(
    lab: Lab, names: Sequence[str], subject: Subject, engine: Engine = Engine.CHROMIUM
) -> dict[str, Outcome | BaseException]:
    """Return the outcome of each scenario, or what it raised."""
    async with shared_browser(engine) as browser, httpx.AsyncClient(timeout=30) as client:

        async def run(name: str) -> Outcome:
            async with starting(lab, browser, client, subject) as trial:
                await SCENARIOS[name](trial)
                return await trial.outcome()

        outcomes = await asyncio.gather(*map(run, names), return_exceptions=True)
    return dict(zip(names, outcomes, strict=True))


def problems_of(result: Outcome | BaseException) -> list[str]:
    """Return what went wrong in a run."""
    if isinstance(result, Outcome):
        return result.problems
    return ["".join(traceback.format_exception(result))]


@asynccontextmanager
async def starting(
    lab: Lab, browser: Browser, client: httpx.AsyncClient, subject: Subject
) -> AsyncIterator[Trial]:
    """Yield a new trial, with its own profile and proxy."""
    proxy = FaultProxy(client, subject.server, free_address())
    await proxy.listen()
    context = await browser.new_context()
    async with AsyncExitStack() as resources:
        resources.push_async_callback(proxy.close)
        resources.push_async_callback(context.close)
        yield Trial(
            run=uuid4().hex,
            lab=lab,
            browser=browser,
            context=context,
            proxy=proxy,
            page_url=subject.page_url,
            store=subject.store,
            random=Random(),  # noqa: S311 (not for secrets)
            resources=resources,
        )
