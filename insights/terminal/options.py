"""Options that several commands share."""

from typing import Annotated

import typer

Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Start time: 2026-11-01, 2026-11-01T09:30:00Z, or an age such as 90m, 24h, 7d.",
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="End time, exclusive, written like --since.")
]
User = Annotated[
    str | None, typer.Option(metavar="USER_ID", help="Filter by user; 42 also matches a number.")
]
Message = Annotated[str | None, typer.Option(metavar="MESSAGE_ID", help="Filter by message.")]
Messages = Annotated[
    bool,
    typer.Option(
        "--messages", help="Add the text of each rated message, and the question it answers."
    ),
]
Rating = Annotated[
    str | None,
    typer.Option(
        metavar="RATING",
        help="Filter by sentiment (positive, neutral, negative, unscored) or exact rating.",
    ),
]
EventType = Annotated[str | None, typer.Option(metavar="TYPE", help="Filter by event type.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION",
        help=(
            "Filter by FIELD OPERATOR VALUE, such as details.page=/chat. Repeatable. "
            "Operators: = != < > <= >= and ~ (regular expression). Quote conditions with < > or !."
        ),
    ),
]
NotUser = Annotated[
    list[str] | None,
    typer.Option(metavar="USER_ID", help="Leave out a user. Repeatable."),
]
IncludeSystem = Annotated[
    bool,
    typer.Option("--include-system", help="Include the users in SYSTEM_USERS."),
]
Limit = Annotated[int, typer.Option(min=1, metavar="N", help="Maximum number to list.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
AsObject = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
