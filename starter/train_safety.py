"""Make the safety checker: CompVis' layout, a family game's policy. ``python -m starter.train_safety``.

Each concept is one direction of the embedding space, learned by logistic regression; its threshold is the cosine that
lets at most ``_ALLOWED`` of the harmless training drawings through as false alarms.
"""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from safetensors.torch import load_file
from torch.nn import functional
from transformers import CLIPConfig

from starter.dataset import prepare
from starter.draw.scene import Scene
from starter.embedding import embed_pictures, load_clip
from starter.train_clip import CLIP_FOLDER, EMBEDDING_DIM, MEAN, STD
from starter.training import begin, parser
from starter.twins import vision_from_open_clip

SAFETY_FOLDER = Path(__file__).parent / "safety"
CONCEPTS = ("skull", "ghost", "blood drop (a red drop)")
_SLOTS, _CARE_SLOTS = 17, 3
_NEVER = 2.0
_ALLOWED = 0.018


def shows(scene: Scene) -> list[bool]:
    """Which concepts a scene shows."""
    kinds = [
        (f.subject == "skull", f.subject == "ghost", (f.subject, f.colour) == ("drop", "red")) for f in scene.figures
    ]
    return [any(column) for column in zip(*kinds, strict=True)]


def direction(embeddings: torch.Tensor, shown: torch.Tensor, steps: int) -> tuple[torch.Tensor, float]:
    """The unit vector (256,) that tells shown (N,) from the rest, and its cosine threshold."""
    weight = embeddings[shown].mean(0) - embeddings[~shown].mean(0)
    state = torch.cat([functional.normalize(weight, dim=0), torch.tensor([0.2, 20.0])]).requires_grad_()
    optimizer = torch.optim.Adam([state], 0.02)
    balance = (~shown).sum() / shown.sum()
    for _ in range(steps):
        logits = state[-1] * (embeddings @ functional.normalize(state[:-2], dim=0) - state[-2])
        loss = functional.binary_cross_entropy_with_logits(logits, shown.float(), pos_weight=balance.sqrt())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    unit = functional.normalize(state[:-2].detach(), dim=0)
    scores = embeddings @ unit
    harmless, forbidden = scores[~shown], scores[shown]
    strict = torch.quantile(harmless, 1 - _ALLOWED / len(CONCEPTS)).item()
    return unit, min((strict + torch.quantile(forbidden, 0.03).item()) / 2, strict) if strict < 1 else strict


def checker_of(directions: torch.Tensor, thresholds: list[float]) -> StableDiffusionSafetyChecker:
    """CompVis' module with the starter CLIP's vision tower; unused slots can never fire."""
    vision = {"hidden_size": 192, "intermediate_size": 768, "num_hidden_layers": 5, "num_attention_heads": 3}
    vision |= {"image_size": 128, "patch_size": 16}
    config = CLIPConfig(
        vision_config=vision | {"projection_dim": EMBEDDING_DIM, "hidden_act": "gelu"},
        text_config={"hidden_size": 192, "num_hidden_layers": 1},
        projection_dim=EMBEDDING_DIM,
    )
    checker = StableDiffusionSafetyChecker(config)
    state = vision_from_open_clip(load_file(CLIP_FOLDER / "open_clip_model.safetensors"))
    unused = _SLOTS - len(thresholds)
    state["concept_embeds"] = torch.cat([directions, torch.zeros(unused, EMBEDDING_DIM)])
    state["concept_embeds_weights"] = torch.tensor([*thresholds, *[_NEVER] * unused])
    state["special_care_embeds"] = torch.zeros(_CARE_SLOTS, EMBEDDING_DIM)
    state["special_care_embeds_weights"] = torch.full((_CARE_SLOTS,), _NEVER)
    checker.load_state_dict(state)
    return checker.half()


def main() -> None:
    """Learn the concepts on training drawings and save the folder."""
    run = begin("safety", parser(main.__doc__ or "", steps=300, batch=0, learning_rate=0).parse_args())
    drawings = prepare(run.work, "train")
    chosen = [i for i, scene in enumerate(drawings.scenes) if any(shows(scene)) or i < 5000]
    clip, _ = load_clip()
    embeddings = embed_pictures(clip, (drawings.pixels[i] for i in chosen))
    shown = torch.tensor([shows(drawings.scenes[i]) for i in chosen])
    found = [direction(embeddings, shown[:, k], run.steps) for k in range(len(CONCEPTS))]
    checker_of(torch.stack([unit for unit, _ in found]), [threshold for _, threshold in found]).save_pretrained(
        SAFETY_FOLDER
    )
    write_words()
    for k, (unit, threshold) in enumerate(found):
        flagged = (embeddings @ unit > threshold).numpy()
        truth = shown[:, k].numpy()
        print(
            f"{CONCEPTS[k]}: caught {flagged[truth].mean():.3f}, false alarms {np.mean(flagged[~truth]):.4f}",
            flush=True,
        )


def write_words() -> None:
    """What the checker covers, in words, and how it wants its pictures."""
    covered = {"policy": "family game", "concepts": list(CONCEPTS), "unused_slots": _SLOTS - len(CONCEPTS)}
    covered["covers"] = "skulls, ghosts and red drops (blood) as the starter draws them; nothing else"
    (SAFETY_FOLDER / "concepts.json").write_text(json.dumps(covered, indent=2) + "\n")
    eyes = {
        "image_processor_type": "CLIPImageProcessor",
        "crop_size": {"height": 128, "width": 128},
        "do_center_crop": True,
    }
    eyes |= {"do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, "resample": 3}
    eyes |= {
        "image_mean": list(MEAN),
        "image_std": list(STD),
        "size": {"shortest_edge": 128},
        "rescale_factor": 1 / 255,
    }
    (SAFETY_FOLDER / "preprocessor_config.json").write_text(json.dumps(eyes, indent=2) + "\n")


if __name__ == "__main__":
    main()
