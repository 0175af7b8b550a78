"""The errors that a user can cause. Each message names the place, what was received, what is allowed, and the mend."""

from __future__ import annotations


class LimnerError(Exception):
    """Something a user can mend. ``str()`` is the whole message; the command line prints it and exits with ``exit_code``."""

    exit_code = 1


class UsageError(LimnerError):
    """The request itself is wrong (a bad spec, an unknown name, an impossible option): exit code 2."""

    exit_code = 2
