"""The command line: `insights COMMAND`, or `python -m insights COMMAND`."""

import signal

# No traceback on Ctrl-C during imports.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from insights.application import end, main  # noqa: E402
from insights.signals import raise_lost_ones_again  # noqa: E402


def run() -> None:
    """Run a command, and exit with its exit code."""
    raise_lost_ones_again()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end(main())


if __name__ == "__main__":
    run()
