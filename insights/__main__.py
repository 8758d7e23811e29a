"""The command line: `insights COMMAND`, or `python -m insights COMMAND`."""

import signal

# While the application is loaded, Ctrl-C ends the process at once and quietly.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from insights.application import end, main  # noqa: E402


def run() -> None:
    """Run a command, and end the process with its exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end(main())


if __name__ == "__main__":
    run()
