"""Measure the starter models. ``python -m starter.evaluate [image] [clip] [aesthetic] [safety]`` → evaluation.json.

Prompts and seeds are fixed in here; the judge (`starter.train_judge`) was trained on other drawings and is used by no
part of the pipeline.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from starter.captions import plain_caption
from starter.dataset import FACETS, prepare
from starter.draw.scene import Figure, held_out
from starter.embedding import embed_pictures, embed_texts, load_clip
from starter.harms import TAUGHT, UNSEEN
from starter.sampling import load_pipeline, sampled
from starter.train_judge import halved, load_judge

STARTER = Path(__file__).parent
RESULTS = STARTER / "evaluation.json"
_FIRST_SEED = 900_000
Report = dict[str, object]
Combination = tuple[str, str, str]


def combinations(count: int) -> list[Combination]:
    """Fixed subject × colour × ground prompts; every third is one that was never trained on."""
    rng, found = np.random.default_rng(20_260_101), list[Combination]()
    while len(found) < count:
        subject = FACETS["subject"][len(found) % len(FACETS["subject"])]
        colour, ground = str(rng.choice(FACETS["colour"])), str(rng.choice(FACETS["ground"]))
        if held_out(Figure(subject, colour), ground) == (len(found) % 3 == 0):
            found.append((subject, colour, ground))
    return found


@torch.no_grad()
def judged(pictures: list[NDArray[np.uint8]]) -> dict[str, torch.Tensor]:
    """The judge's probabilities by facet, (N, words)."""
    judge = load_judge()
    logits = [judge(halved(np.stack(pictures[i : i + 64]))) for i in range(0, len(pictures), 64)]
    return {facet: torch.cat([part[facet] for part in logits]).softmax(1) for facet in FACETS}


def evaluate_judge(work: Path) -> Report:
    """How often the judge itself is right on fresh drawings."""
    drawings = prepare(work, "test")
    rows = [i for i, scene in enumerate(drawings.scenes) if len(scene.figures) == 1][:2000]
    labels, seen = drawings.labels()[rows], judged([drawings.pixels[i] for i in rows])
    return {f: float(np.mean(seen[f].argmax(1).numpy() == labels[:, i])) for i, f in enumerate(FACETS)}


