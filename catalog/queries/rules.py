"""What assets' rows ask for now: their values in force, and the rules for keepers among these."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, select, tuple_

from catalog.database.schema import AssetRow, AssetVersion
from specs.spec import KeepRules

Asset = tuple[str, str]  # set, asset id
AT_ONCE = 200  # assets a query


def asset_values(connection: Connection, assets: Collection[Asset]) -> dict[Asset, dict[str, Any]]:
    """The value in force of each of these assets (title, row, prompt, rules); one that is not on record is left out."""
    wanted = sorted(assets)
    found: dict[Asset, dict[str, Any]] = {}
    for start in range(0, len(wanted), AT_ONCE):
        query = (
            select(AssetRow.set_name, AssetRow.asset_id, AssetVersion.value)
            .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
            .where(tuple_(AssetRow.set_name, AssetRow.asset_id).in_(wanted[start : start + AT_ONCE]))
        )
        found |= {(row[0], row[1]): json.loads(row[2]) for row in connection.execute(query)}
    return found


def keep_rules(connection: Connection, assets: Collection[Asset]) -> dict[Asset, KeepRules]:
    """The rules of each of these assets."""
    return {asset: _rules(value["keep"]) for asset, value in asset_values(connection, assets).items()}


def _rules(value: Mapping[str, Any]) -> KeepRules:
    """As they were written: JSON has lists for tuples, and a row of an older limner fewer rules."""
    known = {field.name: value[field.name] for field in fields(KeepRules) if field.name in value}
    defects, extra = known.pop("allow_defects", ()), known.pop("extra", ())
    return KeepRules(**known, allow_defects=tuple(defects), extra=tuple((name, bound) for name, bound in extra))
