"""The rules for keepers that an asset's row has now."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, select, tuple_

from catalog.database.schema import AssetRow, AssetVersion
from specs.spec import KeepRules


def keep_rules(connection: Connection, assets: Collection[tuple[str, str]]) -> dict[tuple[str, str], KeepRules]:
    """(set, asset id) → its rules."""
    query = (
        select(AssetRow.set_name, AssetRow.asset_id, AssetVersion.value)
        .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
        .where(tuple_(AssetRow.set_name, AssetRow.asset_id).in_(sorted(assets)))
    )
    return {(row[0], row[1]): _rules(json.loads(row[2])["keep"]) for row in connection.execute(query)}


def _rules(value: Mapping[str, Any]) -> KeepRules:
    """As they were written: JSON has lists for tuples, and a row of an older limner fewer rules."""
    known = {field.name: value[field.name] for field in fields(KeepRules) if field.name in value}
    defects, extra = known.pop("allow_defects", ()), known.pop("extra", ())
    return KeepRules(**known, allow_defects=tuple(defects), extra=tuple((name, bound) for name, bound in extra))
