"""The command line: one command, one call. Options here, work elsewhere; imports that cost time stay in the calls."""

from __future__ import annotations

import atexit
import functools
import gc
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.settings import DEVICES, from_environment
from specs.boundary.children import configure_libraries, keep_known_variables
from specs.errors import LimnerError

app = typer.Typer(
    name="limner",
    help="A batch illustrator for games: YAML specs in; chosen, documented, reproducible pictures out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

YOUNG = 50_000  # values after whose making Python looks for cycles among the newest; its own choice is 700
INTERRUPTED = 130  # the shell's number for a run ended by Ctrl-C

Library = Annotated[Path | None, typer.Option("--library", help="The library's folder [$LIMNER_LIBRARY, ./library].")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts on standard output.")]
SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="A spec: a YAML file.")]
SpecFiles = Annotated[list[Path], typer.Argument(metavar="SPEC…", help="Specs: YAML files.")]
Checkpoints = Annotated[list[Path], typer.Option("--checkpoints", help="A checkpoints file of yours; repeatable.")]
Device = Annotated[str | None, typer.Option(help=f"{DEVICES}.")]
Dtype = Annotated[str | None, typer.Option(help="auto, float32, bfloat16 or float16.")]
BatchSize = Annotated[int | None, typer.Option(help="Pictures rendered at once; part of what makes their bytes.")]
LowMemory = Annotated[bool, typer.Option("--low-memory", help="For cards of 6 to 8 GB: slower, far less memory.")]
Online = Annotated[bool, typer.Option("--online", help="May fetch pinned weights from the model hub.")]
Person = Annotated[str | None, typer.Option("--as", help="Who decides [$LIMNER_PERSON, your login name].")]
SetsOrSpecs = Annotated[list[str], typer.Argument(metavar="[SET…]", help="Sets of the library, or their specs.")]
EverySet = Annotated[bool, typer.Option("--all", help="All sets of the library.")]
PictureId = Annotated[str, typer.Argument(metavar="ID", help="As for show.")]


