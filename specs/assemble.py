"""From the YAML model and its rows to the plain values of ``spec.py``: defaults, overrides, templates filled.

Whatever is wrong here joins the list of errors; nothing is raised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from specs.checks import listed, near, show
from specs.document import Node, resolve
from specs.errors import Refusal, SpecError
from specs.expand import bleed_size_px
from specs.prompt import Template, compile_template
from specs.report import Validated, validate
from specs.rows import Row, Table
from specs.schema import ASSET_ID, TAGS, AssetModel, KeepModel, PictureChange, RoundsModel, SpecModel
from specs.spec import Asset, Candidates, KeepRules, Picture, Place, PrintSize

DEFAULT_CANDIDATES = 4
MOST_JOBS = 2_000_000
RESERVED = ("id", "title", "prompt", "negative", "candidates", "seeds", "keep", "picture")
TEXTS = ("id", "title", "prompt", "negative")
SEPARATORS = re.compile(r"[\s,;x×]+")
LISTS = ("seeds", "picture.trim_mm", "keep.allow_defects")
EMPTY = AssetModel.model_construct()


@dataclass(slots=True)
class Entry:
    """One asset before it is checked against the set: what its row says, and where."""

    asset_id: str
    columns: Mapping[str, str]
    model: AssetModel  # the overrides
    place: Place
    where: Callable[[str], Place]  # the place of one of its keys or cells
    wrong: frozenset[str] = frozenset()  # keys that were left out, because an error says so already


@dataclass(slots=True)
class Assembly:
    """The set's model and tree, and what has been found wrong so far."""

    checked: Validated[SpecModel]
    model: SpecModel
    root: Node
    errors: list[SpecError]

    def refuse(self, place: Place, what: str, refusal: Refusal) -> None:
        """Adds an error."""
        self.errors.append(SpecError.refused(place, what, refusal))

    def place(self, *path: str | int) -> Place:
        """Where a value of the spec stands."""
        return self.root.find(path).place


def inline_entries(assembly: Assembly) -> list[Entry]:
    """The assets that are written in the spec itself."""
    entries = []
    assert isinstance(assembly.model.assets, list)
    for number, model in enumerate(assembly.model.assets):
        if ("assets", number) not in assembly.checked.dropped:
            node = assembly.root.find(("assets", number))
            where = _key_finder(node)
            wrong = {path[2] for path in assembly.checked.dropped if path[:2] == ("assets", number) and len(path) > 2}
            entries.append(Entry(model.id, model.columns, model, node.place, where, frozenset(map(str, wrong))))
    return entries


def _key_finder(node: Node) -> Callable[[str], Place]:
    return lambda key: node.find(tuple(key.split("."))).place


def table_entries(table: Table, errors: list[SpecError]) -> list[Entry]:
    """The assets of a row file."""
    errors.extend(table.errors)
    if "id" not in table.columns:
        place = table.cell_place(1, 0)
        got = f"the columns {listed(show(name) for name in table.columns)}"
        errors.append(SpecError(place, "columns", got, "a column named id", near("id", table.columns)))
        return []
    special = [name for name in table.columns if name.partition(".")[0] in RESERVED and name != "id"]
    plain = [name for name in table.columns if name not in special and name != "id"]
    entries = []
    for row in table.rows:
        entry = _table_entry(table, row, special, plain, errors)
        if entry is not None:
            entries.append(entry)
    return entries


def _table_entry(table: Table, row: Row, special: list[str], plain: list[str], errors: list[SpecError]) -> Entry | None:
    cells = row.cells
    try:
        asset_id = ASSET_ID(cells["id"])
    except Refusal as refusal:
        errors.append(SpecError.refused(table.place(row, "id"), "id", refusal))
        return None
    model = EMPTY
    if any(cells[name] for name in special):
        checked = validate(AssetModel, _row_node(table, row, special), TAGS)
        errors.extend(checked.errors)
        model = checked.model or EMPTY
    columns = {name: cells[name] for name in plain}
    return Entry(asset_id, columns, model, table.place(row), lambda key: table.place(row, key))


def _row_node(table: Table, row: Row, special: list[str]) -> Node:
    """The overriding cells of a row as the tree that an inline asset would have; ``keep.per_asset`` goes into keep."""
    root = Node(table.place(row), entries={"id": Node(table.place(row, "id"), scalar=row.cells["id"])})
    assert root.entries is not None
    for name in special:
        text = row.cells[name]
        if not text:
            continue
        place = table.place(row, name)
        head, _, tail = name.partition(".")
        value = _cell_node(name, text, place)
        root.keys[head] = place
        if not tail:
            root.entries[head] = value
            continue
        group = root.entries.setdefault(head, Node(place, entries={}))
        if group.entries is not None:
            group.entries[tail] = value
            group.keys[tail] = place
    return root


def _cell_node(name: str, text: str, place: Place) -> Node:
    if name in TEXTS:
        return Node(place, scalar=text)
    if name in LISTS:
        return Node(place, items=[Node(place, scalar=resolve(part)) for part in SEPARATORS.split(text) if part])
    return Node(place, scalar=resolve(text))


