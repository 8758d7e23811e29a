"""The vocabulary of ratings."""

from shared_code.problems import FieldError, InvalidFields
from shared_code.settings import get_settings


def check_rating(rating: str) -> None:
    """Let a rating through if the settings allow it, as they allow any by default.

    Raises:
        InvalidFields: only others are allowed; it lists them.
    """
    allowed = get_settings().feedback_ratings
    if allowed and rating not in allowed:
        raise InvalidFields([FieldError(("rating",), f"must be one of: {', '.join(allowed)}")])
