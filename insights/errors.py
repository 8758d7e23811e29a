"""The errors that end a command, each with a one-line message and an exit code."""


class InsightsError(Exception):
    """Base class. The text names the problem and its remedy in one line."""

    exit_code = 1


class Refused(InsightsError):
    """MongoDB refused the operation."""


class UsageError(InsightsError):
    """An option, filter, date or setting is wrong. The text lists the allowed values."""

    exit_code = 2


class Unreachable(InsightsError):
    """No MongoDB answers."""

    exit_code = 3


class FileNotWritable(InsightsError):
    """A file cannot be written."""

    exit_code = 4


class NoData(InsightsError):
    """Nothing matches."""

    exit_code = 5


class Defect(InsightsError):
    """A bug in `insights`. The text names the line of code."""

    exit_code = 70
