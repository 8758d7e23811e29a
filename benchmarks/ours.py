"""The local server without its access log, like the peer."""

import sys

from uvicorn.config import LOGGING_CONFIG

from devserver.program import main

if __name__ == "__main__":
    # Uvicorn takes a log without handlers for one that is off.
    LOGGING_CONFIG["loggers"]["uvicorn.access"]["handlers"] = []
    sys.exit(main())
