"""What ends a command before its time: one line for the user, and an exit code."""


class InsightsError(Exception):
    """Base of them all. The text says in one line what is wrong, and what to do about it."""

    exit_code = 1


class Refused(InsightsError):
    """MongoDB refused the operation."""


class UsageError(InsightsError):
    """An option, filter, date or setting is wrong. The text says what is allowed."""

    exit_code = 2


class Unreachable(InsightsError):
    """No MongoDB answers."""

    exit_code = 3


class FileNotWritable(InsightsError):
    """A file cannot be written."""

    exit_code = 4


class NoData(InsightsError):
    """Nothing matches what was asked for."""

    exit_code = 5


class Defect(InsightsError):
    """A mistake of this tool's own. The text says where."""

    exit_code = 70
