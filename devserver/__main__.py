"""Serve the project in the current folder: `python -m devserver`."""

import signal
import sys

# Until the server is loaded, Ctrl-C kills the process. As an exception it can get lost: Python 3.13
# ignores one that is raised while it cleans up after an import.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from devserver.program import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
