"""Options and arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.settings import DEVICES

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
