"""What can go wrong with a library, in words that a user can act on."""

from __future__ import annotations

from specs.errors import LimnerError, UsageError


class CatalogError(LimnerError):
    """The library cannot do what was asked of it."""


class DamagedError(CatalogError):
    """The catalog is missing, empty, older than its seal, or not this library's; the message says the way back."""


class StorageError(CatalogError):
    """The disk or the file system refused; nothing that was not acknowledged is on record."""


class LibraryMissingError(UsageError):
    """There is no library at this path."""


class NewerLibraryError(CatalogError):
    """The library was written by a newer limner."""


class BusyError(CatalogError):
    """Another process holds what is needed; the message says who and since when."""


class NotFoundError(UsageError):
    """Nothing in the library answers to this text."""


class AmbiguousError(UsageError):
    """Several pictures answer to this text; ``matches`` lists them."""

    def __init__(self, message: str, matches: tuple[str, ...]) -> None:
        super().__init__(message)
        self.matches = matches
