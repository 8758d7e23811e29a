"""The command line: `python -m insights COMMAND`."""

import signal

# While the application is loaded, Ctrl-C ends the process at once and quietly.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from insights.application import end, main  # noqa: E402

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end(main())
