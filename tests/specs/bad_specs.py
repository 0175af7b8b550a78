"""Bad specs, each with exactly the text that a user gets: used here and by the command line's tests.

``files`` are written into an empty folder, the spec is ``bad.yaml``, and the path is given relative to that folder.
"""

# ruff: noqa: E501 (messages are one line each, as users see them)

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

GOOD = """\
set: deck
checkpoint: starter
style: {prompt: "a {colour} {subject}"}
picture: {width_px: 128, height_px: 128}
assets:
  - {id: one, subject: sword, colour: red}
  - {id: two, subject: bow, colour: blue}
"""
TABLE = GOOD[: GOOD.index("assets:")] + "assets: {from: cards.csv}\n"


class BadSpec(NamedTuple):
    """A bad spec by what is wrong with it, its files, and the lines that are expected on stderr."""

    name: str
    files: dict[str, str | bytes]
    expected: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole expected text."""
        return "\n".join(self.expected)

    def write(self, folder: Path) -> Path:
        """Writes the files; returns the spec's path."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / "bad.yaml"


def swapped(*changes: tuple[str, str]) -> dict[str, str | bytes]:
    """The good spec with some of its text replaced."""
    text = GOOD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return {"bad.yaml": text}


def table(rows: str | bytes, source: str = "cards.csv") -> dict[str, str | bytes]:
    """A spec whose assets come from a table with these rows."""
    return {"bad.yaml": TABLE.replace("cards.csv", source), "cards.csv": rows}


