"""The page with the form alone, for a question that cannot be answered."""

from insights.pages.dashboard import source, templates
from insights.pages.forms import Form


def to_refusal(form: Form, reason: str = "") -> str:
    """Return the page with a reason, or with the errors in the form."""
    return (
        templates()
        .get_template("refusal.html")
        .render(form=form, reason=reason, style=source("style.css"))
    )
