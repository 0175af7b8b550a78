"""Templates over the rows: each compiled once, filled for each asset, every missing variable told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from specs.errors import InvalidValue
from specs.prompts.template import Template, compile_template
from specs.reading.entries import NO_CHANGES, Entry
from specs.spec import Place
from specs.values.characters import QUOTES, stray_quotes
from specs.values.checks import listed, near, show

QUOTES_FIX = "remove the quotes; straight ones around a YAML value or a CSV cell are no part of it"


@dataclass(frozen=True, slots=True)
class Style:
    """One of the set's two templates, with its place."""

    key: str  # prompt | negative
    text: str
    place: Place


class Filler:
    """Fills the templates of one set. ``refuse`` takes (place, what, refusal) of everything that is wrong."""

    def __init__(self, entries: list[Entry], refuse: Callable[[Place, str, InvalidValue], None]) -> None:
        self.entries = entries
        self.refuse = refuse
        self.known = {"id", "title"}
        for entry in entries:
            self.known.update(entry.columns, entry.wrong)
        self.used: set[str] = set()

    def fill(self, style: Style) -> list[str]:
        """The filled text of every entry, in order; "" where there is nothing to fill or it cannot be filled."""
        compiled = self.compile(style.text, style.place, f"style.{style.key}") if style.text else None
        texts = []
        for entry in self.entries:
            template = self.own(entry, style.key) if entry.changes is not NO_CHANGES else None
            template = template or compiled
            texts.append(self.text(template, entry) if template is not None else "")
        return texts

    def own(self, entry: Entry, key: str) -> Template | None:
        """The entry's own template, None when it has none or it is wrong."""
        text = getattr(entry.changes, key)
        if text is None or (key == "prompt" and not text):
            return None
        return self.compile(text, entry.where(key), f"assets.{key}")

    def compile(self, text: str, place: Place, what: str) -> Template | None:
        """The compiled template; a variable that no asset has is told here, once."""
        try:
            template = compile_template(text)
        except InvalidValue as refusal:
            self.refuse(place, what, refusal)
            return None
        self.check_quotes(text, place, what)
        self.used.update(template.variables)
        for name in template.variables:
            if name not in self.known and self.entries:
                columns = sorted(self.known)
                got = f"the variable {{{name}}}, which no asset has"
                self.refuse(place, what, InvalidValue(got, listed(columns), near(name, columns)))
        return template

    def text(self, template: Template, entry: Entry) -> str:
        """The template with the entry's values."""
        columns: Mapping[str, str] = entry.columns
        complete = True
        for name in template.variables:
            if name == "id" or (name == "title" and entry.title):
                columns = {**columns, "id": entry.asset_id, "title": entry.title}
            elif not columns.get(name):
                complete = False
                if name in self.known and name not in entry.wrong:
                    self.no_value(entry, name)
            else:
                self.check_quotes(columns[name], None, f"variable {name}", partial(entry.where, name))
        return template.fill(columns) if complete else ""

    def check_quotes(self, text: str, place: Place | None, what: str, where: Callable[[], Place] | None = None) -> None:
        """Refuses a text of a prompt that is wrapped in quotes: the model would read them as part of it."""
        if text[:1] in QUOTES or text[-1:] in QUOTES:
            how = stray_quotes(text)
            if how:
                place = place or (where() if where is not None else None)
                assert place is not None
                self.refuse(
                    place, what, InvalidValue(f"{show(text)}, {how}", "text without quotes around it", "", QUOTES_FIX)
                )

    def no_value(self, entry: Entry, name: str) -> None:
        """Tells of a variable that this asset gives no text for."""
        given = name in entry.columns
        got = f"{'no text' if given or name == 'title' else 'no such key'} in asset {show(entry.asset_id)}"
        mean = "" if given or name == "title" else near(name, sorted(entry.columns))
        refusal = InvalidValue(got, f"text for {{{name}}}, which the template uses", mean)
        self.refuse(entry.where(name) if given else entry.place, f"variable {name}", refusal)
