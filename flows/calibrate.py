"""``limner calibrate``: how a set's scores lie, where its thresholds cut, and what they, or others, would keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from catalog.store import Catalog
from flows.output import console, print_json
from flows.sets import spec_files
from flows.settings import Settings
from scoring.calibrate import Calibration, as_text, calibrate, draw_png
from scoring.scorecard import Scorecard
from scoring.verdict import judge
from specs.errors import UsageError
from specs.load import load_spec
from specs.spec import KeepRules, Spec


def show_calibration(
    named: str, settings: Settings, *, instead: Mapping[str, float | None], png: Path | None, as_json: bool
) -> int:
    """``instead``: thresholds to try, by their names in the spec; None: as the spec says. Changes nothing."""
    spec = load_spec(spec_files([named], settings, every=False)[0])
    changed: dict[str, Any] = {name: value for name, value in instead.items() if value is not None}
    cards = _cards(spec, settings)
    now = calibrate([card for _, card in cards], spec.keep)
    shown = calibrate([card for _, card in cards], replace(spec.keep, **changed)) if changed else now
    if png is not None:
        _draw(shown, png)
    rules = {asset.asset_id: replace(asset.keep, **changed) for asset in spec.assets}
    short, own = _short(cards, rules), sum(asset.keep != spec.keep for asset in spec.assets)
    if as_json:
        print_json(
            {"set": spec.set_name, "tried": changed, **asdict(shown), "kept_by_the_spec": now.kept, "short": short}
        )
        return 0
    out = console()
    out.print(as_text(shown), markup=False, soft_wrap=True)
    if changed:
        tried = ", ".join(f"{name} {value:g}" for name, value in changed.items())
        out.print(f"tried: {tried}; by the spec as it is {now.kept} of {now.pictures} pass; nothing was changed")
    out.print(f"{len(short)} of {len(spec.assets)} assets would be short of keepers" + _listed(short), soft_wrap=True)
    if own:
        out.print(f"{own} assets have keep rules of their own, which the plot does not show")
    if png is not None:
        out.print(f"  plot  {png.resolve()}", soft_wrap=True)
    return 0


def _cards(spec: Spec, settings: Settings) -> list[tuple[str, Scorecard]]:
    """(asset, scorecard) of every candidate on record of the spec's assets."""
    with Catalog.open(settings.library, create=False) as catalog:
        made = catalog.made(spec.set_name)
    found = [(asset.asset_id, made.get(asset.asset_id, {}).values()) for asset in spec.assets]
    return [(asset_id, candidate.scorecard) for asset_id, candidates in found for candidate in candidates]


def _short(cards: Sequence[tuple[str, Scorecard]], rules: Mapping[str, KeepRules]) -> list[str]:
    """Assets of which fewer pictures pass their rules than are to be kept."""
    passing = Counter(asset_id for asset_id, card in cards if not judge(card, rules[asset_id]))
    return [asset_id for asset_id, keep in rules.items() if passing[asset_id] < keep.per_asset]


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f": {', '.join(names[:most])}{more}" if names else ""


def _draw(shown: Calibration, png: Path) -> None:
    try:
        draw_png(shown, png)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--png: got {png}: {reason}; allowed: a .png file in a folder that exists.") from None
