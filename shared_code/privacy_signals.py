"""Signals by which browsers ask sites not to track their users."""

import azure.functions as func

from shared_code.settings import get_settings

# Global Privacy Control, and its predecessor Do Not Track (W3C). Only "1" is a request.
SIGNALS = ("Sec-GPC", "DNT")


def asks_not_to_be_tracked(req: func.HttpRequest) -> bool:
    """Say whether the client asks not to be tracked, and the settings have us obey."""
    return get_settings().honor_privacy_signals and any(
        req.headers.get(signal) == "1" for signal in SIGNALS
    )
