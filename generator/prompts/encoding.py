"""Prompts → conditioning: each prompt encoded once, alone, whole.

Imports torch.

Long prompts are cut into chunks of 75 tokens (two less than the text encoder's length), each wrapped in start and end,
encoded apart and laid end to end, as AUTOMATIC1111 does; nothing is ever truncated. ``clip_skip`` counts as there: 1 is
the layer that the architecture was trained with, 2 the one before it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch

from generator.families.family import Conditioning
from generator.prompts.chunks import MOST_CHUNKS, check_fit, cut
from generator.prompts.tokenizer import ClipTokenizer
from specs.errors import LimnerError
from specs.values.checks import show

REMEMBERED = 256  # prompts; 80 MB for SDXL at 16 bits


@dataclass(frozen=True, slots=True)
class Encoded:
    """``tokens`` (1, L·chunks, D) hidden states, L = 77 for the published models; ``pooled`` (1, P), SDXL only."""

    tokens: torch.Tensor
    pooled: torch.Tensor | None


class PromptEncoder:
    """Encodes prompts with one pipeline's tokenizers and text encoders, one prompt at a time, and remembers them.

    Raises LimnerError when a tokenizer is not its text encoder's.
    """

    def __init__(self, pipe: Any, conditioning: Conditioning) -> None:
        self._pipe = pipe
        self._conditioning = conditioning
        self._pairs: list[tuple[ClipTokenizer, Any]] = [
            (getattr(pipe, tokenizer), getattr(pipe, encoder)) for tokenizer, encoder in conditioning.encoders
        ]
        for (tokenizer, encoder), (_, part) in zip(self._pairs, conditioning.encoders, strict=True):
            check_fit(tokenizer, encoder.config.to_dict(), tokenizer.folder.parent / part)
        self._known: OrderedDict[tuple[str, int, int, bool], Encoded] = OrderedDict()
        self.calls = 0  # prompts that went through the text encoders

    def chunks(self, prompt: str) -> int:
        """How many chunks a prompt needs, at least 1. LimnerError beyond MOST_CHUNKS."""
        needed = max(len(_cut(tokenizer, encoder, prompt)) for tokenizer, encoder in self._pairs)
        if needed > MOST_CHUNKS:
            raise LimnerError(
                f"prompt {show(prompt)}: got {needed} chunks of {_length(*self._pairs[0]) - 2} tokens; at most "
                f"{MOST_CHUNKS} are allowed. Shorten it."
            )
        return needed

    def encode(self, prompt: str, clip_skip: int, chunks: int, *, negative: bool = False) -> Encoded:
        """The conditioning of a prompt, padded with empty chunks to ``chunks``.

        An empty negative prompt is all zeros when family and checkpoint were trained so
        (``force_zeros_for_empty_prompt``).
        """
        zeros = negative and not prompt and self._zeros_for_empty
        key = (prompt, clip_skip, chunks, zeros)
        known = self._known.get(key)
        if known is None:
            known = self._encode(prompt, clip_skip, chunks)
            if zeros:
                known = Encoded(torch.zeros_like(known.tokens), _zeros(known.pooled))
            self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    @property
    def _zeros_for_empty(self) -> bool:
        return self._conditioning.zeros_for_empty_negative and bool(self._pipe.config.force_zeros_for_empty_prompt)

    def _encode(self, prompt: str, clip_skip: int, chunks: int) -> Encoded:
        self.calls += 1
        device, conditioning = self._pipe._execution_device, self._conditioning
        columns, pooled = [], None
        for tokenizer, encoder in self._pairs:
            pieces = _cut(tokenizer, encoder, prompt)
            pieces += [[]] * (chunks - len(pieces))
            rows = []
            for number, piece in enumerate(pieces):
                states, first = _states(encoder, _ids(tokenizer, encoder, piece).to(device), clip_skip, conditioning)
                if conditioning.pooled and number == 0:
                    pooled = first  # the last encoder's first chunk stays
                rows.append(states)
            columns.append(torch.cat(rows, dim=1))
        tokens = torch.cat(columns, dim=-1)
        return Encoded(tokens.to(self._pairs[-1][1].dtype), pooled)


def _length(tokenizer: ClipTokenizer, encoder: Any) -> int:
    """L: how many tokens, start and end included, one pass of the encoder takes (a tokenizer may not know it)."""
    return min(tokenizer.model_max_length, int(encoder.config.max_position_embeddings))


def _cut(tokenizer: ClipTokenizer, encoder: Any, prompt: str) -> list[list[int]]:
    """Token ids of a prompt, without start and end, in pieces of L − 2; one empty piece for an empty prompt."""
    return cut(tokenizer.ids(prompt), _length(tokenizer, encoder))


def _ids(tokenizer: ClipTokenizer, encoder: Any, piece: list[int]) -> torch.Tensor:
    """(1, L) token ids: start, the piece, end, then the tokenizer's own padding."""
    ids = [tokenizer.bos_id, *piece, tokenizer.eos_id]
    ids += [tokenizer.pad_id] * (_length(tokenizer, encoder) - len(ids))
    return torch.tensor([ids], dtype=torch.long)


def _states(
    encoder: Any, ids: torch.Tensor, clip_skip: int, conditioning: Conditioning
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states (1, L, D) of the layer asked for, and the encoder's pooled output.

    ``clip_skip`` counts from the family's own layer; each layer passes the final norm where the family's does.
    """
    output = encoder(ids, output_hidden_states=True)
    depth = clip_skip + conditioning.last_layer - 1
    if not 1 <= depth < len(output.hidden_states):
        deepest = len(output.hidden_states) - conditioning.last_layer
        raise LimnerError(f"clip_skip: got {clip_skip}; this checkpoint's text encoder allows 1 to {deepest}")
    if not conditioning.normed:
        return output.hidden_states[-depth], output[0]
    if depth == 1:
        return output.last_hidden_state, output.pooler_output
    return encoder.final_layer_norm(output.hidden_states[-depth]), output.pooler_output


def _zeros(pooled: torch.Tensor | None) -> torch.Tensor | None:
    return None if pooled is None else torch.zeros_like(pooled)
