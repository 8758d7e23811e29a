"""What both functions share: settings, models, checks, the MongoDB connection, and answers."""

import os
import sys

# Wherever cryptography is installed, PyMongo imports it for PyOpenSSL, which its async API does not
# use ("the async API does not support PyOpenSSL", pymongo/pyopenssl_context.py). Tokens need it
# installed, but while they are off no cold start should pay for it.
sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]

# Pydantic looks through the metadata of every installed package for plugins, of which there are
# none (Pydantic documentation, "Plugins"): a cold start takes 3 % longer for nothing.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
