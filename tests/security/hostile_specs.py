"""Hostile specs, tables, reference pictures and registries: every key × five kinds of value, and known tricks.

Unlike those of ``hostile_tables``, which are all refused, some of these are harmless and accepted.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from specs.reading.schema import SpecModel
from specs.registry.schema import EntryModel
from tests.security.hostile_cases import KINDS
from tests.security.hostile_files import CANARY, LFS, NO_FILES
from tests.security.hostile_looks import looks
from tests.security.hostile_tables import CSV, HEAD, LOOK, XLSX, hostile
from tests.security.hostile_workbooks import workbooks

Content = bytes | Callable[[Path], object]  # a file's bytes, or what makes something else in its place
Input = tuple[str, Mapping[str, Content]]
PLAIN: Mapping[str, Any] = {
    "set": "hostile",
    "checkpoint": "starter",
    "style": {"prompt": "a {subject}"},
    "picture": {"width_px": 64, "height_px": 64},
    "assets": [{"id": "a", "subject": "b"}],
}
ENTRY: Mapping[str, Any] = {
    "architecture": "sd1", "source": {"folder": "/nowhere"}, "licence": "CC0-1.0", "commercial": True,
    "status": "declared",
}  # fmt: skip
REGISTRY = "checkpoints.yaml"
RUN = f"__import__('os').system('touch ${CANARY}')"
TAGS = ("!!python/object/apply:os.system", "!!python/name:os.system", "!!python/module:evil", "!include", "!ENV",
        "!!binary", "!!set", "!!omap", "!!timestamp", "!!float", "!!int", "!<tag:yaml.org,2002:python/tuple>",
        "!!js/function", "!ruby/object:Gem::Installer", "!!null", "!!merge")  # fmt: skip
TEMPLATES = (
    "{subject.__class__.__mro__}", "{subject[0]}", "{subject!r}", "{subject:>1000000000}", "{subject:{subject}}",
    "{0}", "{}", "{{" * 900, "{" * 1900, "{subject" * 200, "{subject}" * 200, "%s%n", "${HOME}", "$(id)", "`id`",
    "{{ config.__class__ }}", "{% for a in range(10**9) %}x{% endfor %}", "<lora:../../etc/passwd:1>",
    "<lora:x:1e999>", "((((" * 400, "[a:b:" * 300, "(a:1e400)", "(a:nan)", "{subject!x}", "__wildcard__",
    "{a|b|c}" * 250, "\u202e\u2066{subject}", "a\u0300" * 900, "\ufeff{subject}", RUN,
)  # fmt: skip
CELLS = (
    "=cmd|'/c calc'!A1", '=HYPERLINK("https://example.invalid/")', "=WEBSERVICE(A1)", "@SUM(1)", "+1", "-1", "\t=1",
    "{subject}", "{id.__class__}", "../../x", "/etc/passwd", "a\u202eb", "\ud7ff", "\x85", "\u2028", "x" * 40_000,
    "9" * 4000, "1e999", "nan", '"', "a\rb", "<b>", "$(id)", RUN, "\x1b]0;x\x07", "\x1b[2J", "CON", "a" * 300,
)  # fmt: skip


def inputs(seed: int = 0, *, refused: bool = True) -> list[Input]:
    """One value of each kind for each key, and the tricks, in an order that the seed shuffles.

    ``refused``: those of ``hostile_tables`` too.
    """
    rng = random.Random(seed)
    found: list[Input] = [
        *(hostile(seed) if refused else ()), *_of_keys(rng), *_of_yaml(), *_of_templates(),
        *_of_cells(), *_of_files(), *looks(rng),
        *workbooks(rng),
    ]  # fmt: skip
    rng.shuffle(found)
    return found


def _of_keys(rng: random.Random) -> Iterator[Input]:
    """Of the spec, and of a registry's entry that a spec names."""
    for keys, (kind, values) in itertools.product(_keys(SpecModel.model_json_schema()), KINDS.items()):
        number = rng.randrange(len(values))
        spec = _set(PLAIN, keys, values[number])
        yield f"spec: {'.'.join(keys)}: {kind} {number}", {"spec.yaml": _yaml(spec)}
    for keys, (kind, values) in itertools.product(_keys(EntryModel.model_json_schema()), KINDS.items()):
        number = rng.randrange(len(values))
        registry = {"checkpoints": {"own": _set(ENTRY, keys, values[number])}}
        files = {"spec.yaml": _yaml({**PLAIN, "checkpoint": "own"}), REGISTRY: _yaml(registry)}
        yield f"registry: {'.'.join(keys)}: {kind} {number}", files


