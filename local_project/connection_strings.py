"""MongoDB connection strings: validity, and loopback addresses in them."""

import ipaddress
import warnings
from contextlib import suppress

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from local_project.addresses import Address
from local_project.errors import LocalProjectError

# PyMongo's exceptions for a wrong connection string; `datetime_conversion` raises a KeyError.
WRONG_URI = (PyMongoError, ValueError, TypeError, LookupError, OSError)


def silence_warnings() -> None:
    """Silence PyMongo's warnings about a connection string, which show its values.

    For the whole process: with `mongodb+srv://`, the first operation repeats them.
    """
    for category in (UserWarning, DeprecationWarning):
        warnings.filterwarnings("ignore", category=category, module="pymongo")


def loopback_address(uri: str) -> Address | None:
    """Return the single loopback address in `uri`, or None.

    Raises:
        LocalProjectError: it is not a connection string.
    """
    if uri.startswith("mongodb+srv://"):
        return None
    silence_warnings()
    try:
        [(host, port), *others] = parse_uri(uri)["nodelist"]
    except WRONG_URI:
        # The exception's text may hold parts of the connection string.
        raise LocalProjectError("MONGODB_URI is not a MongoDB connection string") from None
    if others or port is None:
        return None
    ip = "127.0.0.1" if host == "localhost" else host
    with suppress(ValueError):
        if ipaddress.ip_address(ip).is_loopback:
            return Address(ip, port)
    return None