def assets(assembly: Assembly, entries: list[Entry]) -> tuple[Asset, ...]:
    """Every asset, checked against the set: ids once, templates filled, overrides merged."""
    _refuse_twins(assembly, entries)
    templates = _Templates(assembly)
    texts = templates.fill_all(entries)
    _refuse_misspelt(assembly, entries, templates.used)
    merged = _Merged(assembly)
    made = []
    for entry, (prompt, negative) in zip(entries, texts, strict=True):
        model = entry.model
        keep = merged.keep(model.keep)
        picture = merged.picture(entry)
        candidates, seeds = merged.candidates(entry, keep)
        row = tuple(sorted(entry.columns.items()))
        title = model.title if model is not EMPTY and model.title else entry.asset_id
        made.append(Asset(entry.asset_id, title, row, prompt, negative, picture, keep, candidates, seeds, entry.place))
    total = sum(asset.candidates.at_most for asset in made)
    if total > MOST_JOBS:
        refusal = Refusal(f"{total:,} candidates in all", f"at most {MOST_JOBS:,}", mend="split the set")
        assembly.refuse(assembly.place("assets"), "candidates", refusal)
    return tuple(made)


def _refuse_twins(assembly: Assembly, entries: list[Entry]) -> None:
    first: dict[str, Entry] = {}
    for entry in entries:
        earlier = first.setdefault(entry.asset_id, entry)
        if earlier is not entry:
            got = f"{show(entry.asset_id)} again (first at {earlier.where('id')})"
            assembly.refuse(entry.where("id"), "duplicate id", Refusal(got, "each id once", mend="rename one of them"))


def _refuse_misspelt(assembly: Assembly, entries: list[Entry], used: set[str]) -> None:
    """A column that no template uses and that is almost a key (``seed``, ``Title``) is a slip, not a column."""
    told: set[str] = set()
    for entry in entries:
        for column in entry.columns.keys() - used - told:
            told.add(column)
            key = next((key for key in RESERVED if almost(column, key)), None)
            if key is not None:
                allowed = f"{listed(RESERVED)}, or a column that a template uses"
                refusal = Refusal(show(column), allowed, mean=f"'{key}'")
                assembly.refuse(entry.where(column), "unknown key", refusal)


def almost(name: str, key: str) -> bool:
    """Whether a name is the key in other letters' case, or (from 4 letters on) one typing slip away."""
    lowered = name.casefold()
    if name == key:
        return False
    if lowered == key:
        return True
    if len(key) < 4 or abs(len(lowered) - len(key)) > 1:
        return False
    return key in set(_slips(lowered)) or lowered in set(_slips(key))


def _slips(word: str) -> Iterator[str]:
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]
        yield word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :]


