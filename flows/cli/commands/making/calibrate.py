"""``limner calibrate``: how a set's scores lie, where its thresholds cut, and what they, or others, would keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.catalog import Catalog
from flows.cli.options import AsJson, Library
from flows.cli.which_set import spec_files
from flows.output import console, print_json
from flows.pipeline.judge_and_select import Rechoose, decided, with_verdicts
from flows.pipeline.planning import Candidates, standing_keepers
from flows.pipeline.rendering.tools import tools_for
from flows.pipeline.resolve import ResolvedSpec, resolve_spec
from flows.settings import Settings, from_environment
from scoring.calibration import Calibration, as_text, calibrate, draw_png
from scoring.scorecard import Scorecard
from specs.errors import UsageError
from specs.spec import Spec


def command(
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
    instead = {"min_aesthetic": min_aesthetic, "min_adherence": min_adherence, "max_rank": max_rank}
    instead["min_margin"] = min_margin
    settings = from_environment(library=library)
    return show_calibration(set_or_spec, settings, instead=instead, png=png, as_json=as_json)


def show_calibration(
    named: str, settings: Settings, *, instead: Mapping[str, float | None], png: Path | None, as_json: bool
) -> int:
    """``instead``: thresholds to try, by their names in the spec; None: as the spec says. Changes nothing."""
    resolved = resolve_spec(spec_files([named], settings, every=False)[0], settings)
    spec = resolved.spec
    changed: dict[str, Any] = {name: value for name, value in instead.items() if value is not None}
    with Catalog.open(settings.library, create=False) as catalog:
        made = catalog.candidates(spec.set_name)
        before, after = (
            _keepers(resolved, made),
            _keepers(resolved, _after_rescore(resolved, catalog, made, settings, changed)),
        )
    cards = _cards(spec, made)
    now = calibrate([card for _, card in cards], spec.keep)
    shown = calibrate([card for _, card in cards], replace(spec.keep, **changed)) if changed else now
    if png is not None:
        _draw(shown, png)
    short = [asset.asset_id for asset in spec.assets if after[asset.asset_id] < asset.keep.per_asset]
    kept, own = sum(after.values()), sum(asset.keep != spec.keep for asset in spec.assets)
    if as_json:
        print_json(
            {
                "set": spec.set_name,
                "tried": changed,
                **asdict(shown),
                "kept_by_the_spec": now.kept,
                "short": short,
                "keepers": sum(before.values()),
                "would_keep": kept,
            }
        )
        return 0
    out = console()
    out.print(as_text(shown), markup=False, soft_wrap=True)
    if changed:
        tried = ", ".join(f"{name} {value:g}" for name, value in changed.items())
        out.print(f"tried: {tried}; by the spec as it is {now.kept} of {now.pictures} pass; nothing was changed")
    would = f"{kept} would be kept, persons' verdicts included; {sum(before.values())} are kept now"
    out.print(f"{would}, of {sum(asset.keep.per_asset for asset in spec.assets)} wanted", soft_wrap=True)
    out.print(f"{len(short)} of {len(spec.assets)} assets would be short of keepers" + _listed(short), soft_wrap=True)
    if own:
        out.print(f"{own} assets have keep rules of their own, which the plot does not show")
    if png is not None:
        out.print(f"  plot  {png.resolve()}", soft_wrap=True)
    return 0


def _after_rescore(
    resolved: ResolvedSpec, catalog: Catalog, made: Candidates, settings: Settings, changed: Mapping[str, Any]
) -> Candidates:
    """What would be on record after a ``rescore`` with these thresholds; nothing is written, nothing measured anew."""
    plans = {
        id_: replace(plan, asset=replace(plan.asset, keep=replace(plan.asset.keep, **changed)))
        for id_, plan in resolved.plans.items()
    }
    tried, load = replace(resolved, plans=plans), tools_for(resolved, settings).load_scorers
    return with_verdicts(made, decided(tried, catalog, made, load, rechoose=Rechoose.CHANGED)[0])


def _keepers(resolved: ResolvedSpec, made: Candidates) -> dict[str, int]:
    return {asset.asset_id: standing_keepers(made.get(asset.asset_id, {})) for asset in resolved.spec.assets}


def _cards(spec: Spec, made: Candidates) -> list[tuple[str, Scorecard]]:
    """(asset, scorecard) of every candidate on record of the spec's assets."""
    found = [(asset.asset_id, made.get(asset.asset_id, {}).values()) for asset in spec.assets]
    return [(asset_id, candidate.scorecard) for asset_id, candidates in found for candidate in candidates]


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f": {', '.join(names[:most])}{more}" if names else ""


def _draw(shown: Calibration, png: Path) -> None:
    try:
        draw_png(shown, png)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--png: got {png}: {reason}; allowed: a .png file in a folder that exists.") from None