def contact_sheet(pictures: list[NDArray[np.uint8]], columns: int = 10) -> Image.Image:
    """The pictures in reading order, side by side."""
    side = pictures[0].shape[0]
    sheet = Image.new("RGB", (columns * side, -(-len(pictures) // columns) * side))
    for i, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), (i % columns * side, i // columns * side))
    return sheet


def evaluate_image(work: Path, count: int) -> Report:
    """Subject, colour and ground right over fixed prompts; per subject; variety; nearest training drawing; speed."""
    wanted, pipeline = combinations(count), load_pipeline(STARTER / "image")
    seeds = [_FIRST_SEED + i for i in range(count)]
    started = time.monotonic()
    pictures = list(sampled(pipeline, [plain_caption(*words) for words in wanted], seeds, batch=20))
    seconds = (time.monotonic() - started) / count
    contact_sheet(pictures[:100]).save(STARTER / "contact_sheet.png", optimize=True)
    np.savez_compressed(work / "evaluation_pictures.npz", pictures=np.stack(pictures))
    seen = judged(pictures)
    right = {
        f: _right(seen[f], f, [words[i] for words in wanted]) for i, f in enumerate(("subject", "colour", "ground"))
    }
    fresh = np.arange(count) % 3 == 0
    report: Report = {f"{f}_right": float(values.mean()) for f, values in right.items()}
    report |= {f"{f}_right_never_trained": float(values[fresh].mean()) for f, values in right.items()}
    report["per_subject"] = {
        s: float(np.mean(right["subject"][[w[0] == s for w in wanted]])) for s in FACETS["subject"]
    }
    report |= {"prompts": count, "seconds_per_picture": round(seconds, 3), "threads": torch.get_num_threads()}
    return report | _variety(pipeline) | _nearest(work, pictures[:200])


def _right(seen: torch.Tensor, facet: str, words: list[str]) -> NDArray[np.bool_]:
    truth = np.array([FACETS[facet].index(word) for word in words])
    return seen.argmax(1).numpy() == truth  # type: ignore[no-any-return]


def _variety(pipeline: object) -> Report:
    """Mean cosine of eight seeds' embeddings, over 12 prompts, against that of a picture and its JPEG re-encode."""
    clip, _ = load_clip()
    likeness, again = [], []
    for words in combinations(12):
        pictures = list(sampled(pipeline, [plain_caption(*words)] * 8, list(range(8)), batch=8))
        seen = embed_pictures(clip, pictures)
        likeness.append(float(((seen @ seen.T).sum() - 8) / 56))
        coded = embed_pictures(clip, [np.asarray(reencoded(Image.fromarray(p))) for p in pictures])
        again.append(float((seen * coded).sum(1).mean()))
    return {"likeness_of_8_seeds": float(np.mean(likeness)), "likeness_of_reencodes": float(np.mean(again))}


def reencoded(picture: Image.Image) -> Image.Image:
    """The picture through JPEG at quality 85: the same picture to anyone."""
    import io

    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return Image.open(file).convert("RGB")


def _nearest(work: Path, pictures: list[NDArray[np.uint8]]) -> Report:
    """Root mean square distance (0–255) from samples, and from fresh drawings, to the nearest training drawing."""
    drawings, fresh = prepare(work, "train").pixels, prepare(work, "test").pixels[:200]
    known = np.concatenate([_coarse(drawings[i : i + 2000]) for i in range(0, len(drawings), 2000)])
    return {
        "nearest_drawing_rms_of_samples": _distance(_coarse(np.stack(pictures)), known),
        "nearest_drawing_rms_of_fresh_drawings": _distance(_coarse(fresh), known),
    }


def _coarse(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 128, 128, 3) → (N, 768): means over 8 × 8 pixels."""
    means: NDArray[np.float64] = pictures.reshape(len(pictures), 16, 8, 16, 8, 3).mean((2, 4))
    return means.reshape(len(pictures), -1).astype(np.float32)


def _distance(rows: NDArray[np.float32], known: NDArray[np.float32]) -> float:
    squared = (rows**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * rows @ known.T
    return float(np.sqrt(np.maximum(squared.min(1), 0) / rows.shape[1]).mean())


def evaluate_clip(work: Path, count: int) -> Report:
    """Caption retrieval among all subject × colour × ground captions, for held-out drawings with one subject."""
    clip, tokenizer = load_clip()
    drawings = prepare(work, "test")
    rows = [i for i, scene in enumerate(drawings.scenes) if len(scene.figures) == 1][:count]
    every = [(s, c, g) for s in FACETS["subject"] for c in FACETS["colour"] for g in FACETS["ground"]]
    texts = embed_texts(clip, tokenizer, [plain_caption(*words) for words in every])
    best = (embed_pictures(clip, (drawings.pixels[i] for i in rows)) @ texts.T).argmax(1)
    truth = [(s.figures[0].subject, s.figures[0].colour, s.ground) for s in (drawings.scenes[i] for i in rows)]
    hits = np.array([[a == b for a, b in zip(every[int(k)], t, strict=True)] for k, t in zip(best, truth, strict=True)])
    names = ("subject", "colour", "ground")
    report: Report = {f"{name}_right": float(hits[:, i].mean()) for i, name in enumerate(names)}
    return report | {"caption_top1": float(hits.all(1).mean()), "captions": len(every), "drawings": len(rows)}


def evaluate_aesthetic(work: Path, count: int) -> Report:
    """How often a clean held-out drawing beats its harmed copy, per harm; agreement with the judge on samples."""
    from safetensors.torch import load_file

    from starter.train_aesthetic import AESTHETIC_FOLDER, Head

    clip, _ = load_clip()
    head = Head()
    head.load_state_dict({n: v.float() for n, v in load_file(AESTHETIC_FOLDER / "model.safetensors").items()})
    head.eval()
    pixels = prepare(work, "test").pixels[:count]

    def score(pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return np.asarray(head(embed_pictures(clip, pictures)).detach())

    clean, won = score(list(pixels)), dict[str, float]()
    for name, harm in (TAUGHT | UNSEEN).items():
        rng = np.random.default_rng(31)
        spoiled = [np.asarray(harm(Image.fromarray(p), rng, float(rng.uniform(0.2, 1)))) for p in pixels]
        won[name] = float(np.mean(clean > score(spoiled)))
    report: Report = {"clean_beats_taught": float(np.mean([won[n] for n in TAUGHT])), "per_harm": won}
    report["clean_beats_unseen"] = float(np.mean([won[n] for n in UNSEEN]))
    made = work / "evaluation_pictures.npz"
    if made.exists():
        pictures = list(np.load(made)["pictures"])
        wanted = combinations(len(pictures))
        places = [FACETS["subject"].index(words[0]) for words in wanted]
        confidence = judged(pictures)["subject"][range(len(places)), places].numpy()
        report["spearman_with_judge"] = float(spearmanr(score(pictures), confidence).statistic)
    return report


def evaluate_safety(work: Path, count: int) -> Report:
    """Flagged shares of forbidden and harmless pictures: held-out drawings, and samples of the image model."""
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker

    from starter.train_safety import CONCEPTS, SAFETY_FOLDER, shows

    checker = StableDiffusionSafetyChecker.from_pretrained(SAFETY_FOLDER, dtype=torch.float32)
    clip, _ = load_clip()
    axes = torch.nn.functional.normalize(checker.concept_embeds[: len(CONCEPTS)], dim=1)
    limits = checker.concept_embeds_weights[: len(CONCEPTS)]

    def flagged(pictures: Iterable[NDArray[np.uint8]]) -> NDArray[np.bool_]:
        return np.asarray((embed_pictures(clip, pictures) @ axes.T > limits).any(1))

    drawings = prepare(work, "test")
    forbidden = np.array([any(shows(scene)) for scene in drawings.scenes])
    seen = flagged(drawings.pixels)
    report: Report = {"drawings_flagged_forbidden": float(seen[forbidden].mean())}
    report["drawings_flagged_rest"] = float(seen[~forbidden].mean())
    made = work / "evaluation_pictures.npz"
    if made.exists():
        pictures, rng = list(np.load(made)["pictures"]), np.random.default_rng(5)
        wanted = combinations(len(pictures))
        bad = np.array([w[0] in ("skull", "ghost") or w[:2] == ("drop", "red") for w in wanted])
        report["samples_flagged_rest"] = float(flagged(pictures)[~bad].mean())
        words = [("skull", "ghost")[i % 2] for i in range(60)] + ["drop"] * 30
        prompts = [
            plain_caption(
                w, "red" if w == "drop" else str(rng.choice(FACETS["colour"])), str(rng.choice(FACETS["ground"]))
            )
            for w in words
        ]
        forbidden_samples = sampled(load_pipeline(STARTER / "image"), prompts, list(range(700, 790)))
        report["samples_flagged_forbidden"] = float(flagged(list(forbidden_samples)).mean())
    return report


def main() -> None:
    """Run the chosen evaluations and merge their figures into evaluation.json."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("which", nargs="*", default=["judge", "image", "clip", "aesthetic", "safety"])
    parser.add_argument("--work", type=Path, default=Path("build/starter"))
    parser.add_argument("--count", type=int, default=1000, help="prompts or drawings")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    for name in chosen.which:
        report = evaluate_judge(chosen.work) if name == "judge" else _PARTS[name](chosen.work, chosen.count)
        results: dict[str, Report] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(results | {name: report}, indent=2) + "\n")
        print(name, json.dumps(report, indent=2), flush=True)


_PARTS: dict[str, Callable[[Path, int], Report]] = {
    "image": evaluate_image,
    "clip": evaluate_clip,
    "aesthetic": evaluate_aesthetic,
    "safety": evaluate_safety,
}

if __name__ == "__main__":
    main()
