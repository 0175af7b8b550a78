"""A set's filled prompts before any model loads: how long they are, what no model reads as its author means it.

What loading or rendering would refuse is refused here with its place; what renders otherwise than meant is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from generator.prompts.chunks import MOST_CHUNKS, PromptSize, PromptTokenizers, load_tokenizers
from specs.checkpoint import IMAGE_ARCHITECTURES, Checkpoint
from specs.counted import counted
from specs.errors import SpecError, SpecErrors
from specs.prompts.dialects import Foreign, foreign_syntax
from specs.spec import Asset, Place, Spec, StyleText
from specs.values.checks import listed, show

MOST_WARNINGS = 20  # of a kind; a deck of a thousand rows would bury what else is said
MOST_WORDS = 12
MOST_ROWS = 3
TEXTS = {"prompt": "prompt", "negative": "negative_prompt"}  # the key in a spec → the asset's filled text
AS_TEXT = "write style: {syntax: plain} if it is meant as text"


@dataclass(frozen=True, slots=True)
class CheckedPrompts:
    """``sizes``: of each different prompt and negative prompt; ``warnings``: sentences with their places."""

    tokenizers: PromptTokenizers
    sizes: Mapping[str, PromptSize]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """Other tools' syntax at one place: in the set's own template, or in a row."""

    place: Place
    where: str
    pieces: tuple[Foreign, ...]


def check_prompts(spec: Spec, checkpoint: Checkpoint, folder: Path | None) -> CheckedPrompts | None:
    """Measure every prompt by the checkpoint's tokenizers; None where these are not here.

    Raises SpecErrors, naming each asset and its place, for a prompt of more than MOST_CHUNKS chunks and for one that
    names weights to load (``<lora:…>``): a picture made without them would carry a prompt that says otherwise. Raises
    LimnerError where the checkpoint's tokenizer is none of its text encoder.
    """
    lines = [] if spec.plain else list(_foreign(spec))
    _refuse_weights(lines)
    if folder is None or checkpoint.architecture not in IMAGE_ARCHITECTURES:
        return None
    tokenizers = load_tokenizers(checkpoint.architecture, folder)
    texts = dict.fromkeys(getattr(asset, name) for asset in spec.assets for name in TEXTS.values())
    sizes = {text: tokenizers.measure(text) for text in texts}
    _refuse_long(spec, checkpoint, tokenizers, sizes)
    warnings = (*_warn_of_syntax(lines), *_warn_of_words(spec, checkpoint, sizes))
    return CheckedPrompts(tokenizers, sizes, warnings)


def _refuse_weights(lines: Iterable[_Line]) -> None:
    errors = [
        SpecError(line.place, line.where, show(piece.text), "text, which limner gives to the model as it is",
                  mend=f"limner loads no weights that a prompt names: remove it, or {AS_TEXT}")
        for line in lines for piece in line.pieces if piece.weights
    ]  # fmt: skip
    if errors:
        raise SpecErrors(errors)


def _refuse_long(
    spec: Spec, checkpoint: Checkpoint, tokenizers: PromptTokenizers, sizes: Mapping[str, PromptSize]
) -> None:
    most = MOST_CHUNKS * tokenizers.chunk_tokens
    errors = []
    for asset in spec.assets:
        for style, key, text in _texts(spec, asset):
            size = sizes[text]
            if size.chunks <= MOST_CHUNKS:
                continue
            shared = style is not None and tokenizers.measure(style.text).chunks > MOST_CHUNKS
            place = style.place if style is not None and shared else asset.place
            got = f"{max(size.tokens):,} tokens ({size.chunks} chunks) in asset {show(asset.asset_id)}"
            allowed = (
                f"at most {most:,} tokens ({MOST_CHUNKS} chunks of {tokenizers.chunk_tokens}) for {checkpoint.name}"
            )
            errors.append(SpecError(place, key, got, allowed, mend="shorten it"))
    if errors:
        raise SpecErrors(errors)


def _texts(spec: Spec, asset: Asset) -> Iterator[tuple[StyleText | None, str, str]]:
    """(the set's template, key, filled text) of an asset's prompt and negative prompt."""
    styles = {style.key: style for style in spec.style}
    for key, name in TEXTS.items():
        yield styles.get(key), key, getattr(asset, name)


def _foreign(spec: Spec) -> Iterator[_Line]:
    """Other tools' syntax: that of the set's templates once, then what each row adds."""
    known: dict[str, tuple[Foreign, ...]] = {}
    shared = {style.key: set[str]() for style in spec.style}
    for asset in spec.assets:
        for style, key, text in _texts(spec, asset):
            if text not in known:
                known[text] = tuple(dict.fromkeys(foreign_syntax(text)))
            in_style = tuple(one for one in known[text] if style is not None and one.text in style.text)
            fresh = tuple(one for one in in_style if one.text not in shared[key])
            if style is not None and fresh:
                shared[key].update(one.text for one in fresh)
                yield _Line(style.place, f"style.{key}", fresh)
            own = tuple(one for one in known[text] if one not in in_style)
            if own:
                yield _Line(asset.place, f"asset {asset.asset_id}: {key}", own)


def _warn_of_syntax(lines: Iterable[_Line]) -> list[str]:
    found = [line for line in lines if not all(piece.weights for piece in line.pieces)]
    said = []
    for line in found[:MOST_WARNINGS]:
        pieces = listed([show(piece.text) for piece in line.pieces], MOST_WORDS)
        kinds = ", ".join(dict.fromkeys(piece.what for piece in line.pieces))
        said.append(
            f"{line.place}: {line.where}: read as plain text: {pieces} ({kinds} in other tools); limner does not apply "
            f"it: remove it, or {AS_TEXT}."
        )
    if len(found) > MOST_WARNINGS:
        said.append(f"{found[-1].place.path}: such text in {len(found) - MOST_WARNINGS:,} more places.")
    return said


def _warn_of_words(spec: Spec, checkpoint: Checkpoint, sizes: Mapping[str, PromptSize]) -> list[str]:
    """One warning for all words that the checkpoint's vocabulary lacks, with the rows that use each."""
    rows: dict[str, dict[str, Asset]] = {}
    for asset in spec.assets:
        for name in TEXTS.values():
            for word in sizes[getattr(asset, name)].outside:
                rows.setdefault(word.casefold(), {})[asset.asset_id] = asset
    if not rows:
        return []
    words = [f"{show(word)} ({_rows(list(assets.values()))})" for word, assets in rows.items()]
    return [
        f"{spec.path}: {counted(len(words), 'word')} outside the vocabulary of checkpoint "
        f"{checkpoint.name}, which cannot draw them: {listed(words, MOST_WORDS)}."
    ]


def _rows(assets: list[Asset]) -> str:
    named = [f"{asset.asset_id}, {Path(asset.place.path).name}:{asset.place.line}" for asset in assets[:MOST_ROWS]]
    more = len(assets) - MOST_ROWS
    return "; ".join(named) + (f"; {more} more" if more > 0 else "")
