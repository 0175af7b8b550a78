"""A tokenizer's folder → token ids, exactly those of transformers' ``CLIPTokenizer``. Imports neither it nor torch.

The vocabulary is data: ``vocab.json`` with ``merges.txt``, or ``tokenizer.json``, each read once, checked, and handed
to the ``tokenizers`` library in memory. Normalisation (NFC, one space for white space, lower case) and the pattern
that splits words are CLIP's own (Radford et al., 2021, ``simple_tokenizer.py``; ``tokenization_clip.py`` of
transformers 5), whatever a ``tokenizer.json`` says of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tokenizers import AddedToken, Encoding, Regex, Tokenizer, models, normalizers, pre_tokenizers

from generator.prompts.tokenizer_files import TokenizerFiles, Vocabulary, read_files
from specs.errors import LimnerError
from specs.values.checks import show

WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
REMEMBERED = 100_000  # words
SMALL_VOCABULARY = 10_000  # CLIP's has 49,408 tokens; one far smaller holds the words of its training set alone


@dataclass(frozen=True, slots=True)
class Tokens:
    """``ids`` of a text, without start and end; ``outside``: its words that the vocabulary does not hold, as written.

    A word is outside when some of its bytes have no token, or, for a vocabulary of fewer than SMALL_VOCABULARY tokens,
    when it is no single token: such a vocabulary is a list of the words that the model was trained on.
    """

    ids: tuple[int, ...]
    outside: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ClipTokenizer:
    """``size``: one more than the highest id; ``model_max_length``: tokens, start and end included, 3 to 10**31."""

    folder: Path
    size: int
    bos_id: int
    eos_id: int
    pad_id: int
    unk_id: int
    model_max_length: int
    backend: Tokenizer
    spaced: bool = False  # some added token holds white space
    _known: dict[str, Tokens] = field(default_factory=dict, repr=False)

    def read(self, text: str) -> Tokens:
        """The tokens of a text, nothing cut off. LimnerError for a lone surrogate, which no UTF-8 text holds.

        Word by word, each looked up once, because a set's prompts share nearly all of theirs: no token spans a space,
        but for added ones that hold a space themselves.
        """
        words = [text] if self.spaced else text.split(" ")
        read = [self._word(word) for word in words]
        return Tokens(
            ids=tuple(id_ for word in read for id_ in word.ids),
            outside=tuple(dict.fromkeys(name for word in read for name in word.outside)),
        )

    def _word(self, text: str) -> Tokens:
        known = self._known.get(text)
        if known is None:
            found = self._encode(text)
            small = self.size < SMALL_VOCABULARY or self.unk_id in found.ids
            known = Tokens(tuple(found.ids), self._outside(text, found) if small else ())
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[text] = known
        return known

    def ids(self, text: str) -> list[int]:
        """The ids alone; LimnerError as ``read``."""
        return list(self._encode(text).ids)

    def _encode(self, text: str) -> Encoding:
        try:
            return self.backend.encode(text, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError):
            raise LimnerError(
                f"prompt {show(text)}: got half of a surrogate pair; allowed: Unicode text. Type the character anew."
            ) from None

    def _outside(self, text: str, found: Encoding) -> tuple[str, ...]:
        parts: dict[int, list[tuple[int, int, int]]] = {}  # of each word: id, start, end
        for id_, number, (start, end) in zip(found.ids, found.word_ids, found.offsets, strict=True):
            if number is not None:
                parts.setdefault(number, []).append((id_, start, end))
        small = self.size < SMALL_VOCABULARY
        pieces = [
            one for one in parts.values() if (small and len(one) > 1) or any(id_ == self.unk_id for id_, *_ in one)
        ]
        words = dict.fromkeys(text[one[0][1] : one[-1][2]].strip() for one in pieces)
        return tuple(word for word in words if any(letter.isalpha() or not letter.isascii() for letter in word))


def load_tokenizer(folder: Path) -> ClipTokenizer:
    """The tokenizer of a folder, in about 0.1 s for CLIP's 49,408 tokens.

    Raises LimnerError, with file and place, for anything that would make other ids than its makers meant: a file that
    is missing, cut, no regular file or too large; merges that do not fit the vocabulary; two vocabularies that differ;
    a setting that is not CLIP's, or that asks for code.
    """
    files = read_files(folder)
    vocabulary, named = files.vocabulary, files.named
    for key, token in named.items():
        if str(token) not in vocabulary.ids and str(token) not in {str(one) for _, one in files.declared}:
            raise LimnerError(
                f"{vocabulary.path}: {key}: got a vocabulary of {len(vocabulary.ids):,} tokens without "
                f"{show(str(token))}; allowed: one that holds it. Copy the tokenizer's folder anew."
            )
    backend = _backend(vocabulary, str(named["unk_token"]))
    _add(backend, files)
    ids = {key: _id(backend, token) for key, token in named.items()}
    return ClipTokenizer(
        folder=folder,
        size=1 + max(*vocabulary.ids.values(), *(number for number, _ in files.declared)),
        bos_id=ids["bos_token"],
        eos_id=ids["eos_token"],
        pad_id=ids["pad_token"],
        unk_id=ids["unk_token"],
        model_max_length=files.model_max_length,
        backend=backend,
        spaced=any(" " in token.content for token in backend.get_added_tokens_decoder().values()),
    )


def backend_of(ids: dict[str, int], merges: list[tuple[str, str]], unknown: str) -> Tokenizer:
    """CLIP's byte-pair encoding over a vocabulary: token → id, the pairs that merge, the token of what is unknown."""
    model = models.BPE(
        vocab=ids,
        merges=merges,
        continuing_subword_prefix="",
        end_of_word_suffix="</w>",
        fuse_unk=False,
        unk_token=unknown,
    )
    backend = Tokenizer(model)
    backend.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return backend


def _backend(vocabulary: Vocabulary, unknown: str) -> Tokenizer:
    try:
        return backend_of(vocabulary.ids, vocabulary.merges, unknown)
    except Exception as error:  # the library raises bare ones; what it refuses was to be refused before
        raise LimnerError(f"{vocabulary.path}: got a vocabulary that does not load ({error}). Copy it anew.") from None


def _add(backend: Tokenizer, files: TokenizerFiles) -> None:
    """Tokens that are found in a text before it is split into words: those declared with ids, then the named ones."""
    special = {str(token) for token in files.named.values()}
    tokens: list[str | AddedToken] = [token for _, token in files.declared]
    known = {str(token) for token in tokens}
    for token in _in_order(files):  # one content may come twice with other marks: the later counts, as there
        if str(token) not in known and token not in tokens:
            tokens.append(token)
    added = [AddedToken(token, special=True) if isinstance(token, str) else token for token in tokens]
    for one in added:
        one.special = one.special or one.content in special
    backend.add_tokens(added)
    for number, token in files.declared:
        if _id(backend, token) != number:
            raise LimnerError(
                f"{files.declared_in}: {show(token.content)}: got the id {number}; allowed: {_id(backend, token)}, "
                f"which the vocabulary gives it. Copy the tokenizer's folder anew."
            )


def _in_order(files: TokenizerFiles) -> Sequence[str | AddedToken]:
    order = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    return [files.named[key] for key in order if key in files.named]


def _id(backend: Tokenizer, token: str | AddedToken) -> int:
    found = backend.token_to_id(str(token) if isinstance(token, str) else token.content)
    assert found is not None  # every named token is in the vocabulary, every declared one was added
    return found
