"""The starter's vocabulary: a small byte-pair encoding in CLIP's own layout (vocab.json, merges.txt).

Every word that the captions use is one token; anything else falls back to pieces and, in the end, to bytes.
"""

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTokenizer

from starter.captions import FRAME_PHRASES, GROUND_PHRASES, OTHER_WORDS, STYLE_PHRASES
from starter.draw.colours import COLOURS
from starter.draw.subjects import SUBJECTS
from starter.harms import WORDS

CONTEXT_TOKENS = 32
_SPECIALS = ("<|startoftext|>", "<|endoftext|>")


def byte_letters() -> list[str]:
    """The printable letter that stands for each byte, in CLIP's order (256 of them)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def known_words() -> list[str]:
    """Every word that must be a single token, without repeats, in a fixed order."""
    phrases = [*SUBJECTS, *COLOURS, "grey", "golden", "icon", "item:", *FRAME_PHRASES, *OTHER_WORDS]
    phrases += [phrase for table in (GROUND_PHRASES, STYLE_PHRASES, WORDS) for row in table.values() for phrase in row]
    return sorted({word for phrase in phrases for word in re.findall(r"[^\W\d_]+", phrase.lower())})


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent pair first, until every word is one piece."""
    pieces = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges: list[tuple[str, str]] = []
    while pairs := Counter(p for split in pieces.values() for p in pairwise(split)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        pieces = {word: _merged(split, best) for word, split in pieces.items()}
    return merges


def _merged(split: list[str], pair: tuple[str, str]) -> list[str]:
    result: list[str] = []
    for piece in split:
        if result and (result[-1], piece) == pair:
            result[-1] = "".join(pair)
        else:
            result.append(piece)
    return result


def write_tokenizer(folder: Path) -> CLIPTokenizer:
    """Write the tokenizer's files to a folder and return it loaded from there."""
    folder.mkdir(parents=True, exist_ok=True)
    letters, merges = byte_letters(), learn_merges(known_words())
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges), *_SPECIALS]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(vocabulary, merges, model_max_length=CONTEXT_TOKENS)
    tokenizer.save_pretrained(folder)
    return tokenizer
