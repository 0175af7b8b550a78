"""Assets as their rows say them, inline or from a table, before they are checked against the set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from specs.errors import InvalidValue, SpecError
from specs.reading.document import Node
from specs.reading.report import UNKNOWN_KEY, Validated, validate
from specs.reading.schema import ASSET_ID, TAGS, AssetModel, SpecModel
from specs.spec import Place
from specs.tables.cells import TEXT_COLUMNS, cell_node
from specs.tables.rows import Row, Table

GROUPS = ("candidates", "keep", "picture")  # columns such as keep.per_asset
NOTHING: Set[str] = frozenset()
NO_CHANGES = AssetModel.model_construct()


@dataclass(slots=True)
class Entry:
    """One asset's row: its own columns, what it changes of the set, and where its cells are."""

    asset_id: str
    columns: Mapping[str, str]
    changes: AssetModel
    place: Place
    where: Callable[[str], Place]  # the place of one of its keys or cells
    wrong: Set[str] = NOTHING  # keys that were left out, because an error says so already
    named: Callable[[str], Place] | None = None  # the place of a column's name, where it stands apart from its cells

    @property
    def title(self) -> str:
        """The title that the row gives, or ""."""
        return self.changes.title if self.changes is not NO_CHANGES else ""


def inline_entries(checked: Validated[SpecModel], root: Node) -> list[Entry]:
    """The assets that are written in the spec itself."""
    assert checked.model is not None
    models = checked.model.assets
    assert isinstance(models, list)
    wrong: dict[str | int, set[str]] = {}
    for path in checked.dropped:
        if len(path) > 1 and path[0] == "assets":
            wrong.setdefault(path[1], set()).add(str(path[2]) if len(path) > 2 else "")
    entries = []
    for number, (model, node) in enumerate(zip(models, root.find(("assets",)).items or (), strict=True)):
        left_out = wrong.get(number, NOTHING)
        if "" not in left_out:
            entries.append(Entry(model.id, model.columns, model, node.place, _key_finder(node), left_out))
    return entries


def _key_finder(node: Node) -> Callable[[str], Place]:
    return lambda key: node.find(tuple(key.split("."))).place


def table_entries(table: Table, errors: list[SpecError]) -> list[Entry]:
    """The assets of a row file; what is wrong with its rows joins ``errors``."""
    errors.extend(table.errors)
    special = [name for name in table.columns if _is_special(name)]
    plain = [name for name in table.columns if name not in special and name != "id"]
    reading = _TableReading(table, special, plain, errors, set())
    return [entry for entry in map(reading.entry, table.rows) if entry is not None]


def _is_special(name: str) -> bool:
    return name in (*TEXT_COLUMNS, *GROUPS, "seeds") or name.partition(".")[0] in GROUPS


@dataclass(slots=True)
class _TableReading:
    table: Table
    special: list[str]
    plain: list[str]
    errors: list[SpecError]
    told: set[str]  # unknown keys that were told of already: a column is wrong once, not once a row

    def entry(self, row: Row) -> Entry | None:
        table, cells = self.table, row.cells
        try:
            asset_id = ASSET_ID(cells["id"])
        except InvalidValue as refusal:
            self.errors.append(SpecError.refused(table.place(row, "id"), "id", refusal))
            return None
        changes = NO_CHANGES
        if any(cells[name] for name in self.special):
            changes = self.changes(row) or NO_CHANGES
        columns = {name: cells[name] for name in self.plain}
        named = table.name_place
        return Entry(asset_id, columns, changes, table.place(row), lambda key: table.place(row, key), named=named)

    def changes(self, row: Row) -> AssetModel | None:
        root, refused = self.tree(row)
        checked = validate(AssetModel, root, TAGS)
        for error in checked.errors:
            if error.what in refused:
                continue  # the group lacks the cell that was refused
            if error.what != UNKNOWN_KEY:
                self.errors.append(error)
            elif error.got not in self.told:
                self.told.add(error.got)
                self.errors.append(error)
        return checked.model

    def tree(self, row: Row) -> tuple[Node, set[str]]:
        """The row's special cells as the tree that an inline asset would have: ``keep.per_asset`` goes into keep.

        Also the keys and groups of which a cell was refused."""
        root = Node(self.table.place(row), entries={"id": Node(self.table.place(row, "id"), scalar=row.cells["id"])})
        assert root.entries is not None
        refused: set[str] = set()
        for name in self.special:
            text, place = row.cells[name], self.table.place(row, name)
            if not text:
                continue
            try:
                node = cell_node(name, text, place)
            except InvalidValue as found:
                self.errors.append(SpecError.refused(place, name, found))
                refused.add(name.partition(".")[0])
                continue
            head, _, tail = name.partition(".")
            if not tail:
                root.entries[head] = node
                continue
            group = root.entries.setdefault(head, Node(place, entries={}))
            if group.entries is None:
                refusal = InvalidValue(f"the columns {head} and {name} both", "one of them in a row")
                self.errors.append(SpecError.refused(place, name, refusal))
                continue
            group.entries[tail] = node
            group.keys[tail] = place
        return root, refused