BAD_SPECS = [
    BadSpec(
        "an unknown key",
        swapped(("checkpoint: starter", "chekpoint: starter")),
        (
            "bad.yaml:2:1: unknown key: got 'chekpoint'; allowed: set, title, use, checkpoint, style, picture, seed, seeds, candidates, keep, select, scoring, content, rights, schedule, assets; did you mean 'checkpoint'?",
        ),
    ),
    BadSpec(
        "an unknown key in a group",
        swapped(("height_px: 128", "height_px: 128, step: 20")),
        (
            "bad.yaml:4:42: unknown key: got 'step'; allowed: width_px, height_px, trim_mm, bleed_mm, dpi, safe_mm, min_dpi, tiles, steps, guidance, scheduler, clip_skip; did you mean 'steps'?",
        ),
    ),
    BadSpec(
        "a key twice",
        swapped(("checkpoint: starter", "checkpoint: starter\nset: other")),
        ("bad.yaml:3:1: duplicate key: got 'set' again (first at bad.yaml:1:1); allowed: each key once; remove one",),
    ),
    BadSpec(
        "a key twice in an asset",
        swapped(("id: two,", "id: two, id: three,")),
        ("bad.yaml:7:15: duplicate key: got 'id' again (first at bad.yaml:7:6); allowed: each key once; remove one",),
    ),
    BadSpec(
        "an alias",
        swapped(("style:", "seeds: *mine\nstyle:")),
        ("bad.yaml:3:8: YAML: got the alias *mine; allowed: no aliases; write the value out",),
    ),
    BadSpec(
        "an anchor",
        swapped(("{width_px", "&size {width_px")),
        ("bad.yaml:4:10: YAML: got the anchor &size; allowed: no anchors; write the value out where needed",),
    ),
    BadSpec(
        "a tag",
        swapped(("set: deck", "set: !!str deck")),
        ("bad.yaml:1:6: YAML: got the tag !!str; allowed: no tags; remove it",),
    ),
    BadSpec(
        "a merge key",
        swapped(("{width_px: 128", "{<<: 1, width_px: 128")),
        ("bad.yaml:4:11: YAML: got the merge key <<; allowed: no merge keys; write the keys out",),
    ),
    BadSpec(
        "two documents",
        swapped(("set: deck", "---\nset: deck"), ("colour: blue}", "colour: blue}\n---\nset: other")),
        ("bad.yaml:9:1: YAML: got a second document (---); allowed: one document; split the file",),
    ),
    BadSpec(
        "an empty file",
        {"bad.yaml": ""},
        ("bad.yaml:1:1: file: got nothing; allowed: a mapping of keys and values",),
    ),
    BadSpec(
        "a file of comments",
        {"bad.yaml": "# nothing yet\n"},
        ("bad.yaml:1:1: file: got nothing; allowed: a mapping of keys and values",),
    ),
    BadSpec(
        "a list instead of a mapping",
        {"bad.yaml": "- set: deck\n"},
        (
            "bad.yaml:1:1: file: got a list; allowed: a mapping of set, title, use, checkpoint, style, picture, seed, seeds, candidates, keep, select, scoring, content, rights, schedule, assets",
        ),
    ),
    BadSpec(
        "a word instead of a mapping",
        {"bad.yaml": "deck\n"},
        (
            "bad.yaml:1:1: file: got 'deck'; allowed: a mapping of set, title, use, checkpoint, style, picture, seed, seeds, candidates, keep, select, scoring, content, rights, schedule, assets",
        ),
    ),
    BadSpec(
        "nothing that is required",
        {"bad.yaml": "title: Deck\n"},
        (
            "bad.yaml:1:1: assets: got nothing; allowed: a list of assets, or {from: cards.csv}",
            "bad.yaml:1:1: checkpoint: got nothing; allowed: a name in the registry, a local folder (./…), or owner/name@ and a 40-hex revision",
            "bad.yaml:1:1: picture: got nothing; allowed: size and sampling: {width_px: …, height_px: …}, or a print size",
            "bad.yaml:1:1: set: got nothing; allowed: a name of a-z, 0-9 and -, such as tavern-items",
        ),
    ),
    BadSpec(
        "a colon in a title",
        swapped(("set: deck", "set: deck\ntitle: Tavern Tales: item cards")),
        ("bad.yaml:2:20: YAML: got a second ': ' in one value; allowed: YAML text; put quotes around the text",),
    ),
    BadSpec(
        "a tab in the indentation",
        swapped(("  - {id: two", "\t- {id: two")),
        ("bad.yaml:7:1: YAML: got a tab in the indentation; allowed: YAML text; indent with spaces",),
    ),
    BadSpec(
        "a bracket that is not closed",
        swapped(("height_px: 128}", "height_px: 128")),
        (
            "bad.yaml:5:7: YAML: got something else where ',' or '}' is expected; allowed: YAML text; see also line 4, where it begins",
        ),
    ),
    BadSpec(
        "nesting without end",
        {"bad.yaml": "a: " + "[" * 40 + "]" * 40},
        ("bad.yaml:1:19: YAML: got nesting deeper than 16; allowed: plain lists and mappings",),
    ),
    BadSpec(
        "a file that is too large",
        {"bad.yaml": "#" + " " * 4 * 1024 * 1024},
        ("bad.yaml:1:1: file size: got 4,194,305 bytes; allowed: at most 4,194,304 bytes",),
    ),
    BadSpec(
        "UTF-16",
        {"bad.yaml": b"\xff\xfes\x00e\x00t\x00"},
        ("bad.yaml:1:1: encoding: got UTF-16 (by its byte order mark); allowed: UTF-8; save the file as UTF-8",),
    ),
    BadSpec(
        "Latin-1",
        {"bad.yaml": b"set: deck\ntitle: Gr\xfc\xdfe\n"},
        (
            "bad.yaml:2:10: encoding: got the byte 0xfc at offset 19, which is not UTF-8; allowed: UTF-8; save the file as UTF-8",
        ),
    ),
    BadSpec(
        "a null character",
        {"bad.yaml": b"set: deck\x00\n"},
        ("bad.yaml:1:10: text: got the control character U+0000; allowed: text, line ends and tabs",),
    ),
    BadSpec(
        "no where text is meant",
        swapped(("subject: bow", "subject: no")),
        (
            'bad.yaml:7:24: assets.subject: got no, which YAML reads as false; allowed: text or a number; quote it: "no"',
        ),
    ),
    BadSpec(
        "017 where text is meant",
        swapped(("colour: red", "colour: 017")),
        (
            'bad.yaml:6:39: assets.colour: got 017, which YAML reads as the number 15; allowed: text or a number; quote it: "017"',
        ),
    ),
    BadSpec(
        "1:30 where text is meant",
        swapped(("colour: red", "colour: 1:30")),
        (
            'bad.yaml:6:39: assets.colour: got 1:30, which YAML reads as the number 90; allowed: text or a number; quote it: "1:30"',
        ),
    ),
    BadSpec(
        "a date where text is meant",
        swapped(("colour: red", "colour: 2022-09-16")),
        (
            'bad.yaml:6:39: assets.colour: got 2022-09-16, which YAML reads as a date; allowed: text or a number; quote it: "2022-09-16"',
        ),
    ),
    BadSpec(
        "nothing where text is meant",
        swapped(("colour: red", "colour: ")),
        ("bad.yaml:6:39: assets.colour: got nothing; allowed: text or a number",),
    ),
    BadSpec(
        "a number as title",
        swapped(("set: deck", "set: deck\ntitle: 1954")),
        ('bad.yaml:2:8: title: got 1954; allowed: text of at most 200 characters; quote it: "1954"',),
    ),
    BadSpec(
        "yes as use",
        swapped(("set: deck", "set: deck\nuse: yes")),
        ("bad.yaml:2:6: use: got yes, which YAML reads as true; allowed: commercial, noncommercial, internal",),
    ),
    BadSpec(
        "octal as seed",
        swapped(("set: deck", "set: deck\nseed: 017")),
        (
            "bad.yaml:2:7: seed: got 017, which YAML reads as the number 15; allowed: a whole number from 0 to 4294967295; did you mean 17?",
        ),
    ),
    BadSpec(
        "a negative seed",
        swapped(("set: deck", "set: deck\nseed: -1")),
        ("bad.yaml:2:7: seed: got -1; allowed: a whole number from 0 to 4294967295; leave it out for the default",),
    ),
    BadSpec(
        "a seed past 32 bits",
        swapped(("set: deck", "set: deck\nseed: 4294967296")),
        ("bad.yaml:2:7: seed: got 4294967296; allowed: a whole number from 0 to 4294967295",),
    ),
    BadSpec(
        "a seed as text",
        swapped(("set: deck", 'set: deck\nseed: "7"')),
        ("bad.yaml:2:7: seed: got '7'; allowed: a whole number from 0 to 4294967295; remove the quotes",),
    ),
    BadSpec(
        "the same seed twice",
        swapped(("set: deck", "set: deck\nseeds: [1, 2, 1]")),
        (
            "bad.yaml:2:8: seeds: got 1 twice; allowed: a list of 1 to 10000, each a whole number from 0 to 4294967295, no two equal",
        ),
    ),
    BadSpec(
        "a set's name with spaces",
        swapped(("set: deck", "set: My Deck")),
        (
            "bad.yaml:1:6: set: got 'My Deck'; allowed: a set's name of a-z, 0-9 and -, not starting with -, at most 64 characters; did you mean 'my-deck'?",
        ),
    ),
    BadSpec(
        "an id with a slash",
        swapped(("id: two", "id: ../two")),
        (
            "bad.yaml:7:10: assets.id: got '../two'; allowed: an id of a-z, 0-9 and -, not starting with -, at most 64 characters; did you mean 'two'?",
        ),
    ),
    BadSpec(
        "an id that is a number",
        swapped(("id: two", "id: 2")),
        (
            'bad.yaml:7:10: assets.id: got 2; allowed: an id of a-z, 0-9 and -, not starting with -, at most 64 characters; quote it: "2"',
        ),
    ),
    BadSpec(
        "an id that is a device",
        swapped(("id: two", "id: nul")),
        (
            "bad.yaml:7:10: assets.id: got 'nul', a device name on Windows; allowed: an id of a-z, 0-9 and -, not starting with -, at most 64 characters; did you mean 'nul-1'?",
        ),
    ),
    BadSpec(
        "an id that is too long",
        swapped(("id: two", "id: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")),
        (
            "bad.yaml:7:10: assets.id: got 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'; allowed: an id of a-z, 0-9 and -, not starting with -, at most 64 characters; did you mean 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'?",
        ),
    ),
    BadSpec(
        "two assets with one id",
        swapped(("id: two", "id: one")),
        (
            "bad.yaml:7:10: duplicate id: got 'one' again (first at bad.yaml:6:10); allowed: each id once; rename one of them",
        ),
    ),
    BadSpec(
        "an asset without an id",
        swapped(("{id: two, ", "{")),
        (
            "bad.yaml:7:5: assets.id: got nothing; allowed: the asset's id, which never changes: its seeds and pictures hang on it",
        ),
    ),
    BadSpec(
        "an asset that is no mapping",
        swapped(("{id: two, subject: bow, colour: blue}", "two")),
        (
            "bad.yaml:7:5: assets: got 'two'; allowed: a mapping of id, title, prompt, negative, candidates, seeds, keep, picture",
        ),
    ),
    BadSpec(
        "no assets",
        swapped(
            (
                "assets:\n  - {id: one, subject: sword, colour: red}\n  - {id: two, subject: bow, colour: blue}",
                "assets: []",
            )
        ),
        ("bad.yaml:5:9: assets: got no assets; allowed: at least one asset",),
    ),
    BadSpec(
        "a variable that no asset has",
        swapped(("{colour}", "{color}")),
        (
            "bad.yaml:3:17: style.prompt: got the variable {color}, which no asset has; allowed: colour, id, subject, title; did you mean 'colour'?",
        ),
    ),
    BadSpec(
        "a variable that one asset lacks",
        swapped((", colour: blue", ", color: blue")),
        (
            "bad.yaml:7:5: variable colour: got no such key in asset 'two'; allowed: text for {colour}, which the template uses; did you mean 'color'?",
        ),
    ),
    BadSpec(
        "a variable with empty text",
        swapped(("colour: blue", 'colour: ""')),
        (
            "bad.yaml:7:37: variable colour: got no text in asset 'two'; allowed: text for {colour}, which the template uses",
        ),
    ),
    BadSpec(
        "a lone brace in a template",
        swapped(('{subject}"', '{subject"')),
        (
            "bad.yaml:3:17: style.prompt: got a single { in '{subject'; allowed: {column} for a column's text, {{ and }} for braces",
        ),
    ),
    BadSpec(
        "an empty variable",
        swapped(('{subject}"', '{}"')),
        (
            "bad.yaml:3:17: style.prompt: got {} without a column's name; allowed: {column} for a column's text, {{ and }} for braces",
        ),
    ),
    BadSpec(
        "no prompt at all",
        swapped(('style: {prompt: "a {colour} {subject}"}\n', "")),
        (
            "bad.yaml:1:1: style.prompt: got nothing; allowed: style.prompt for all assets, or a prompt of the asset's own",
        ),
    ),
    BadSpec(
        "a misspelt key in an asset",
        swapped(("colour: blue}", "colour: blue, candidate: 8}")),
        (
            "bad.yaml:7:54: unknown key: got 'candidate'; allowed: id, title, prompt, negative, candidates, seeds, keep, picture, or a column that a template uses; did you mean 'candidates'?",
        ),
    ),
    BadSpec(
        "a key in capitals in an asset",
        swapped(("colour: blue}", "colour: blue, Title: Bow}")),
        (
            "bad.yaml:7:50: unknown key: got 'Title'; allowed: id, title, prompt, negative, candidates, seeds, keep, picture, or a column that a template uses; did you mean 'title'?",
        ),
    ),
    BadSpec(
        "an unknown use",
        swapped(("set: deck", "set: deck\nuse: non-commercial")),
        (
            "bad.yaml:2:6: use: got 'non-commercial'; allowed: commercial, noncommercial, internal; did you mean 'noncommercial'?",
        ),
    ),
    BadSpec(
        "an unknown scheduler",
        swapped(("height_px: 128", "height_px: 128, scheduler: dpm++2m")),
        (
            "bad.yaml:4:53: picture.scheduler: got 'dpm++2m'; allowed: euler, euler-a, heun, lms, dpm2, dpm2-a, dpmpp-2m, dpmpp-2m-sde, dpmpp-2m-sde-heun, dpmpp-3m, dpmpp-3m-sde, dpmpp-sde, dpmpp-2s, deis, unipc, ddim, ddpm, pndm, lcm, tcd; some with -karras, -exponential, -beta, -sgm-uniform; did you mean 'dpmpp-2m'?",
        ),
    ),
    BadSpec(
        "too many steps",
        swapped(("height_px: 128", "height_px: 128, steps: 500")),
        ("bad.yaml:4:49: picture.steps: got 500; allowed: a whole number from 1 to 200",),
    ),
    BadSpec(
        "steps as a fraction",
        swapped(("height_px: 128", "height_px: 128, steps: 20.5")),
        ("bad.yaml:4:49: picture.steps: got 20.5; allowed: a whole number from 1 to 200",),
    ),
    BadSpec(
        "guidance as text",
        swapped(("height_px: 128", "height_px: 128, guidance: high")),
        ("bad.yaml:4:52: picture.guidance: got 'high'; allowed: a number from 0 to 50",),
    ),
    BadSpec(
        "a width that is no multiple of 8",
        swapped(("width_px: 128", "width_px: 100")),
        (
            "bad.yaml:4:21: picture.width_px: got 100; allowed: a whole number from 64 to 4096, a multiple of 8; did you mean 96 or 104?",
        ),
    ),
    BadSpec(
        "a width that is too large",
        swapped(("width_px: 128", "width_px: 8192")),
        ("bad.yaml:4:21: picture.width_px: got 8192; allowed: a whole number from 64 to 4096, a multiple of 8",),
    ),
    BadSpec(
        "a width without a height",
        swapped((", height_px: 128", "")),
        (
            "bad.yaml:4:10: picture: got width_px alone; allowed: width_px with height_px, or trim_mm with dpi (and bleed_mm)",
        ),
    ),
    BadSpec(
        "no size",
        swapped(("{width_px: 128, height_px: 128}", "{steps: 20}")),
        ("bad.yaml:4:10: picture: got no size; allowed: width_px and height_px, or trim_mm and dpi",),
    ),
    BadSpec(
        "pixels and millimetres",
        swapped(("height_px: 128", "height_px: 128, trim_mm: [63, 88], dpi: 300")),
        (
            "bad.yaml:4:10: picture: got width_px and trim_mm; allowed: width_px with height_px, or trim_mm with dpi (and bleed_mm); keep one of the two ways",
        ),
    ),
    BadSpec(
        "a print size of one side",
        swapped(("{width_px: 128, height_px: 128}", "{trim_mm: [63], dpi: 300}")),
        (
            "bad.yaml:4:20: picture.trim_mm: got a list of 1; allowed: a list of exactly 2, each a number from 5 to 1000",
        ),
    ),
    BadSpec(
        "a print size that is too large",
        swapped(("{width_px: 128, height_px: 128}", "{trim_mm: [210, 297], bleed_mm: 3, dpi: 600}")),
        (
            "bad.yaml:4:10: picture: got 5102 × 7157 px with bleed; allowed: 64 to 4096 px each way; change dpi or trim_mm",
        ),
    ),
    BadSpec(
        "no candidates",
        swapped(("set: deck", "set: deck\ncandidates: 0")),
        ("bad.yaml:2:13: candidates: got 0; allowed: a whole number from 1 to 10000; leave it out for the default",),
    ),
    BadSpec(
        "rounds that shrink",
        swapped(("set: deck", "set: deck\ncandidates: {first: 8, at_most: 4}")),
        ("bad.yaml:2:13: candidates: got at_most 4 with first 8; allowed: at_most not less than first",),
    ),
    BadSpec(
        "rounds without an end",
        swapped(("set: deck", "set: deck\ncandidates: {first: 8}")),
        ("bad.yaml:2:13: candidates.at_most: got nothing; allowed: how many to make of an asset at most",),
    ),
    BadSpec(
        "more candidates than listed seeds",
        swapped(("colour: blue}", "colour: blue, seeds: [1, 2], candidates: 3}")),
        (
            "bad.yaml:7:70: candidates: got 3 with 2 listed seeds; allowed: at most as many as listed seeds; list more seeds or lower candidates",
        ),
    ),
    BadSpec(
        "more keepers than candidates",
        swapped(("set: deck", "set: deck\ncandidates: 2\nkeep: {per_asset: 3}")),
        (
            "bad.yaml:3:19: keep.per_asset: got 3 of 2 candidates; allowed: not more than candidates; raise candidates to 3 or more",
        ),
    ),
    BadSpec(
        "a keep rule without a value",
        swapped(("set: deck", "set: deck\nkeep:\n  min_aesthetic:")),
        ("bad.yaml:3:17: keep.min_aesthetic: got nothing; allowed: a number from 0 to 10",),
    ),
    BadSpec(
        "a keep rule out of range",
        swapped(("set: deck", "set: deck\nkeep: {min_adherence: 25}")),
        ("bad.yaml:2:23: keep.min_adherence: got 25; allowed: a number from -1 to 1",),
    ),
    BadSpec(
        "an empty group",
        swapped(("set: deck", "set: deck\nkeep:")),
        (
            "bad.yaml:2:6: keep: got nothing; allowed: a mapping of per_asset, min_aesthetic, min_adherence, max_likeness, likeness_to, max_rank, min_margin, allow_defects, min_scores, reject_pixels",
        ),
    ),
    BadSpec(
        "six cron fields",
        swapped(("set: deck", 'set: deck\nschedule: {cron: "0 0 2 * * *"}')),
        (
            "bad.yaml:2:18: schedule.cron: got '0 0 2 * * *' with 6 fields; allowed: five fields (minute hour day month weekday) of *, numbers, ranges a-b, lists a,b and steps /n",
        ),
    ),
    BadSpec(
        "a cron hour past 23",
        swapped(("set: deck", 'set: deck\nschedule: {cron: "0 24 * * *"}')),
        ("bad.yaml:2:18: schedule.cron: got '24' as hour in '0 24 * * *'; allowed: hour 0 to 23, *, a-b, a,b or */n",),
    ),
    BadSpec(
        "an unknown time zone",
        swapped(("set: deck", 'set: deck\nschedule: {cron: "0 2 * * *", timezone: Asia/Tokio}')),
        (
            "bad.yaml:2:41: schedule.timezone: got 'Asia/Tokio'; allowed: an IANA time zone such as Europe/Berlin, Asia/Tokyo or UTC; did you mean 'Asia/Tokyo'?",
        ),
    ),
    BadSpec(
        "cron and interval",
        swapped(("set: deck", 'set: deck\nschedule: {cron: "0 2 * * *", every_s: 60}')),
        ("bad.yaml:2:11: schedule: got both; allowed: one of cron and every_s",),
    ),
    BadSpec(
        "a reason that is none",
        swapped(("set: deck", "set: deck\nrights: {accept_unknown: because}")),
        (
            "bad.yaml:2:26: rights.accept_unknown: got 'because'; allowed: a reason in your own words, at least 10 characters",
        ),
    ),
    BadSpec(
        "reject_pixels misspelt",
        swapped(("set: deck", "set: deck\nkeep: {reject_pixels: dropp}")),
        ("bad.yaml:2:23: keep.reject_pixels: got 'dropp'; allowed: keep, drop; did you mean 'drop'?",),
    ),
    BadSpec(
        "a negative weight",
        swapped(("set: deck", "set: deck\nselect: {coherence: -1}")),
        ("bad.yaml:2:21: select.coherence: got -1; allowed: a number from 0 to 100; leave it out for the default",),
    ),
    BadSpec(
        "forbid as one word",
        swapped(("set: deck", "set: deck\ncontent: {forbid: gore}")),
        ("bad.yaml:2:19: content.forbid: got 'gore'; allowed: a list",),
    ),
    BadSpec(
        "several errors at once",
        swapped(
            ("set: deck", "set: Deck\nseed: 1:30"),
            ("width_px: 128", "width_px: 100"),
            ("subject: bow", "subject: no"),
            ("id: one", "id: two"),
        ),
        (
            "bad.yaml:1:6: set: got 'Deck'; allowed: a set's name of a-z, 0-9 and -, not starting with -, at most 64 characters; did you mean 'deck'?",
            "bad.yaml:2:7: seed: got 1:30, which YAML reads as the number 90; allowed: a whole number from 0 to 4294967295",
            "bad.yaml:5:21: picture.width_px: got 100; allowed: a whole number from 64 to 4096, a multiple of 8; did you mean 96 or 104?",
            "bad.yaml:8:10: duplicate id: got 'two' again (first at bad.yaml:7:10); allowed: each id once; rename one of them",
            'bad.yaml:8:24: assets.subject: got no, which YAML reads as false; allowed: text or a number; quote it: "no"',
        ),
    ),
    BadSpec(
        "a table that is not there",
        table("id,subject,colour\none,sword,red\n", source="cards.csw"),
        (
            "bad.yaml:5:16: assets.from: got 'cards.csw', which is no file; allowed: a file in the spec's folder; did you mean 'cards.csv'?",
        ),
    ),
    BadSpec(
        "a table outside of the folder",
        table("id,subject,colour\none,sword,red\n", source="../cards.csv"),
        (
            "bad.yaml:5:16: assets.from: got '../cards.csv'; allowed: a path in the spec's own folder or below it, with / between folders; put the table beside the spec",
        ),
    ),
    BadSpec(
        "a table of another kind",
        {"bad.yaml": TABLE.replace("cards.csv", "cards.json"), "cards.json": "{}"},
        ("cards.json:1:1: row file: got '.json'; allowed: a .csv, .tsv or .xlsx file",),
    ),
    BadSpec(
        "a table with a broken encoding",
        table(b"id,subject,colour\none,sword,red\ntwo,b\xf6gen,blue\n"),
        (
            'cards.csv:3:6: encoding: got the byte 0xf6 at offset 37, which is not UTF-8; allowed: UTF-8; save the table as "CSV UTF-8"',
        ),
    ),
    BadSpec(
        "a table in UTF-16",
        table(b"\xff\xfei\x00d\x00,\x00s\x00u\x00b\x00j\x00e\x00c\x00t\x00,\x00c\x00o\x00l\x00o\x00u\x00r\x00\n\x00"),
        (
            'cards.csv:1:1: encoding: got UTF-16 (by its byte order mark); allowed: UTF-8; save the table as "CSV UTF-8"',
        ),
    ),
    BadSpec(
        "a ragged row",
        table("id,subject,colour\none,sword,red\ntwo,bow,blue,old\nthree,axe\n"),
        (
            "cards.csv:3:14: row: got 4 cells; allowed: 3 cells, as the columns say; put text that holds the separator in quotes",
            "cards.csv:4:1: row: got 2 cells; allowed: 3 cells, as the columns say; an empty cell needs its separator too",
        ),
    ),
    BadSpec(
        "a column twice",
        table("id,subject,colour,subject\none,sword,red,bow\n"),
        ("cards.csv:1:19: columns: got 'subject' twice, as columns 2 and 4; allowed: each name once",),
    ),
    BadSpec(
        "a column without a name",
        table("id,subject,,colour\none,sword,,red\n"),
        ("cards.csv:1:12: columns: got no name for column 3; allowed: a name for each; name the column or remove it",),
    ),
    BadSpec(
        "no id column",
        table("ID,subject,colour\none,sword,red\n"),
        (
            "cards.csv:1:1: columns: got the columns 'ID', 'subject', 'colour'; allowed: a column named id; rename the column 'ID' to id",
        ),
    ),
    BadSpec(
        "semicolons",
        table("id;subject;colour\none;sword;red\n"),
        (
            'cards.csv:1:1: columns: got one column, its name with semicolons in it; allowed: columns separated by commas; say so in the spec: {from: …, delimiter: ";"}',
        ),
    ),
    BadSpec(
        "an empty table",
        table(""),
        ("cards.csv:1:1: row file: got nothing; allowed: a row of column names, then one row an asset",),
    ),
    BadSpec(
        "a table with only a header",
        table("id,subject,colour\n"),
        ("cards.csv:1:1: assets: got no assets; allowed: at least one asset",),
    ),
    BadSpec(
        "a quote that is not closed",
        table('id,subject,colour\none,"sword,red\n'),
        (
            'cards.csv:2:1: CSV: got unexpected end of data; allowed: CSV rows; put text with quotes in quotes and double the ones inside: "a ""b"" c"',
        ),
    ),
    BadSpec(
        "two rows with one id",
        table("id,subject,colour\none,sword,red\ntwo,bow,blue\none,axe,red\n"),
        (
            "cards.csv:4:1: duplicate id: got 'one' again (first at cards.csv:2:1); allowed: each id once; rename one of them",
        ),
    ),
    BadSpec(
        "an empty cell that a template needs",
        table("id,subject,colour\none,sword,\n"),
        (
            "cards.csv:2:11: variable colour: got no text in asset 'one'; allowed: text for {colour}, which the template uses",
        ),
    ),
    BadSpec(
        "a bad override in a cell",
        table("id,subject,colour,candidates,keep.per_aset\none,sword,red,many,1\n"),
        (
            "cards.csv:2:15: candidates: got 'many'; allowed: a whole number from 1 to 10000",
            "cards.csv:2:20: unknown key: got 'per_aset'; allowed: per_asset, min_aesthetic, min_adherence, max_likeness, likeness_to, max_rank, min_margin, allow_defects, min_scores; did you mean 'per_asset'?",
        ),
    ),
    BadSpec(
        "a safe margin without a print size",
        swapped(("height_px: 128", "height_px: 128, safe_mm: 3")),
        ("bad.yaml:4:10: picture: got safe_mm with a size in pixels; allowed: with trim_mm and dpi",),
    ),
    BadSpec(
        "a safe margin that leaves nothing",
        swapped(("{width_px: 128, height_px: 128}", "{trim_mm: [63, 88], dpi: 100, safe_mm: 40}")),
        (
            "bad.yaml:4:10: picture.safe_mm: got 40 mm of 63 mm on each side; allowed: less than 31.5, half the short side",
        ),
    ),
    BadSpec(
        "tiles as a word",
        swapped(("height_px: 128", "height_px: 128, tiles: sideways")),
        ("bad.yaml:4:49: picture.tiles: got 'sideways'; allowed: true or false",),
    ),
    BadSpec(
        "fewer dots than any printer has",
        swapped(("{width_px: 128, height_px: 128}", "{trim_mm: [63, 88], dpi: 100, min_dpi: 3}")),
        ("bad.yaml:4:49: picture.min_dpi: got 3; allowed: a whole number from 30 to 1200",),
    ),
    BadSpec(
        "likeness to nobody",
        swapped(("assets:", "keep: {max_likeness: 0.9, likeness_to: deck}\nassets:")),
        ("bad.yaml:5:40: keep.likeness_to: got 'deck'; allowed: library, set",),
    ),
    BadSpec(
        "a reference picture that is not there",
        {**swapped(('{colour} {subject}"', '{colour} {subject}", references: [lok.png]')), "look.png": b"pixels"},
        (
            "bad.yaml:3:54: style.references: got 'lok.png', which is no file; allowed: a file in the spec's folder; did you mean 'look.png'?",
        ),
    ),
    BadSpec(
        "a reference picture outside the folder",
        swapped(('{colour} {subject}"', '{colour} {subject}", references: [../look.png]')),
        (
            "bad.yaml:3:54: style.references: got '../look.png'; allowed: a path in the spec's own folder or below it, with / between folders; put the picture beside the spec",
        ),
    ),
    BadSpec(
        "one reference picture, not in a list",
        swapped(('{colour} {subject}"', '{colour} {subject}", references: look.png')),
        (
            "bad.yaml:3:53: style.references: got 'look.png'; allowed: a list of at most 32, each a picture's file, or a keeper as set/asset or by its hash",
        ),
    ),
    BadSpec(
        "a taste for everything",
        swapped(("assets:", "select: {taste: much}\nassets:")),
        ("bad.yaml:5:17: select.taste: got 'much'; allowed: a number from 0 to 100",),
    ),
    BadSpec(
        "a second opinion of nobody",
        swapped(("assets:", "scoring: {second_opinion: Somebody}\nassets:")),
        ("bad.yaml:5:27: scoring.second_opinion: got 'Somebody'; allowed: a name in the registry, or none",),
    ),
]
