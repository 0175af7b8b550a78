"""The help pages as files, so that a change of the command line shows in review: ``python -m flows.cli.help_pages``."""

from __future__ import annotations

from pathlib import Path

from specs.boundary.children import run_python

FOLDER = Path(__file__).parents[2] / "docs" / "commands"
WORDS = (
    "produce plan keepers searches stats show review keep reject undo tag note reproduce "
    "rescore calibrate clusters taste verify backup checkpoints convert serve doctor"
)


def pages() -> dict[str, str]:
    """File name → the help text of limner and of each command, 100 columns wide, without colours."""
    return {f"{name or 'limner'}.txt": _help(name) for name in ["", *WORDS.split()]}


def _help(name: str) -> str:
    plain = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    done = run_python("limner.__main__", *([name] if name else []), "--help", timeout_s=60, environment=plain)
    assert done.code == 0, done.err
    return "\n".join(line.rstrip() for line in done.out.splitlines()).strip() + "\n"


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
