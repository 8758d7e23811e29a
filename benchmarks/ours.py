"""The local server as it is, but without its access log, which the peer has off too."""

import sys

from uvicorn.config import LOGGING_CONFIG

from devserver.program import main

if __name__ == "__main__":
    # To uvicorn, a log without a handler is one that is off.
    LOGGING_CONFIG["loggers"]["uvicorn.access"]["handlers"] = []
    sys.exit(main())
