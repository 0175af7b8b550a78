"""A job as AUTOMATIC1111's infotext: its users, and every tool that reads it, can load it to make the same picture.

Prompt, ``Negative prompt: …``, then one line of parameters whose values are JSON-quoted where they hold a comma, a
colon or a line break.
"""

from __future__ import annotations

import json
import re

from generator.weights.pinning import main_file
from specs.checkpoint import Checkpoint
from specs.job import Job
from specs.samplers import SCHEDULERS

KEYWORD = "parameters"
# What neither XML 1.0 nor a PNG text may hold: control characters but tab and line feed, surrogates, non-characters.
UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

BRACKETS = re.compile(r"[()\[\]\\]")
COMPOSITION = re.compile(r"\b(?:AND|BREAK)\b")
NETWORK = re.compile(r"<(?=\w+:[^>]+>)")


def infotext(job: Job, checkpoint: Checkpoint, software: str) -> str:
    """The text of the ``parameters`` chunk. ``software`` is name and version, e.g. ``limner 0.1.0``.

    ``RNG: CPU`` because the initial noise comes from a CPU generator, as that setting of A1111's makes it.
    """
    scheduler = SCHEDULERS[job.scheduler]
    fields: list[tuple[str, str]] = [
        ("Steps", str(job.steps)),
        ("Sampler", scheduler.a1111_sampler),
        ("Schedule type", scheduler.a1111_schedule),
        ("CFG scale", f"{job.guidance:g}"),
        ("Seed", str(job.seed)),
        ("Size", f"{job.width_px}x{job.height_px}"),
        ("Model hash", main_file(checkpoint).sha256[:10]),
        ("Model", checkpoint.name),
    ]
    if job.clip_skip > 1:
        fields.append(("Clip skip", str(job.clip_skip)))
    fields += [("RNG", "CPU"), ("Version", software)]
    lines = [as_text(printable(job.prompt))]
    if job.negative_prompt:
        lines.append(f"Negative prompt: {as_text(printable(job.negative_prompt))}")
    lines.append(", ".join(f"{name}: {_quoted(printable(value))}" for name, value in fields))
    return "\n".join(lines)


def as_text(prompt: str) -> str:
    r"""A prompt as AUTOMATIC1111 must be given it to read the same tokens, because limner reads all of it as text.

    Brackets and backslashes are escaped (``re_attention`` of its ``modules/prompt_parser.py``: ``\(`` is a bracket,
    a lone ``\`` is dropped). What has no escape there is written otherwise with the same CLIP tokens: ``and`` and
    ``break`` in small letters, which CLIP makes of all, and a space after the ``<`` of ``<name:…>``, where CLIP splits
    anyway (``modules/extra_networks.py`` looks for ``<\w+:``). ``#``, from which it drops a line's rest unless its
    setting for comments is off, has no such form.
    """
    escaped = BRACKETS.sub(r"\\\g<0>", prompt)
    return NETWORK.sub("< ", COMPOSITION.sub(lambda word: word[0].lower(), escaped))


def printable(text: str) -> str:
    """The text with every character that XML or a PNG text chunk cannot hold replaced by U+FFFD; CR LF becomes LF."""
    return UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if re.search(r"[,:\n]", value) else value
