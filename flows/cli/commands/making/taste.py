"""``limner taste``: learn a person's taste from their verdicts, say how well, and suggest what to keep, or to judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from catalog.catalog import Catalog
from catalog.objects.areas import Area, ImageState
from catalog.provenance import CandidateKey
from catalog.queries.candidate_state import CandidateState
from flows.cli.options import AsJson, EverySet, Library
from flows.cli.which_set import set_names
from flows.output import console, print_json
from flows.pipeline.resolve import TASTES
from flows.settings import Settings, from_environment
from scoring.deciders import as_person
from scoring.taste.learn import learn_taste, questions, suggested
from scoring.taste.taste_file import EVERY_SET, Learned, save_taste
from specs.commands import limner
from specs.errors import UsageError

ROWS_SHOWN = 20


def command(
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
    settings = from_environment(library=library)
    if asked:
        return ask(set_or_spec, settings, asked, every=every, person=by, as_json=as_json)
    return teach(set_or_spec, settings, every=every, person=by, as_json=as_json)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Candidates with their rows of one CLIP's embeddings (N, D)."""

    candidates: list[CandidateState]
    vectors: np.ndarray[Any, np.dtype[np.float16]]

    def __len__(self) -> int:
        return len(self.candidates)


def teach(named: str | None, settings: Settings, *, every: bool, person: str | None, as_json: bool) -> int:
    """Learn from the verdicts of ``person`` (None: of all persons) on a set, or on all; save the head; suggest."""
    names, clip_id, seen, vectors = _seen(named, settings, every)
    judged, waiting = _judged_and_waiting(seen, vectors, person)
    taste = learn_taste(judged.vectors, *_labels(judged), _rows(seen, vectors).vectors)
    learned = save_taste(settings.library / TASTES, EVERY_SET if every else names[0], clip_id, taste)
    liked = _suggested(learned, waiting)
    called = _names((one for one, _ in liked), settings)
    value = {
        "scope": "library" if every else names[0],
        "verdicts": taste.verdicts,
        "agreement": taste.agreement,
        "stock_agreement": taste.stock_agreement,
        "majority": taste.majority,
        "interval": taste.interval,
        "auc": taste.auc,
        "learned": taste.learned,
        "head_sha256": learned.sha256,
        "path": str((settings.library / TASTES / f"{learned.scope}.safetensors").resolve()),
        "waiting": len(waiting),
        "suggested": [_value(one, chance, called[one.key]) for one, chance in liked],
    }
    if as_json:
        print_json(value)
    else:
        _tell(value)
    return 0


def ask(named: str | None, settings: Settings, count: int, *, every: bool, person: str | None, as_json: bool) -> int:
    """List the pictures whose verdicts would teach most; learn and save nothing."""
    _, _, seen, vectors = _seen(named, settings, every)
    judged, waiting = _judged_and_waiting(seen, vectors, person)
    rows = questions(judged.vectors, _labels(judged)[0], waiting.vectors, count) if len(waiting) else []
    asked = [waiting.candidates[row] for row in rows]
    names = _names(asked, settings)
    if as_json:
        value = [{"id": names[one.key], "image_sha256": one.image_sha256} for one in asked]
        print_json({"verdicts": len(judged), "waiting": len(waiting), "asked": value})
        return 0
    for one in asked:
        console().print(f"{names[one.key]}  {one.image_sha256[:12]}", soft_wrap=True)
    console().print(
        f"{len(judged)} verdicts so far. These {len(asked)} would teach most: `{limner('keep', 'ID')}`, "
        f"`{limner('reject', 'ID', '--why', 'off_style')}`, or "
        f"`{limner('review')}`; then ask again.",
        markup=False,
        soft_wrap=True,
    )
    return 0


def _seen(named: str | None, settings: Settings, every: bool) -> tuple[list[str], str, list[CandidateState], Any]:
    """The sets' names, the CLIP, all the candidates that it has seen, and their embeddings by hash."""
    with Catalog.open(settings.library, create=False) as catalog:
        names = set_names([named] if named else [], settings, catalog, every=every)
        candidates = [one for name in names for jobs in catalog.candidates(name).values() for one in jobs.values()]
        clip_id = _clip(catalog, names)
        vectors = catalog.vectors((one.image_sha256 for one in candidates), clip_id)
    return names, clip_id, [one for one in candidates if one.image_sha256 in vectors], vectors


