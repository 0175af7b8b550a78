"""The command line: finds the command that is asked for, runs it, and turns whatever comes of it into an exit code."""

from __future__ import annotations

import ast
import atexit
import functools
import gc
import sys
from collections.abc import Callable, Collection
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from flows.cli.commands import COMMANDS
from flows.cli.ends import guarded_ends
from specs.boundary.children import configure_libraries, keep_known_variables
from specs.commands import given
from specs.errors import LimnerError

YOUNG = 50_000  # values after whose making Python looks for cycles among the newest; its own choice is 700
INTERRUPTED = 130  # the shell's number for a run ended by Ctrl-C
INTERRUPTED_WORDS = "Interrupted. What was recorded stays; run the same command to go on."
SETTINGS: dict[str, Any] = {"pretty_exceptions_enable": False, "add_completion": False}


class Commands(TyperGroup):
    """The commands of ``flows.cli.commands``. The one that is asked for is imported, the others' help is read only."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = dict.fromkeys(COMMANDS)  # for what a mistyped name may mean

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What the list of all shows of one."""
        return _outline(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is asked for, whole."""
        name, outline, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name and outline else outline, rest


app = typer.Typer(
    name="limner",
    cls=Commands,
    help="A batch illustrator for games: YAML specs in; chosen, documented, reproducible pictures out.",
    no_args_is_help=True,
    **SETTINGS,
)


@app.callback()
def _limner() -> None:
    pass


def _outline(name: str) -> Any:
    """A command that has nothing but its help: to import all of them takes a second."""
    file = Path(__file__).parent / "commands" / f"{COMMANDS[name].replace('.', '/')}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "command")

    def nothing() -> None:
        pass

    alone = typer.Typer(**SETTINGS)
    alone.command(name, help=ast.get_docstring(function))(nothing)
    return typer.main.get_command(alone)


@functools.cache
def load_command(name: str) -> Any:
    """A command as Typer's click has it; its function gives the exit code."""
    alone = typer.Typer(**SETTINGS)
    alone.command(name)(ending(import_module(f"flows.cli.commands.{COMMANDS[name]}").command))
    return typer.main.get_command(alone)


def ending(function: Callable[..., int | None]) -> Callable[..., None]:
    """The function of a command such that it ends with an exit code, whatever it raises."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        def call() -> int | None:
            configure_libraries(online=bool(kwargs.get("online")))
            given(kwargs.get("library"), kwargs.get("checkpoints") or ())
            return function(*args, **kwargs)

        raise typer.Exit(_guarded(call, kwargs))

    return run


def _guarded(call: Callable[[], int | None], options: Collection[str] = ()) -> int:
    """Run a call to its exit code; whatever it raises becomes one message. ``options``: those that the command takes.

    The one place where exit codes are made: 0 done, 1 it could not, 2 the request is wrong, 130 stopped by Ctrl-C.
    """
    try:
        return call() or 0
    except LimnerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(INTERRUPTED_WORDS, file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        from flows.faults import told

        print(told(error, options), file=sys.stderr)
        return 1


def main() -> None:
    """The console command ``limner``. Of the environment it reads what the README names, and forgets the rest.

    What it imports and reads are many small values that live to its end. To look for cycles among them as often as
    Python would, and once more when all is done, took a quarter of a second of every command.
    """
    keep_known_variables()
    gc.set_threshold(YOUNG)
    atexit.register(gc.freeze)
    sys.exit(guarded_ends(run))


def run() -> int:
    """The command line that ``sys.argv`` holds; returns its exit code."""
    try:
        app(prog_name="limner")
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    return 0


if __name__ == "__main__":
    main()
