"""The report of an error that nobody foresaw: one sentence for people, and a file with the traceback."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import traceback
from importlib import metadata
from pathlib import Path

from specs.values.characters import escaped

REPORTED = ("limner", "torch", "diffusers", "transformers", "open-clip-torch", "prefect", "sqlalchemy", "numpy")
SECRET = re.compile(r"TOKEN|KEY|AUTH|PASSWORD|PROXY|API_URL", re.IGNORECASE)  # names of variables


def cause(error: BaseException) -> str:
    """``ValueError: what it said``, in one line."""
    text = escaped(" ".join(str(error).split())).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def report(error: Exception, doing: str) -> str:
    """Write the traceback into a new temporary file that only this user reads; the sentence that says where it is.

    ``doing``: the command, or what it was asked. Values of secret variables are left out.
    """
    system = os.uname()  # ``platform`` would start programs
    lines = [
        f"command: {doing}",
        f"python: {platform.python_version()}, {system.sysname} {system.release} {system.machine}",
        *(f"{name}: {_version(name)}" for name in REPORTED),
        "",
        *traceback.format_exception(error),
    ]
    try:
        descriptor, name = tempfile.mkstemp(prefix="limner-fault-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(without_secrets("\n".join(lines)))
    except OSError as refused:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"No report could be written ({refused}); it was at {Path(frame.filename).name}:{frame.lineno}."
    return f"Please report it with {name}, which holds the traceback, the versions and the command."


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def without_secrets(text: str) -> str:
    """The text with the values of secret variables, and passwords in addresses, by their names instead."""
    for name, value in os.environ.items():
        if SECRET.search(name) and len(value) > 3:
            text = text.replace(value, f"${name}")
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1…@", text)
