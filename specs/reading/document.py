"""A YAML file as a tree that remembers where every key and value stands.

Only the plain part of YAML is accepted: mappings, lists, scalars. What makes one text mean two things is refused:
anchors, aliases, tags, merge keys, duplicate keys, several documents. A plain scalar that YAML readers turn into
something unexpected (``no``, ``017``, ``1:30``, a date, nothing) becomes a ``AmbiguousScalar``, which no check accepts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from specs.boundary import files as boundary
from specs.errors import SpecError
from specs.spec import Place
from specs.values.characters import CONTROL, broken_value, escaped, hidden_in, named, odd_indent

MOST_BYTES = 4 * 1024 * 1024
MOST_DEPTH = 16
MOST_KEYS = 5_000  # of one mapping
MOST_ITEMS = 100_000  # of one list
MOST_ERRORS = 1_000  # of a file's form, after which it is not read on
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
NUMBER_ELSEWHERE = re.compile(r"[-+]?(?:0o[0-7]+|[0-9]+[eE][-+]?[0-9]+|[0-9]+)")
LARGE = re.compile(r"-?[1-9][0-9]{18,}")


TOO_LONG = "a number of more than 18 digits"


@dataclass(frozen=True, slots=True)
class AmbiguousScalar:
    """A plain scalar that a YAML reader does not take as the text or number that it looks like."""

    text: str
    reads_as: str


Value = str | int | float | bool | AmbiguousScalar | list["Value"] | dict[str, "Value"]


@dataclass(slots=True)
class Node:
    """A value with its place. Exactly one of the three holds what it is: ``scalar``, ``items`` or ``entries``."""

    place: Place
    scalar: str | int | float | bool | AmbiguousScalar | None = None
    items: list[Node] | None = None
    entries: dict[str, Node] | None = None
    keys: dict[str, Place] = field(default_factory=dict)

    def value(self) -> Value:
        """The tree below as plain Python values, with ``AmbiguousScalar`` where a scalar is one."""
        if self.entries is not None:
            return {key: node.value() for key, node in self.entries.items()}
        if self.items is not None:
            return [node.value() for node in self.items]
        assert self.scalar is not None
        return self.scalar

    def find(self, path: tuple[str | int, ...]) -> Node:
        """The node at a path of keys and list positions, or the deepest one on the way that exists."""
        node = self
        for part in path:
            below = None
            if isinstance(part, int) and node.items is not None and part < len(node.items):
                below = node.items[part]
            elif isinstance(part, str) and node.entries is not None:
                below = node.entries.get(part)
            if below is None:
                return node
            node = below
        return node

    def key_place(self, path: tuple[str | int, ...]) -> Place:
        """Where the last key of the path stands (the value's place for a list position)."""
        parent = self.find(path[:-1])
        return parent.keys.get(str(path[-1]), self.find(path).place) if path else self.place


class NotReadable(Exception):  # noqa: N818 (carries the one error that ends the reading)
    """The file cannot be read any further than here."""

    def __init__(self, error: SpecError) -> None:
        super().__init__(str(error))
        self.error = error


def read_bytes(path: Path, shown: str, most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file of at most ``most_bytes``; raises NotReadable."""
    start = Place(shown, 1, 1)
    try:
        with boundary.open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > most_bytes:
                limit = f"at most {most_bytes:,} bytes"
                raise NotReadable(SpecError(start, "file size", f"{size:,} bytes", limit))
            return file.read(most_bytes)
    except boundary.FileRefused as refused:
        missing = refused.got in ("no such file", "a folder")
        allowed = "a file that exists" if missing else "a file that can be read"
        raise NotReadable(SpecError(start, "file", refused.got, allowed)) from None
    except OSError as error:
        got = (error.strerror or str(error)).lower()
        raise NotReadable(SpecError(start, "file", got, "a file that can be read")) from None


def decode(data: bytes, shown: str, mend: str = "save the file as UTF-8") -> str:
    """UTF-8 text without its byte order mark; raises NotReadable naming line, column and byte of what is broken."""
    start = Place(shown, 1, 1)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NotReadable(SpecError(start, "encoding", "UTF-16 (by its byte order mark)", "UTF-8", mend=mend))
    if data[:1] and (data[1:40:2].count(0) > 15 or data[:40:2].count(0) > 15):
        raise NotReadable(SpecError(start, "encoding", "UTF-16 (by its null bytes)", "UTF-8", mend=mend))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", "replace")) + 1
        got = f"the byte 0x{data[error.start]:02x} at offset {error.start}, which is not UTF-8"
        got += " (it reads as Shift-JIS)" if _reads_as_japanese(data) else ""
        raise NotReadable(SpecError(Place(shown, line, column), "encoding", got, "UTF-8", mend=mend)) from None
    found = CONTROL.search(text)
    if found:
        got = f"the control character U+{ord(found[0]):04X}"
        raise NotReadable(SpecError(place_at(text, found.start(), shown), "text", got, "text, line ends and tabs"))
    return text


def _reads_as_japanese(data: bytes) -> bool:
    """Whether bytes that are no UTF-8 are Windows-31J (Shift-JIS, code page 932) with kana or kanji in it."""
    try:
        text = data[: 2**20].decode("cp932", "strict" if len(data) <= 2**20 else "ignore")
    except UnicodeDecodeError:
        return False
    wide = sum("\u3041" <= c <= "\u30ff" or "\u4e00" <= c <= "\u9fff" for c in text)
    return wide >= 2 and wide > sum("\uff61" <= c <= "\uff9f" for c in text)


def place_at(text: str, offset: int, shown: str) -> Place:
    """The place of a character offset in a text."""
    return Place(shown, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def parse(text: str, shown: str) -> tuple[Node, list[SpecError]]:
    """The tree of a YAML text and what is wrong with its form; raises NotReadable where it is no YAML at all."""
    reader = _Reader(text, shown)
    try:
        return reader.document(), reader.errors
    except yaml.MarkedYAMLError as error:
        raise NotReadable(_syntax(error, text, shown)) from None
    except yaml.YAMLError as error:
        got = " ".join(str(error).split())
        raise NotReadable(SpecError(Place(shown, 1, 1), "YAML", got, "YAML text")) from None


class _Reader:
    """Builds the tree from libyaml's events, collecting what is refused on the way."""

    def __init__(self, text: str, shown: str) -> None:
        self.events: Iterator[Any] = boundary.yaml_events(text)
        self.shown = shown
        self.errors: list[SpecError] = []

    def place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.shown, mark.line + 1, mark.column + 1)

    def refuse(self, place: Place, what: str, got: str, allowed: str, mend: str = "") -> None:
        self.errors.append(SpecError(place, what, got, allowed, mend=mend))
        if len(self.errors) > MOST_ERRORS:
            got = f"more than {MOST_ERRORS:,} errors"
            raise NotReadable(SpecError(place, "YAML", got, "a spec", mend=f"the first is {self.errors[0]}"))

    def document(self) -> Node:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self.refuse(self.place(event), "YAML", "a second document (---)", "one document", "split the file")
                    return root
                root = self.node(next(self.events), 1)
        if root is None:
            empty = SpecError(Place(self.shown, 1, 1), "file", "nothing", "a mapping of keys and values")
            raise NotReadable(empty)
        return root

    def node(self, event: Any, depth: int) -> Node:
        place = self.place(event)
        if depth > MOST_DEPTH:
            raise NotReadable(SpecError(place, "YAML", f"nesting deeper than {MOST_DEPTH}", "plain lists and mappings"))
        if isinstance(event, yaml.AliasEvent):
            self.refuse(place, "YAML", f"the alias *{event.anchor}", "no aliases", "write the value out")
            return Node(place, scalar="")
        if event.anchor is not None:
            self.refuse(place, "YAML", f"the anchor &{event.anchor}", "no anchors", "write the value out where needed")
        if event.tag is not None:
            self.refuse(place, "YAML", f"the tag {_tag(event.tag)}", "no tags", "remove it")
        if isinstance(event, yaml.ScalarEvent):
            self.check_text(place, event)
            return Node(place, scalar=resolve(event.value) if event.implicit[0] else event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(place, depth)
        return self.mapping(place, depth)

    def sequence(self, place: Place, depth: int) -> Node:
        items = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self.node(event, depth + 1))
            if len(items) > MOST_ITEMS:
                got = f"a list of more than {MOST_ITEMS:,}"
                raise NotReadable(SpecError(items[-1].place, "YAML", got, f"at most {MOST_ITEMS:,}"))
        return Node(place, items=items)

    def check_text(self, place: Place, event: Any) -> None:
        """Refuses white space that looks like indentation, invisible characters and broken values in a scalar."""
        text = event.value
        odd = odd_indent(text) if event.implicit[0] else ""
        if odd:
            got = f"{named(odd)} before {_short(text.strip())}"
            raise NotReadable(
                SpecError(place, "indentation", got, "spaces", mend=f"replace each {named(odd)} with spaces")
            )
        hidden, broken = hidden_in(text), broken_value(text)
        if hidden == "\ufffd":
            mend = "the text was saved in another encoding once: type it anew"
            self.refuse(place, "text", f"{_short(text)} with {named(hidden)}", "readable text", mend)
        elif hidden:
            mend = "delete the character, or type the text anew"
            self.refuse(place, "text", f"{_short(text)} with {named(hidden)}", "visible characters", mend)
        elif broken and broken != "NaN":
            self.refuse(place, "text", f"the error {_short(broken)}", "text or a number", "type the value")

    def mapping(self, place: Place, depth: int) -> Node:
        node = Node(place, entries={})
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.node(event, depth + 1)
            value = self.node(next(self.events), depth + 1)
            self.entry(node, key, value, merge=isinstance(event, yaml.ScalarEvent) and event.implicit[0])
            if node.entries is not None and len(node.entries) > MOST_KEYS:
                got = f"a mapping of more than {MOST_KEYS:,} keys"
                raise NotReadable(SpecError(key.place, "YAML", got, f"at most {MOST_KEYS:,}"))
        return node

    def entry(self, node: Node, key: Node, value: Node, merge: bool) -> None:
        assert node.entries is not None
        if key.scalar is None:
            self.refuse(key.place, "key", "a list or mapping as a key", "a name")
            return
        name = key.scalar.text if isinstance(key.scalar, AmbiguousScalar) else str(key.scalar)
        if name == "<<" and merge:
            self.refuse(key.place, "YAML", "the merge key <<", "no merge keys", "write the keys out")
            return
        if not isinstance(key.scalar, str):
            mend = f'quote it: "{name}"'
            self.refuse(key.place, "key", _described(key.scalar), "a name", mend)
        if name in node.entries:
            first = node.keys[name]
            self.refuse(key.place, "duplicate key", f"'{name}' again (first at {first})", "each key once", "remove one")
            return
        node.entries[name] = value
        node.keys[name] = key.place


@lru_cache(maxsize=4096)
def resolve(text: str) -> str | int | float | bool | AmbiguousScalar:
    """What a plain scalar is: text, a number in its usual form, true or false, or an AmbiguousScalar."""
    if WHOLE.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text):
        return float(text)
    if text in ("true", "false"):
        return text == "true"
    if LARGE.fullmatch(text):
        return AmbiguousScalar(text, TOO_LONG)
    tag = _implicit_tag(text)
    if tag != "str":
        return AmbiguousScalar(text, _reading(text, tag))
    if NUMBER_ELSEWHERE.fullmatch(text):
        return AmbiguousScalar(text, "a number, in some readers")
    return text


