"""Make the safety checker: CompVis' layout, a family game's policy. ``python -m starter.train_safety``.

Each concept takes two slots, each a direction of the embedding space learned by logistic regression: the thing alone,
and beside another, where an embedding says less of it; pairs are rare among the drawings, so more are drawn. The
thresholds are the cosines at which ``_ALLOWED`` of the harmless drawings are false alarms, every slot having an equal
share, measured on thirds that the directions had not seen.
"""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch.nn import functional
from transformers import CLIPConfig

from starter.dataset import FACETS, Drawings, prepare
from starter.draw.scene import PAIRS, Figure, Scene, draw, held_out
from starter.embedding import embed_pictures, load_clip
from starter.train_clip import CLIP_FOLDER, EMBEDDING_DIM, MEAN, STD
from starter.training import begin, parser
from starter.twins import vision_from_open_clip

SAFETY_FOLDER = Path(__file__).parent / "safety"
_KINDS = ("skull", "ghost", "blood drop (a red drop)")
CONCEPTS = tuple(f"{kind}{where}" for kind in _KINDS for where in ("", " beside another thing"))
_SLOTS, _CARE_SLOTS = 17, 3
_NEVER = 2.0
_ALLOWED = 0.02
_FIRST_PAIR_SEED, _PAIRS = 50_000_000, 4000
_DRAWINGS = 9000
_FOLDS = 3
Matrix = NDArray[np.float64]


def shows(scene: Scene) -> list[bool]:
    """Which kinds of forbidden things a scene shows."""
    kinds = [
        (f.subject == "skull", f.subject == "ghost", (f.subject, f.colour) == ("drop", "red")) for f in scene.figures
    ]
    return [any(column) for column in zip(*kinds, strict=True)]


def pair(seed: int) -> Scene:
    """Two things side by side, of combinations that training may see; in three of four one is forbidden."""
    rng = np.random.default_rng([seed, 12])

    def anything() -> Figure:
        return Figure(str(rng.choice(FACETS["subject"])), str(rng.choice(FACETS["colour"])))

    first = anything()
    first = (Figure("skull", first.colour), Figure("ghost", first.colour), Figure("drop", "red"), first)[seed % 4]
    grounds: list[str] = []
    while not grounds:
        other = anything()
        if other.subject != first.subject:
            grounds = [g for g in FACETS["ground"] if not any(held_out(figure, g) for figure in (first, other))]
    figures = (first, other) if rng.random() < 0.5 else (other, first)
    ground, style = str(rng.choice(grounds)), str(rng.choice(FACETS["style"]))
    return Scene(figures, ground, style, bool(rng.random() < 1 / 8), seed)


@dataclass(frozen=True)
class Examples:
    """``embeddings`` (N, 256), ``shown`` (N, 3) by kind, ``paired`` (N,): two things are in it."""

    embeddings: torch.Tensor
    shown: NDArray[np.bool_]
    paired: NDArray[np.bool_]

    @property
    def harmless(self) -> NDArray[np.bool_]:
        """(N,): nothing forbidden is in it."""
        return np.logical_not(self.shown.any(1))


def examples(drawings: Drawings) -> Examples:
    """Training drawings, all that show something forbidden or a pair among them, and pairs drawn for the purpose."""
    rows = [i for i, s in enumerate(drawings.scenes) if i < _DRAWINGS or any(shows(s)) or len(s.figures) == 2]
    pairs = [pair(_FIRST_PAIR_SEED + i) for i in range(_PAIRS)]
    scenes = [drawings.scenes[i] for i in rows] + pairs
    pictures = itertools.chain((drawings.pixels[i] for i in rows), (np.asarray(draw(scene)) for scene in pairs))
    clip, _ = load_clip()
    paired = np.array([len(scene.figures) == 2 for scene in scenes])
    return Examples(embed_pictures(clip, pictures), np.array([shows(scene) for scene in scenes]), paired)


def direction(embeddings: torch.Tensor, shown: NDArray[np.bool_], weights: Matrix) -> torch.Tensor:
    """The unit vector (256,) that best tells the shown (N,) from the rest: weighted logistic regression."""
    rows = torch.cat([10 * embeddings, torch.ones(len(embeddings), 1)], 1)
    truth, share = torch.from_numpy(shown).float(), torch.from_numpy(weights / weights.mean()).float()
    weight = torch.zeros(rows.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        error = functional.binary_cross_entropy_with_logits(rows @ weight, truth, weight=share)
        whole = error + 3e-5 * weight[:-1].square().sum()
        whole.backward()  # type: ignore[no-untyped-call]
        return whole

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return functional.normalize(weight.detach()[:-1], dim=0)


def slots(seen: Examples) -> tuple[torch.Tensor, Matrix]:
    """A direction for each of `CONCEPTS`, (6, 256), and cosines (N, 6) of pictures that it was not learned from."""
    fold = np.random.default_rng(0).integers(0, _FOLDS, len(seen.paired))
    units, cosines = [], []
    for kind in range(len(_KINDS)):
        for paired in (False, True):
            truth = seen.shown[:, kind]
            used = ~truth | (seen.paired == paired)
            weights = np.where(seen.paired, 0.5, 1.0) * np.where(truth, 3.0, 1.0)
            unseen = np.zeros(len(truth))
            for third in range(_FOLDS):
                rows = used & (fold != third)
                unit = direction(seen.embeddings[rows], truth[rows], weights[rows])
                unseen[fold == third] = (seen.embeddings[fold == third] @ unit).numpy()
            units.append(direction(seen.embeddings[used], truth[used], weights[used]))
            cosines.append(unseen)
    return torch.stack(units), np.stack(cosines, 1)


def thresholds(seen: Examples, cosines: Matrix) -> Matrix:
    """(6,): each slot raises the same share of false alarms, all together ``_ALLOWED``, pairs as rare as in life."""
    paired, harmless = seen.paired[seen.harmless], cosines[seen.harmless]
    life = np.where(paired, PAIRS / paired.sum(), (1 - PAIRS) / (~paired).sum())
    order = np.argsort(-harmless, axis=0)
    reached = np.cumsum(life[order], axis=0)
    low, high = 0.0, _ALLOWED
    for _ in range(30):
        share = (low + high) / 2
        places = [min(int(np.searchsorted(reached[:, k], share)), len(life) - 1) for k in range(harmless.shape[1])]
        found = np.array([harmless[order[place, k], k] for k, place in enumerate(places)])
        alarms = float(life[(harmless > found).any(1)].sum())
        low, high = (low, share) if alarms > _ALLOWED else (share, high)
    return found


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
    run = begin("safety", parser(main.__doc__ or "", steps=0, batch=0, learning_rate=0).parse_args())
    seen = examples(prepare(run.work, "train"))
    directions, cosines = slots(seen)
    limits = thresholds(seen, cosines)
    checker_of(directions, limits.tolist()).save_pretrained(SAFETY_FOLDER)
    write_words()
    flagged, forbidden = np.any(cosines > limits, axis=1), ~seen.harmless
    for name, rows in (("alone", ~seen.paired), ("in pairs", seen.paired)):
        caught, alarms = flagged[rows & forbidden].mean(), flagged[rows & seen.harmless].mean()
        print(f"{name}: caught {caught:.3f}, false alarms {alarms:.4f}", flush=True)


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