def _keys(schema: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The place of every key of a JSON schema; an item of a list is the first, ``0``."""
    found: dict[tuple[str, ...], None] = {}

    def walk(part: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        if "$ref" in part:
            walk(schema["$defs"][part["$ref"].rpartition("/")[2]], keys)
        for name, inner in part.get("properties", {}).items():
            found[(*keys, name)] = None
            walk(inner, (*keys, name))
        if isinstance(part.get("items"), dict):
            walk(part["items"], (*keys, "0"))
        for inner in itertools.chain(*(part.get(word, ()) for word in ("oneOf", "anyOf", "allOf"))):
            walk(inner, keys)

    walk(schema, ())
    return list(found)


def _set(value: Mapping[str, Any], keys: tuple[str, ...], to: Any) -> dict[str, Any]:
    whole = copy.deepcopy(dict(value))
    place: Any = whole
    for key, following in itertools.pairwise(keys):
        new: Any = [{}] if following == "0" else {}
        if key == "0":
            place = place[0]
            continue
        if not isinstance(place.get(key), type(new)):
            place[key] = new
        place = place[key]
    if keys[-1] == "0":
        place[0] = to
    elif isinstance(place, list):
        place[0][keys[-1]] = to
    else:
        place[keys[-1]] = to
    return whole


def _yaml(value: Any) -> bytes:
    """JSON is YAML, and holds numbers and text that YAML's own writer would not write so."""
    return json.dumps(value).encode()


def _of_yaml() -> Iterator[Input]:
    """What a YAML parser, and one of YAML's other makers, would obey."""
    head = (HEAD % "").encode()
    assets = b"assets: [{id: a, subject: b}]\n"
    laughs = b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 64))
    texts = {
        "laughs": laughs + head + assets,
        "an alias of itself": b"a: &a [*a]\n" + head + assets,
        "an unknown alias": head + b"assets: *nothing\n",
        "a merge": b"a: &a {set: x}\n<<: *a\n" + head + assets,
        "a merge of itself": b"a: &a {<<: *a}\n" + head + assets,
        "two documents": head + assets + b"---\n" + head + assets,
        "a directive": b"%YAML 9.9\n%TAG ! tag:evil,2000:\n---\n" + head + assets,
        "keys twice": head + head + assets,
        "a list for a key": b"? [a, b]\n: 1\n" + head + assets,
        "a null": head + assets + b"title: a\0b\n",
        "surrogates": head + assets + b'title: "\\ud800"\n',
        "bytes": head + assets + b"title: \xff\xfe\n",
        "a byte order mark": b"\xef\xbb\xbf" + head + assets,
        "utf-16": (head + assets).decode().encode("utf-16"),
        "utf-32": (head + assets).decode().encode("utf-32"),
        "tabs": b"\tset: x\n" + head,
        "an escape": head + assets + b'title: "\\U0011ffff \\x00"\n',
        "base 60": head + assets + b"seed: " + b"59:" * 100_000 + b"59\n",
        "an octal": head + assets + b"seed: 0o" + b"7" * 100_000 + b"\n",
        "a hexadecimal": head + assets + b"seed: 0x" + b"f" * 100_000 + b"\n",
        "a binary": head + assets + b"seed: 0b" + b"1" * 1_000_000 + b"\n",
        "underscores": head + assets + b"seed: 1" + b"_" * 1_000_000 + b"1\n",
        "an exponent": head + assets + b"seed: 1e400\n",
        "a date": head + assets + b"seed: 2001-13-99T99:99:99Z\n",
        "infinity": head + assets + b"candidates: .inf\n",
        "deep objects": b"{a: " * 100_000,
        "deep blocks": b"".join(b" " * n + b"a:\n" for n in range(3000)),
        "deep dashes": b"- " * 100_000,
        "quotes": b'set: "' + b"\\" * 999_999,
        "anchors": b"".join(b"a%d: &a%d x\n" % (n, n) for n in range(50_000)),
        "comments": b"#" * 3_000_000,
        "lines": b"\n" * 3_000_000 + head + assets,
        "a folded text": b"title: >\n" + b" x\n\n" * 400_000,
        "nothing": b"",
        "lfs": LFS,
        "zeros": bytes(100_000),
        "a list": b"- a\n",
        "html": b"<!DOCTYPE html><script>alert(1)</script>",
        "a pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    }
    for name, text in texts.items():
        yield f"yaml: {name}", {"spec.yaml": text}
    for tag in TAGS:
        yield f"yaml: {tag}", {"spec.yaml": head + assets + f"title: {tag} ['{RUN}']\n".replace("'", '"').encode()}
        yield f"yaml: {tag} of a scalar", {"spec.yaml": head + assets + f"seed: {tag} 3\n".encode()}


def _of_templates() -> Iterator[Input]:
    for number, template in enumerate(TEMPLATES):
        for key in ("prompt", "negative"):
            spec = {**PLAIN, "style": {"prompt": "x", key: template}}
            yield f"template {number} as {key}", {"spec.yaml": _yaml(spec)}


def _of_cells() -> Iterator[Input]:
    for number, cell in enumerate(CELLS):
        quoted = '"' + cell.replace('"', '""') + '"'
        for column in ("id", "subject", "prompt"):
            names = ["id", "subject"] + ([column] if column == "prompt" else [])
            row = [quoted if name == column else "a" for name in names]
            table = f"{','.join(names)}\n{','.join(row)}\n".encode("utf-8", "surrogatepass")
            yield f"csv: cell {number} as {column}", {"spec.yaml": CSV.encode(), "cards.csv": table}


def _of_files() -> Iterator[Input]:
    """What is no file, in the place of each, and paths that lead elsewhere."""
    for name, make in NO_FILES.items():
        yield f"spec: {name}", {"spec.yaml": make}
        yield f"csv: {name}", {"spec.yaml": CSV.encode(), "cards.csv": make}
        yield f"xlsx: {name}", {"spec.yaml": XLSX.encode(), "cards.xlsx": make}
        yield f"look: {name}", {"spec.yaml": LOOK.encode(), "look.png": make}
        yield f"registry: {name}", {"spec.yaml": _yaml(PLAIN), REGISTRY: make}
    for path in ("/etc/passwd", "../../../../etc/passwd", "/proc/self/environ", "/proc/self/mem", "/dev/stdin",
                 "/dev/zero", "~/.netrc", "file:///etc/passwd", "https://example.invalid/a.csv", "\\\\evil\\a.csv",
                 "a" * 400, "x" * 5000 + ".csv", "|touch x", "a\0b", "cards.csv:evil", "con.csv", "."):  # fmt: skip
        yield f"rows from {path[:30]!r}", {"spec.yaml": _yaml({**PLAIN, "assets": {"from": path}})}
        style = {"prompt": "x", "references": [path]}
        yield f"look {path[:30]!r}", {"spec.yaml": _yaml({**PLAIN, "style": style})}
        entry = {**ENTRY, "source": {"folder": path}}
        registry = yaml.safe_dump({"checkpoints": {"own": entry}}).encode()
        yield f"folder {path[:30]!r}", {"spec.yaml": _yaml({**PLAIN, "checkpoint": "own"}), REGISTRY: registry}


def put(files: Mapping[str, Content], folder: Path) -> None:
    """Write an input's files."""
    for name, content in files.items():
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            content(folder / name)
    assert not os.path.lexists(folder / "library")
