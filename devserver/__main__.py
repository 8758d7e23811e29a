"""Serve the project in the current folder: `python -m devserver`."""

import signal
import sys

# While the server is loaded, Ctrl-C ends the process at once. As an exception it may be lost:
# Python 3.13 ignores one that comes while it puts away what an import needed.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from devserver.program import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