def command(name: str, **options: Any) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """Register a command whose function returns its exit code; errors that a user can mend become one message."""

    def register(function: Callable[..., int | None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            configure_libraries(online=bool(kwargs.get("online")))
            raise typer.Exit(_guarded(functools.partial(function, *args, **kwargs)))

        app.command(name, **options)(run)
        return run

    return register


def _guarded(call: Callable[[], int | None]) -> int:
    try:
        return call() or 0
    except LimnerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted. What was recorded stays; run the same command to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left
        sys.stderr.close()
        return 0


@command("produce")
def produce(
    specs: SpecFiles,
    library: Library = None,
    device: Device = None,
    dtype: Dtype = None,
    batch_size: BatchSize = None,
    low_memory: LowMemory = False,
    checkpoints: Checkpoints = [],  # noqa: B006 (typer copies it)
    online: Online = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Fail if another run holds the set.")] = False,
    fail_on_holes: Annotated[
        bool, typer.Option("--fail-on-holes", help="Exit code 1 when an asset is short of keepers.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Make, score and choose what is missing of the specs, and say where it is."""
    from flows.cli.commands.produce import produce_specs

    settings = from_environment(
        library=library,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        low_memory=low_memory or None,
        checkpoints=tuple(checkpoints),
        online=online or None,
        wait=False if no_wait else None,
    )
    return produce_specs(specs, settings, as_json=as_json, fail_on_holes=fail_on_holes)


@command("plan")
def plan(
    spec: SpecFile,
    library: Library = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    prompts: Annotated[bool, typer.Option("--prompts", help="Also show each asset's filled prompts.")] = False,
    as_json: AsJson = False,
) -> int:
    """Say per asset what is new, changed, up to date, blocked or short of keepers, and why. Makes nothing."""
    from flows.cli.reports import show_plan

    settings = from_environment(library=library, checkpoints=tuple(checkpoints))
    return show_plan(spec, settings, prompts=prompts, as_json=as_json)


@command("keepers")
def keepers(
    sets: Annotated[list[str] | None, typer.Argument(metavar="[SET…]", help="Sets; * and ? allowed.")] = None,
    asset: Annotated[list[str] | None, typer.Option(help="Of these assets; * and ? allowed; repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Having this tag; repeated: all of them.")] = None,
    reason: Annotated[list[str] | None, typer.Option(help="Kept for this reason; repeated: any of them.")] = None,
    by: Annotated[str, typer.Option(help="Decided by policy, person, or person:NAME.")] = "",
    checkpoint: Annotated[list[str] | None, typer.Option(help="Made with it; * and ? allowed; repeatable.")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="Under it; * and ? allowed; repeatable.")] = None,
    use: Annotated[str, typer.Option(help="Made for this use: commercial, noncommercial or internal.")] = "",
    commercial: Annotated[bool, typer.Option("--commercial", help="Only what may be exported commercially.")] = False,
    min_aesthetic: Annotated[float | None, typer.Option(help="Scored at least so.")] = None,
    min_adherence: Annotated[float | None, typer.Option(help="Scored at least so.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Decided on this day (UTC) or later: 2026-11-22, or a moment.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Decided on this day (UTC) or earlier.")] = None,
    text: Annotated[str, typer.Option(help="Having this in the prompt.")] = "",
    former: Annotated[bool, typer.Option("--former", help="Also of assets that their spec no longer has.")] = False,
    save: Annotated[str | None, typer.Option(help="Save the search under this name.")] = None,
    saved: Annotated[str | None, typer.Option(help="Use a saved search.")] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Explain each choice and its runner-up; SET may be set/asset or a spec.")
    ] = False,
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
    paths: Annotated[bool, typer.Option("--paths", help="Print the files' paths, one a line.")] = False,
) -> int:
    """List the keepers: asset, picture, seed, scores. Every option narrows."""
    from catalog.queries.filter import Filter, moment
    from flows.cli.commands.keepers import show_keepers

    wanted = Filter(
        sets=tuple(sets or ()),
        assets=tuple(asset or ()),
        tags=tuple(tag or ()),
        reasons=tuple(reason or ()),
        decided_by=by,
        checkpoints=tuple(checkpoint or ()),
        licences=tuple(licence or ()),
        use=use,
        commercial=commercial,
        min_aesthetic=min_aesthetic,
        min_adherence=min_adherence,
        since=moment(since) if since else "",
        until=moment(until, end=True) if until else "",
        text=text,
        former=former,
    )
    settings = from_environment(library=library)
    if why:
        from flows.cli.commands.why import show_why

        only_sets = wanted == Filter(sets=wanted.sets) and not (save or saved or paths)
        return show_why(wanted.sets, settings, only_sets=only_sets, as_json=as_json)
    return show_keepers(wanted, settings, save=save, saved=saved, person=person, as_json=as_json, paths=paths)


@command("searches")
def searches(
    delete: Annotated[str | None, typer.Option(help="Delete this one first.")] = None,
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
) -> int:
    """List the saved searches: limner keepers … --save NAME makes one, --saved NAME uses it."""
    from flows.cli.commands.annotate import show_searches

    return show_searches(from_environment(library=library), delete=delete, person=person, as_json=as_json)


@command("tag")
def tag(
    id_: PictureId,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG…", help="Tags to put on; none: list them.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take them off.")] = False,
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
) -> int:
    """Put tags on a picture, or take them off. Who did and when stays on record."""
    from flows.cli.commands.annotate import tag_one

    settings = from_environment(library=library)
    return tag_one(id_, tags or [], settings, remove=remove, person=person, as_json=as_json)


@command("note")
def note(
    id_: PictureId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be said of the picture.")],
    library: Library = None,
    person: Person = None,
) -> int:
    """Write a note on a picture; limner show prints them all."""
    from flows.cli.commands.annotate import note_one

    return note_one(id_, text, from_environment(library=library), person=person)


@command("stats")
def stats(library: Library = None, as_json: AsJson = False) -> int:
    """The library in numbers: sets, holes, keepers, reasons, safety, checkpoints, disk, agreement with persons."""
    from flows.cli.commands.stats import show_stats

    return show_stats(from_environment(library=library), as_json=as_json)


@command("show")
def show(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="A picture's hash or its beginning, set/asset, or set/asset#n.")
    ],
    library: Library = None,
    as_json: AsJson = False,
) -> int:
    """Print the whole record of a picture: where it came from, what it was made with, every score and verdict."""
    from flows.cli.reports import show_record

    return show_record(id_, from_environment(library=library), as_json=as_json)


@command("review")
def review(
    library: Library = None,
    port: Annotated[int, typer.Option(help="A port on loopback; 0: any that is free.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address, open no browser.")] = False,
    checkpoints: Checkpoints = [],  # noqa: B006
    person: Person = None,
) -> int:
    """Look at the candidates in the browser and decide: keep, reject, undo, compare. On this machine only."""
    from flows.cli.commands.review import serve_review

    settings = from_environment(library=library, checkpoints=tuple(checkpoints))
    return serve_review(settings, port=port, open_browser=not no_open, person=person)


@command("keep")
def keep(
    id_: PictureId,
    why: Annotated[str, typer.Option("--why", help="A note: why.")] = "",
    override_safety: Annotated[
        bool, typer.Option("--override-safety", help="Keep what is not measured clear; needs --why.")
    ] = False,
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
) -> int:
    """Keep a picture, by a person's verdict. It counts before any rule's; undo takes it back."""
    from flows.cli.commands.review import keep_one

    settings = from_environment(library=library)
    return keep_one(id_, settings, why=why, override=override_safety, person=person, as_json=as_json)


@command("reject")
def reject(
    id_: PictureId,
    why: Annotated[str, typer.Option("--why", help="A named reason such as off_style, or a note.")],
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
) -> int:
    """Reject a picture, by a person's verdict. It counts before any rule's; undo takes it back."""
    from flows.cli.commands.review import reject_one

    return reject_one(id_, from_environment(library=library), why=why, person=person, as_json=as_json)


@command("undo")
def undo(id_: PictureId, library: Library = None, person: Person = None, as_json: AsJson = False) -> int:
    """Take a person's last verdict on a picture back; what stood before it counts again. As often as you like."""
    from flows.cli.commands.review import undo_one

    return undo_one(id_, from_environment(library=library), person=person, as_json=as_json)


@command("reproduce")
def reproduce(
    id_: PictureId,
    library: Library = None,
    device: Device = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    to: Annotated[Path | None, typer.Option(help="Also write the new picture here.")] = None,
    as_json: AsJson = False,
) -> int:
    """Render a picture again from its record and compare, pixel by pixel. Exit code 1 when it is not the same."""
    from flows.cli.commands.reproduce import reproduce_one

    settings = from_environment(library=library, device=device, checkpoints=tuple(checkpoints))
    return reproduce_one(id_, settings, to=to, as_json=as_json)


@command("rescore")
def rescore(
    sets: SetsOrSpecs = [],  # noqa: B006 (typer copies it)
    every: EverySet = False,
    decode: Annotated[
        bool, typer.Option("--decode", help="May look at the pictures again, where stored embeddings do not answer.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Choose among all that pass, though the rules are the same.")
    ] = False,
    library: Library = None,
    device: Device = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    as_json: AsJson = False,
) -> int:
    """Score, judge and choose by the spec as it is now, from stored embeddings. Persons' verdicts stand.

    Where neither the rules nor the scorers changed nothing is written, unless --anew asks for a new choice.
    """
    from flows.cli.commands.rescore import rescore_sets

    settings = from_environment(library=library, device=device, checkpoints=tuple(checkpoints))
    return rescore_sets(sets, settings, every=every, decode=decode, anew=anew, as_json=as_json)


@command("calibrate")
def calibrate(
    set_or_spec: Annotated[str, typer.Argument(metavar="SET", help="A set of the library, or its spec.")],
    min_aesthetic: Annotated[float | None, typer.Option(min=0, max=10, help="Try this threshold.")] = None,
    min_adherence: Annotated[float | None, typer.Option(min=-1, max=1, help="Try this threshold.")] = None,
    max_rank: Annotated[int | None, typer.Option(min=1, max=1000, help="Try this threshold.")] = None,
    min_margin: Annotated[float | None, typer.Option(min=-1, max=1, help="Try this threshold.")] = None,
    png: Annotated[Path | None, typer.Option(help="Also draw the plot into this file.")] = None,
    library: Library = None,
    as_json: AsJson = False,
) -> int:
    """Show how the scores of a set lie, where its thresholds cut, and what they would keep. Changes nothing."""
    from flows.cli.commands.calibrate import show_calibration

    instead = {"min_aesthetic": min_aesthetic, "min_adherence": min_adherence, "max_rank": max_rank}
    instead["min_margin"] = min_margin
    settings = from_environment(library=library)
    return show_calibration(set_or_spec, settings, instead=instead, png=png, as_json=as_json)


@command("clusters")
def clusters(
    sets: SetsOrSpecs = [],  # noqa: B006
    every: EverySet = False,
    library: Library = None,
    as_json: AsJson = False,
) -> int:
    """List the candidates that are the same picture, within the sets named and across them."""
    from flows.cli.commands.clusters import show_clusters

    return show_clusters(sets, from_environment(library=library), every=every, as_json=as_json)


@command("taste")
def taste(
    set_or_spec: Annotated[str | None, typer.Argument(metavar="[SET]", help="A set, or its spec.")] = None,
    every: EverySet = False,
    by: Annotated[str | None, typer.Option("--by", help="Learn from this person's verdicts alone.")] = None,
    asked: Annotated[
        int | None,
        typer.Option("--ask", min=1, metavar="N", help="List the N pictures whose verdicts would teach most, instead."),
    ] = None,
    library: Library = None,
    as_json: AsJson = False,
) -> int:
    """Learn a person's taste from 40 verdicts or more, say how well it agrees with them, suggest what to keep."""
    from flows.cli.commands.taste import ask, teach

    settings = from_environment(library=library)
    if asked:
        return ask(set_or_spec, settings, asked, every=every, person=by, as_json=as_json)
    return teach(set_or_spec, settings, every=every, person=by, as_json=as_json)


@command("verify")
def verify(
    library: Library = None,
    gc: Annotated[
        bool,
        typer.Option(
            "--gc", help="Move files that no row refers to into the trash, and empty it of what is a week old."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --gc: also when that is most of what is there.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set damaged files aside, so that produce remakes them.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Re-derive every hash of the library; read-only unless told otherwise. Exit code 1 when there are problems."""
    from flows.cli.reports import show_verification

    return show_verification(from_environment(library=library), gc=gc, yes=yes, repair=repair, as_json=as_json)


@command("backup")
def backup(
    to: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, or the backup of before.")],
    replace_newer: Annotated[
        bool,
        typer.Option(
            "--replace-newer", help="Also over a backup that holds more than the library; that state is kept."
        ),
    ] = False,
    library: Library = None,
    as_json: AsJson = False,
) -> int:
    """Back the library up while it is in use, and read it all back. A backup is a library: --library opens it."""
    from flows.cli.commands.backup import back_up_to

    return back_up_to(to, from_environment(library=library), replace_newer=replace_newer, as_json=as_json)


@command("checkpoints")
def checkpoints_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One checkpoint in full.")] = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    as_json: AsJson = False,
) -> int:
    """List the checkpoints that limner knows: status, licence, what each use may, whether the weights are here."""
    from flows.cli.reports import show_checkpoints

    return show_checkpoints(name, from_environment(checkpoints=tuple(checkpoints)), as_json=as_json)


@command("convert")
def convert(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A pickle of tensors: .bin, .pt or .pth.")],
    to: Annotated[Path | None, typer.Option(help="The folder to write into; beside the file without it.")] = None,
    clip: Annotated[
        str | None, typer.Option(help="The file is a scorer's head: the CLIP it belongs to, by name or sha256.")
    ] = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    as_json: AsJson = False,
) -> int:
    """Turn published weights from a pickle into safetensors: opened as weights only, in a process of its own."""
    from flows.cli.commands.convert import convert as convert_file

    return convert_file(source, to, clip, from_environment(checkpoints=tuple(checkpoints)), as_json=as_json)


@command("serve")
def serve(
    specs: SpecFiles,
    library: Library = None,
    device: Device = None,
    batch_size: BatchSize = None,
    checkpoints: Checkpoints = [],  # noqa: B006
) -> int:
    """Regenerate the specs by their schedules until stopped: only what is new or short of keepers, each time."""
    from flows.cli.commands.serve import serve_specs

    settings = from_environment(
        library=library, device=device, batch_size=batch_size, checkpoints=tuple(checkpoints), wait=False
    )
    return serve_specs(specs, settings)


@command("doctor")
def doctor(library: Library = None, as_json: AsJson = False) -> int:
    """Say what this machine has, what limner would use, and what is amiss."""
    from flows.cli.commands.doctor import examine

    return examine(from_environment(library=library), as_json=as_json)


def main() -> None:
    """The console command ``limner``. Of the environment it reads what the README names, and forgets the rest.

    What it imports and reads are many small values that live to its end. To look for cycles among them as often as
    Python would, and once more when all is done, took a quarter of a second of every command.
    """
    keep_known_variables()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a letter that a terminal does not know is spelled, as in messages
        sys.stdout.reconfigure(errors="backslashreplace")
    gc.set_threshold(YOUNG)
    atexit.register(gc.freeze)
    app(prog_name="limner")


if __name__ == "__main__":
    main()