class _Templates:
    """Compiles each template once and fills it for each asset."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.compiled: dict[tuple[str, Place], Template | None] = {}
        self.used: set[str] = set()

    def fill_all(self, entries: list[Entry]) -> list[tuple[str, str]]:
        """(prompt, negative) of every entry; what cannot be filled is "" and an error."""
        known = {"id", "title"}.union(*(entry.columns.keys() for entry in entries))
        texts = []
        for entry in entries:
            prompt = self.text(entry, "prompt", known)
            texts.append((prompt, self.text(entry, "negative", known)))
        return texts

    def text(self, entry: Entry, key: str, known: set[str]) -> str:
        model = entry.model
        own = getattr(model, key) if model is not EMPTY else None
        if own or (key == "negative" and own is not None):
            template, place, what = own, entry.where(key), f"assets.{key}"
        else:
            template = getattr(self.assembly.model.style, key)
            place, what = self.assembly.place("style", key), f"style.{key}"
            if not template and key == "prompt":
                self._no_prompt(entry)
                return ""
        compiled = self.template(template, place, what, known)
        return self.filled(compiled, entry, known) if compiled is not None else ""

    def _no_prompt(self, entry: Entry) -> None:
        checked = self.assembly.checked
        if not checked.lacks("style", "prompt") and not any(path[0] == "assets" for path in checked.dropped):
            got = f"none for asset {show(entry.asset_id)}"
            refusal = Refusal(got, "style.prompt for all assets, or the asset's own prompt")
            self.assembly.refuse(entry.place, "prompt", refusal)

    def template(self, text: str, place: Place, what: str, known: set[str]) -> Template | None:
        """The compiled template; a variable that no asset has is said once, at the template."""
        key = (text, place)
        if key in self.compiled:
            return self.compiled[key]
        self.compiled[key] = None
        try:
            compiled = compile_template(text)
        except Refusal as refusal:
            self.assembly.refuse(place, what, refusal)
            return None
        self.compiled[key] = compiled
        self.used.update(compiled.variables)
        for name in compiled.variables:
            if name not in known:
                columns = sorted(known)
                got = f"the variable {{{name}}}, which no asset has"
                self.assembly.refuse(place, what, Refusal(got, listed(columns), near(name, columns)))
        return compiled

    def filled(self, template: Template, entry: Entry, known: set[str]) -> str:
        columns: Mapping[str, str] = entry.columns
        complete = True
        title = entry.model.title if entry.model is not EMPTY else ""
        for name in template.variables:
            if name == "id" or (name == "title" and title):
                columns = {**columns, "id": entry.asset_id, "title": title}
            elif not columns.get(name):
                complete = False
                if name in known and name not in entry.wrong:
                    self._no_value(entry, name)
        return template.fill(columns) if complete else ""

    def _no_value(self, entry: Entry, name: str) -> None:
        here = name in entry.columns or name == "title"
        own = sorted(entry.columns)
        mean = "" if here else near(name, own)
        got = f"{'no text' if here else 'no such key'} in asset {show(entry.asset_id)}"
        place = entry.where(name) if name in entry.columns else entry.place
        refusal = Refusal(got, f"text for {{{name}}}, which the template uses", mean)
        self.assembly.refuse(place, f"variable {name}", refusal)


class _Merged:
    """The set's settings with an asset's overrides; equal ones are one object."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.set_keep = keep_rules(assembly.model.keep, KeepRules())
        self.set_picture = picture(assembly.model.picture, None)
        self.set_candidates = self._rounds(assembly.model.candidates)
        self._check_print(self.set_picture, assembly.place("picture"))

    def keep(self, change: KeepModel | None) -> KeepRules:
        return self.set_keep if change is None else keep_rules(change, self.set_keep)

    def picture(self, entry: Entry) -> Picture:
        change = entry.model.picture
        if change is None:
            return self.set_picture
        changed = picture(change, self.set_picture)
        self._check_print(changed, entry.where("picture"))
        return changed

    def _check_print(self, changed: Picture, place: Place) -> None:
        if changed.print_size is not None:
            width, height = bleed_size_px(changed.print_size)
            if not (64 <= width <= 4096 and 64 <= height <= 4096):
                refusal = Refusal(f"{width} × {height} px with bleed", "64 to 4096 px each way", mend="change dpi")
                self.assembly.refuse(place, "picture", refusal)

    def _rounds(self, given: int | RoundsModel | None) -> Candidates | None:
        if given is None:
            return None
        return Candidates(given, given) if isinstance(given, int) else Candidates(given.first, given.at_most)

    def candidates(self, entry: Entry, keep: KeepRules) -> tuple[Candidates, tuple[int, ...] | None]:
        model = entry.model
        seeds = model.seeds if model.seeds is not None else self.assembly.model.seeds
        own = self._rounds(model.candidates)
        asked = own if own is not None else self.set_candidates
        if seeds is not None and asked is not None and asked.at_most > len(seeds) and (own or model.seeds is None):
            place = entry.where("candidates") if own else self.assembly.place("candidates")
            got = f"{asked.at_most} with {len(seeds)} listed seeds"
            refusal = Refusal(got, "at most as many candidates as seeds", mend="list more seeds")
            self.assembly.refuse(place, "candidates", refusal)
        if seeds is not None and (asked is None or asked.at_most > len(seeds)):
            asked = Candidates(len(seeds), len(seeds))
        asked = asked or Candidates(DEFAULT_CANDIDATES, DEFAULT_CANDIDATES)
        if keep.per_asset > asked.at_most:
            own_keep = model.keep is not None and model.keep.per_asset is not None
            place = entry.where("keep") if own_keep else self.assembly.place("keep", "per_asset")
            got = f"{keep.per_asset} of at most {asked.at_most} candidates"
            refusal = Refusal(got, "not more than candidates", mend=f"raise candidates to {keep.per_asset}")
            self.assembly.refuse(place, "keep.per_asset", refusal)
        return asked, seeds


def keep_rules(change: KeepModel, base: KeepRules) -> KeepRules:
    """The rules that a change makes of others: what it gives replaces, the rest stays."""
    names = ("per_asset", "min_aesthetic", "min_adherence", "max_likeness", "max_rank", "min_margin", "allow_defects")
    values = {name: given if (given := getattr(change, name)) is not None else getattr(base, name) for name in names}
    extra = tuple(sorted({**dict(base.extra), **change.min_scores}.items()))
    return KeepRules(**values, extra=extra)


def picture(change: PictureChange, base: Picture | None) -> Picture:
    """The picture that a change makes of the set's; without one, defaults fill what is not given."""
    base = base or Picture(None, None, None, 20, 7.0, "dpmpp-2m")
    width, height, printed = base.width_px, base.height_px, base.print_size
    if change.has_size:
        width, height, printed = change.width_px, change.height_px, None
        if change.trim_mm is not None and change.dpi is not None:
            printed = PrintSize(change.trim_mm, change.bleed_mm or 0.0, change.dpi)
    return Picture(
        width,
        height,
        printed,
        change.steps if change.steps is not None else base.steps,
        change.guidance if change.guidance is not None else base.guidance,
        change.scheduler if change.scheduler is not None else base.scheduler,
        change.clip_skip if change.clip_skip is not None else base.clip_skip,
    )
