"""Global Privacy Control and Do Not Track: the headers by which browsers refuse tracking.

Only the value 1 is a refusal (W3C). The host joins repeated headers, and proxies may add their own,
so one 1 in a list counts.
"""

import azure.functions as func

from shared_code.settings import get_settings


def refuses_tracking(req: func.HttpRequest) -> bool:
    """Say whether the client refuses tracking, and the settings honor that."""
    if not get_settings().honor_privacy_signals:
        return False
    headers = req.headers
    # Most requests have neither, and `in` is cheaper than a failed lookup.
    return ("Sec-GPC" in headers and has_one(headers["Sec-GPC"])) or (
        "DNT" in headers and has_one(headers["DNT"])
    )


def has_one(value: str) -> bool:
    """Say whether a member of a comma-separated list is "1"."""
    return any(member.strip() == "1" for member in value.split(","))
