"""Code that both functions use: settings, models, requests, responses, and MongoDB."""

import os
import sys

# If cryptography is installed, PyMongo imports it for PyOpenSSL, which its async API does not use
# ("the async API does not support PyOpenSSL", pymongo/pyopenssl_context.py). Only tokens need it,
# so a cold start without them should not pay for it.
sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]

# Pydantic searches the metadata of every installed package for plugins (Pydantic documentation,
# "Plugins"). There are none, and the search takes 3 % of a cold start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
