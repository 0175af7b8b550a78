"""The errors that a user can cause. Each message names the place, what was received, what is allowed, and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from specs.spec import Place
from specs.values.characters import escaped

MOST_SHOWN = 100


class LimnerError(Exception):
    """Something a user can mend. ``str()`` is the whole message; the command line exits with ``exit_code``."""

    exit_code = 1


class UsageError(LimnerError):
    """The request itself is wrong (a bad spec, an unknown name, an impossible option): exit code 2."""

    exit_code = 2


class InvalidValue(ValueError):  # noqa: N818 (it is what a check says, not a failure of ours)
    """One value that cannot be used, before anybody knows where it stands: what was received, what is allowed.

    ``mean`` is a near name that exists, ``mend`` a short instruction; both may be empty. ``about``: the keys of a
    mapping that the refusal is about, so that it is not raised because one of them was wrong already.
    """

    def __init__(self, got: str, allowed: str, mean: str = "", mend: str = "", *, about: tuple[str, ...] = ()) -> None:
        super().__init__(f"got {got}; allowed: {allowed}")
        self.got, self.allowed, self.mean, self.mend, self.about = got, allowed, mean, mend, about


@dataclass(frozen=True, slots=True)
class SpecError:
    """One error of one file: where, of what, received, allowed. ``str()`` is the line that the user reads."""

    place: Place
    what: str
    got: str
    allowed: str
    mean: str = ""
    mend: str = ""

    def __str__(self) -> str:
        parts = [f"{self.place}: {self.what}: got {self.got}", f"allowed: {self.allowed}"]
        if self.mend:
            parts.append(self.mend)
        if self.mean:
            parts.append(f"did you mean {self.mean}?")
        return escaped("; ".join(parts))

    @classmethod
    def refused(cls, place: Place, what: str, refusal: InvalidValue) -> SpecError:
        """The error of a value that a check refused, now that its place is known."""
        return cls(place, what, refusal.got, refusal.allowed, refusal.mean, refusal.mend)


class FileErrors(UsageError):  # noqa: N818 (many errors)
    """Everything that is wrong with a file, at once: ``errors`` in the order of their places."""

    def __init__(self, errors: Iterable[SpecError]) -> None:
        distinct = dict.fromkeys(errors)
        self.errors = tuple(sorted(distinct, key=lambda e: (e.place.path, e.place.line, e.place.column, e.what)))
        lines = [str(error) for error in self.errors[:MOST_SHOWN]]
        if len(self.errors) > MOST_SHOWN:
            lines.append(f"… and {len(self.errors) - MOST_SHOWN} more errors")
        super().__init__("\n".join(lines))


class SpecErrors(FileErrors):
    """A spec, or a row file that it names, cannot be used."""


class RegistryErrors(FileErrors):
    """A file of checkpoints cannot be used."""