def _judged_and_waiting(seen: Sequence[CandidateState], vectors: Any, person: str | None) -> tuple[Seen, Seen]:
    judged = [one for one in seen if _is_by(one, person)]
    return _rows(judged, vectors), _rows([one for one in seen if _waits(one)], vectors)


def _clip(catalog: Catalog, names: Sequence[str]) -> str:
    """The one CLIP whose embeddings the sets have."""
    clips = sorted({clip for name in names if (clip := catalog.embeddings(name).clip_id)})
    if len(clips) != 1:
        got = "no embeddings" if not clips else f"embeddings of {len(clips)} different CLIPs"
        mend = "choose a set that was scored with a CLIP" if not clips else "name sets of one CLIP, one at a time"
        where = ", ".join(names) or "the library"
        raise UsageError(f"taste: got {got} in {where}; allowed: those of one CLIP: {mend}.")
    return clips[0]


def _is_by(one: CandidateState, person: str | None) -> bool:
    return one.keep is not None and (one.decided_by == as_person(person) if person else one.by_person)


def _waits(one: CandidateState) -> bool:
    """No person has decided, and a person may see it: present, and measured clear."""
    return not one.by_person and one.state == ImageState.PRESENT and one.area == Area.OBJECTS


def _rows(candidates: Sequence[CandidateState], vectors: Any) -> Seen:
    """One row a picture: a picture that serves several assets would otherwise teach, and be examined, twice."""
    once = {one.image_sha256: one for one in candidates}
    matrix = np.stack([vectors[sha256] for sha256 in once]) if once else np.zeros((0, 1), np.float16)
    return Seen(list(once.values()), matrix)


def _labels(judged: Seen) -> tuple[list[bool], list[float | None]]:
    """Whether each was kept, and its stock score."""
    return [bool(one.keep) for one in judged.candidates], [one.scorecard.aesthetic for one in judged.candidates]


def _suggested(learned: Learned, waiting: Seen) -> list[tuple[CandidateState, float]]:
    """Best first; equals in the order of the rows."""
    if not len(waiting):
        return []
    chances = learned.taste.score(waiting.vectors).tolist()
    return [(waiting.candidates[place], chances[place]) for place in suggested(chances)]


def _names(candidates: Iterable[CandidateState], settings: Settings) -> Mapping[CandidateKey, str]:
    with Catalog.open(settings.library, create=False) as catalog:
        return catalog.names(candidates)


def _value(one: CandidateState, chance: float, name: str) -> dict[str, Any]:
    return {"id": name, "image_sha256": one.image_sha256, "chance": chance, "keeper": one.is_keeper}


def _tell(value: dict[str, Any]) -> None:
    out = console()
    table = Table()
    for column in ("picture", "hash", "chance", "kept now"):
        table.add_column(column, no_wrap=True, justify="right" if column == "chance" else "left")
    for one in value["suggested"][:ROWS_SHOWN]:
        row = [one["id"], one["image_sha256"][:12], f"{one['chance']:.2f}", "by the policy" if one["keeper"] else ""]
        table.add_row(*row)
    if value["suggested"]:
        out.print(table)
    if len(value["suggested"]) > ROWS_SHOWN:
        out.print(f"… and {len(value['suggested']) - ROWS_SHOWN} more (--json lists all)")
    out.print(f"It would keep {len(value['suggested'])} of {value['waiting']} that nobody has judged.")
    stock, (low, high) = value["stock_agreement"], value["interval"]
    out.print(
        f"Learned from {value['verdicts']} verdicts. Agreement with verdicts it had not seen: "
        f"taste about {value['agreement']:.0%} ({low:.0%} to {high:.0%}), stock aesthetic score "
        + ("not measured" if stock is None else f"{stock:.0%}")
        + f", always saying the commoner verdict {value['majority']:.0%}."
    )
    out.print(f"Of a kept and a rejected picture it likes the kept one better in {value['auc']:.0%} of all pairs.")
    if not value["learned"]:
        out.print("That may be luck (judging at random gives 50%): judge more pictures before you rely on it.")
    out.print(f"  head   {value['path']}", soft_wrap=True)
    out.print(f"  sha256 {value['head_sha256']}")
    out.print("It suggests only; it decides with the weight that the spec gives it: `select: {taste: 1.0}`.")
