"""The options that several commands have."""

from typing import Annotated

import typer

Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Only from this time on, in UTC: 2026-11-01, 2026-11-01T09:30:00Z, 90m, 24h, 7d.",
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only before this time, written as --since is.")
]
User = Annotated[
    str | None, typer.Option(metavar="USER_ID", help="Only of this user; 42 is also the number.")
]
Message = Annotated[str | None, typer.Option(metavar="MESSAGE_ID", help="Only on this message.")]
Rating = Annotated[
    str | None,
    typer.Option(
        metavar="RATING",
        help="Only with this sentiment (positive, neutral, negative, unscored) or exact rating.",
    ),
]
EventType = Annotated[str | None, typer.Option(metavar="TYPE", help="Only of this type.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION",
        help=(
            "Only where FIELD OPERATOR VALUE holds, such as details.page=/dashboard; can be "
            "repeated. Operators: = != < > <= >= and ~ (regular expression). Put the condition in "
            "quotes where the shell would take < > or ! for itself."
        ),
    ),
]
Limit = Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
AsObject = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
