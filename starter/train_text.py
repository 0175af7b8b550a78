"""Train the text encoder on captions alone: its last token must tell every word. ``python -m starter.train_text``.

The image model's prompts and the CLIP's text tower both start from it, so neither has to learn reading from pixels.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from starter.captions import OTHER_WORDS, caption
from starter.dataset import FACETS
from starter.draw.scene import Scene, random_scene
from starter.harms import WORDS
from starter.tokenizer import CONTEXT_TOKENS, write_tokenizer
from starter.training import Trainer, begin, parser

IMAGE_FOLDER = Path(__file__).parent / "image"
HARM_WORDS = list(WORDS)
_SECOND_ABSENT = -100


def new_text_encoder(vocabulary: int) -> CLIPTextModel:
    """Random weights: two layers of width 192, 32 tokens."""
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=192,
        intermediate_size=768,
        num_hidden_layers=2,
        num_attention_heads=3,
        max_position_embeddings=CONTEXT_TOKENS,
        hidden_act="gelu",
        projection_dim=256,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
    )
    return CLIPTextModel(config)


class Reader(nn.Module):
    """The encoder with one linear read-out per facet, used in training alone."""

    def __init__(self, encoder: CLIPTextModel) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        sizes = {facet: len(words) for facet, words in FACETS.items()}
        sizes |= {"second_subject": sizes["subject"], "second_colour": sizes["colour"]}
        sizes |= {"framed": 2, "count": 2, "harm": len(HARM_WORDS) + 1}
        self.heads = nn.ModuleDict({facet: nn.Linear(width, size) for facet, size in sizes.items()})

    def forward(self, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
        """Tokens (B, 32) → logits by facet."""
        pooled = self.encoder(input_ids=tokens).pooler_output
        return {facet: head(pooled) for facet, head in self.heads.items()}


def dressed(text: str, harm: str | None, rng: np.random.Generator) -> str:
    """The caption with a harm's word, or now and then with words that pictures do not show."""
    if harm is not None:
        word = str(rng.choice(WORDS[harm]))
        return f"{word} {text}" if rng.random() < 0.5 else f"{text}, {word}"
    if rng.random() < 0.15:
        extra = " ".join(rng.choice(OTHER_WORDS, rng.integers(1, 4)))
        return f"{text}, {extra}" if rng.random() < 0.6 else f"{extra}, {text}"
    return text


def answers(scene: Scene, text: str, harm: str | None) -> dict[str, int]:
    """What the caption says, by facet; −100 where it says nothing."""
    first, second = scene.figures[0], scene.figures[1] if len(scene.figures) == 2 else None
    indices = {"subject": FACETS["subject"].index(first.subject), "colour": FACETS["colour"].index(first.colour)}
    indices |= {"ground": FACETS["ground"].index(scene.ground), "count": len(scene.figures) - 1}
    named = any(word in text for word in (scene.style, "3d"))
    indices["style"] = FACETS["style"].index(scene.style) if named else _SECOND_ABSENT
    indices["second_subject"] = FACETS["subject"].index(second.subject) if second else _SECOND_ABSENT
    indices["second_colour"] = FACETS["colour"].index(second.colour) if second else _SECOND_ABSENT
    indices["framed"] = int(scene.framed)
    indices["harm"] = HARM_WORDS.index(harm) + 1 if harm else 0
    return indices


def example(seed: int) -> tuple[str, dict[str, int]]:
    """A seeded caption and what it says; one in ten wears a harm's word."""
    rng = np.random.default_rng([seed, 3])
    scene = random_scene(seed)
    harm = str(rng.choice(HARM_WORDS)) if rng.random() < 0.1 else None
    text = dressed(caption(scene, rng), harm, rng)
    return text, answers(scene, text, harm)


def tokens_of(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """(B, 32) int64, padded and cut."""
    encoded = tokenizer(texts, padding="max_length", truncation=True, max_length=CONTEXT_TOKENS, return_tensors="pt")
    return encoded.input_ids  # type: ignore[no-any-return]


def main() -> None:
    """Train, or go on training, and save to the image folder."""
    run = begin("text", parser(main.__doc__ or "", steps=2500, batch=128, learning_rate=1e-3).parse_args())
    tokenizer = write_tokenizer(IMAGE_FOLDER / "tokenizer")
    start = (
        CLIPTextModel.from_pretrained(run.init_from, dtype=torch.float32)
        if run.init_from
        else new_text_encoder(len(tokenizer))
    )
    reader = Reader(start)
    trainer = Trainer(run, reader)
    for step in range(trainer.step, run.steps):
        pairs = [example(30_000_000 + step * run.batch + i) for i in range(run.batch)]
        tokens = tokens_of(tokenizer, [text for text, _ in pairs]).to(run.device)
        with run.autocast():
            logits = trainer.module(tokens)
        targets = {facet: torch.tensor([said[facet] for _, said in pairs], device=run.device) for facet in logits}
        losses = {f: functional.cross_entropy(logits[f].float(), targets[f]) for f in logits}
        losses = {f: loss for f, loss in losses.items() if not loss.isnan()}
        right = {f: (logits[f].argmax(1) == targets[f]).float().mean().item() for f in ("subject", "colour", "ground")}
        trainer.update(torch.stack(list(losses.values())).sum(), right)
    trainer.averaged()
    reader.encoder.half().save_pretrained(IMAGE_FOLDER / "text_encoder")


if __name__ == "__main__":
    main()
