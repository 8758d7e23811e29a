"""Signals by which browsers ask sites not to track their users.

They are Global Privacy Control, and its predecessor Do Not Track (W3C). Only "1" is a request.
The host joins repeated headers, and proxies may add their own: one "1" in the list is enough.
"""

import azure.functions as func

from shared_code.settings import get_settings


def asks_not_to_be_tracked(req: func.HttpRequest) -> bool:
    """Say whether the client asks not to be tracked, and the settings have us obey."""
    if not get_settings().honor_privacy_signals:
        return False
    headers = req.headers
    # Most requests have neither, and looking for a name is faster than not to get it.
    return ("Sec-GPC" in headers and has_request(headers["Sec-GPC"])) or (
        "DNT" in headers and has_request(headers["DNT"])
    )


def has_request(value: str) -> bool:
    """Say whether a member of a comma-separated list is "1"."""
    return any(member.strip() == "1" for member in value.split(","))
