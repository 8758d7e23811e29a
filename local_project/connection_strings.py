"""MongoDB connection strings: whether one is valid, and whether it names this computer."""

import ipaddress
import warnings
from contextlib import suppress

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from local_project.addresses import Address
from local_project.errors import LocalProjectError

# What PyMongo raises for a wrong connection string; an unknown `datetime_conversion` is a KeyError.
WRONG_URI = (PyMongoError, ValueError, TypeError, LookupError, OSError)


def silence_warnings() -> None:
    """Silence PyMongo's warnings about a connection string: they show the values of its options.

    For the whole process, since a client may read the string again when it looks up its servers.
    """
    for category in (UserWarning, DeprecationWarning):
        warnings.filterwarnings("ignore", category=category, module="pymongo")


def loopback_address(uri: str) -> Address | None:
    """Return the address that `uri` names if it is one on loopback, or else None.

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