def _implicit_tag(text: str) -> str:
    table = yaml.SafeLoader.yaml_implicit_resolvers
    for tag, pattern in table.get(text[:1], []):
        if pattern.match(text):
            return str(tag).rpartition(":")[2]
    return "str"


def _reading(text: str, tag: str) -> str:
    if tag == "null":
        return "nothing"
    if tag in ("int", "float", "bool"):
        try:
            constructor = yaml.constructor.SafeConstructor()
            value = constructor.construct_object(yaml.ScalarNode(f"tag:yaml.org,2002:{tag}", text))
            return str(value).lower() if tag == "bool" else f"the number {value}"
        except (ValueError, OverflowError):
            return "a number too long to use"
    return {"timestamp": "a date", "merge": "a merge key"}.get(tag, "something else")


def _short(text: str) -> str:
    return "'" + escaped(text if len(text) <= 60 else text[:59] + "…") + "'"


def _described(value: int | float | bool | AmbiguousScalar) -> str:
    if isinstance(value, AmbiguousScalar):
        return surprise(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"the number {value}"


def surprise(value: AmbiguousScalar) -> str:
    """A surprise as a message shows it."""
    text = value.text if len(value.text) <= 60 else value.text[:59] + "…"
    if value.reads_as == TOO_LONG:
        return f"{text}, {TOO_LONG}"
    return f"{text}, which YAML reads as {value.reads_as}" if text else "nothing"


def _tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _syntax(error: yaml.MarkedYAMLError, text: str, shown: str) -> SpecError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text)  # YAML's own line ends
    odd = _odd_line(lines, error.context_mark.line if error.context_mark else line, line)
    if odd is not None:
        at, character = odd
        got = f"{named(character)} in the indentation"
        place = Place(shown, at + 1, lines[at].index(character) + 1)
        return SpecError(place, "YAML", got, "YAML text", mend="indent with spaces")
    here = lines[min(line, len(lines) - 1)]
    got = " ".join(str(error.problem or error.context or "a syntax error").split())
    expected = re.match(r"(?:did|could) not find expected (.*)", got)
    mend = ""
    if "\t" in here[: len(here) - len(here.lstrip())] or "'\\t'" in got:
        got, mend = "a tab in the indentation", "indent with spaces"
    elif "mapping values are not allowed" in got:
        got, mend = "a second ': ' in one value", "put quotes around the text"
    elif expected:
        got = f"something else where {expected[1]} is expected"
        begun = error.context_mark
        mend = f"see also line {begun.line + 1}, where it begins" if begun and begun.line != line else ""
    return SpecError(Place(shown, line + 1, column + 1), "YAML", got, "YAML text", mend=mend)


def _odd_line(lines: list[str], first: int, last: int) -> tuple[int, str] | None:
    """The first line from where a value begins to where it breaks that is indented by something else than spaces or
    tabs, with that character."""
    for at in range(max(0, first), min(last, len(lines) - 1) + 1):
        character = odd_indent(lines[at])
        if character and character != "\t":
            return at, character
    return None
