"""The pages of the dashboard's server, by their paths."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from insights.errors import InsightsError, UsageError
from insights.kinds import Kind
from insights.mongodb.servers import INVALID_PATTERNS, server_message
from insights.pages.boards import Boards, TooManyQuestions
from insights.pages.dashboard import content_security_policy, to_page
from insights.pages.forms import Form
from insights.pages.links import ASKED, HOME, PATHS, Links
from insights.pages.lists import BEFORE, to_list_page
from insights.pages.questions import errors_in, parse_question, unknown_names
from insights.pages.refusals import to_refusal
from insights.pages.sources import Source
from insights.pages.suggestions import Suggestions
from insights.pages.threads import Ending, Threads
from insights.queries.periods import Period, parse_time

EVENT_STREAM = "text/event-stream"

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": content_security_policy(live=True),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# Suggestions are read again for the first page after this time.
SUGGESTIONS_SECONDS = 60.0

FAILURES = (InsightsError, PyMongoError, TooManyQuestions, Ending)


class Site:
    """Responds to requests."""

    def __init__(self, source: Source, boards: Boards, threads: Threads) -> None:
        self._source = source
        self._boards = boards
        self._threads = threads
        self._suggestions = Suggestions()
        self._suggested: float | None = None

    @property
    def routes(self) -> list[Route]:
        """The routes."""
        lists = [Route(path, partial(self._list, kind)) for kind, path in PATHS.items()]
        return [
            Route(HOME, self._dashboard),
            Route("/stream", self._stream),
            Route("/user", self._user),
            *lists,
        ]

    @property
    def lifespan(self) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
        """The context in which the application runs."""
        return self._boards.lifespan

    def close(self) -> None:
        """End all responses."""
        self._boards.close()
        self._threads.close()

    async def _dashboard(self, request: Request) -> Response:
        """Respond with the dashboard of a question."""
        form = await self._form_of(request)

        async def respond() -> Response:
            state = (await self._boards.find(form.links.question)).state
            return in_html(to_page(state.parts, form, state.first_status))

        return await answer(form, respond)

    async def _stream(self, request: Request) -> Response:
        """Respond with the updates of a question's dashboard."""
        if request.method == "HEAD":
            return Response(headers=HEADERS, media_type=EVENT_STREAM)
        form = self._plain_form_of(request)

        async def respond() -> Response:
            await self._boards.find(form.links.question)
            messages = self._boards.messages(form.links.question)
            return StreamingResponse(messages, headers=HEADERS, media_type=EVENT_STREAM)

        return await answer(form, respond)

    async def _list(self, kind: Kind, request: Request) -> Response:
        """Respond with a page of feedback or events."""
        form = await self._form_of(request, kind)

        async def respond() -> Response:
            before = time_in(request, BEFORE)
            find = partial(self._source.listing, form.links.question, kind, before)
            return in_html(to_list_page(await self._threads.run(find), form))

        return await answer(form, respond)

    async def _user(self, request: Request) -> Response:
        """Respond with the timeline of a user, up to a time if the query has one."""
        query = request.query_params
        try:
            period = Period(until=time_in(request, "until"))
            find = partial(self._source.user, query.get("id", ""), period, query.get(ASKED, ""))
            html, is_empty = await self._threads.run(find)
        except FAILURES as error:
            status, reason = explain(error)
            return PlainTextResponse(f"{reason}\n", status, headers=HEADERS)
        return in_html(html, 404 if is_empty else 200)

    async def _form_of(self, request: Request, kind: Kind | None = None) -> Form:
        """Return the form of a page, with current suggestions."""
        now = monotonic()
        if self._suggested is None or now - self._suggested > SUGGESTIONS_SECONDS:
            self._suggested = now
            with suppress(*FAILURES):
                self._suggestions = await self._threads.run(self._source.suggestions)
        return replace(self._plain_form_of(request, kind), suggestions=self._suggestions)

    def _plain_form_of(self, request: Request, kind: Kind | None = None) -> Form:
        """Return the form with the question of a request, and its errors.

        Lists compare nothing, so they have no errors about that.
        """
        given, source = request.query_params.multi_items(), self._source
        question = parse_question(given, source.default)
        errors = errors_in(question, source.settings, datetime.now(UTC))
        return Form(
            Links(source.token, source.default, question),
            {about: each for about, each in errors.items() if kind is None or about[0] != "by"},
            unknown_names(given, "token", BEFORE),
            bool(source.settings.system_users),
            kind=kind,
        )


def time_in(request: Request, name: str) -> datetime | None:
    """Return the time in a parameter, None without it.

    Raises:
        UsageError: it is not a time.
    """
    given = request.query_params.get(name)
    return None if given is None else parse_time(given, datetime.now(UTC))


async def answer(form: Form, respond: Callable[[], Awaitable[Response]]) -> Response:
    """Respond, or with the form and its errors if the question cannot be answered."""
    if form.errors:
        return in_html(to_refusal(form), 400)
    try:
        return await respond()
    except OperationFailure as error:
        if error.code not in INVALID_PATTERNS:
            return refuse(form, error)
        wrong = f"the pattern after ~ is not valid: {server_message(error)}"
        return in_html(to_refusal(replace(form, errors={("where", ""): wrong})), 400)
    except FAILURES as error:
        return refuse(form, error)


def refuse(form: Form, error: Exception) -> Response:
    """Respond with the form, and the reason for a failure."""
    status, reason = explain(error)
    return in_html(to_refusal(form, reason), status)


def explain(error: Exception) -> tuple[int, str]:  # noqa: PLR0911 (a table)
    """Return the status and the reason for a failure."""
    match error:
        case UsageError():
            return 400, str(error)
        case InsightsError():
            return 503, str(error)
        case TooManyQuestions():
            return 503, "Too many different questions are open. Close a page, and reload this one."
        case Ending():
            return 503, "The server has ended."
        case OperationFailure() if not error.timeout:
            return 503, f"MongoDB refused the operation: {server_message(error)}"
        case ConnectionFailure():
            return 503, "MongoDB does not answer. Reload the page to try again."
        case _:
            return 503, "MongoDB did not answer in time. Ask for a shorter period, or reload."


def in_html(html: str, status: int = 200) -> Response:
    """Return the response with a page."""
    return HTMLResponse(html, status, headers=HEADERS)
