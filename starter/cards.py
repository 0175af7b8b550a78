"""Put the figures of evaluation.json into the model cards. ``python -m starter.cards``."""

import json
from pathlib import Path

STARTER = Path(__file__).parent
_START, _STOP = "<!-- measures -->", "<!-- end of measures -->"
# key in evaluation.json → what it says, and the project's goal for it
IMAGE = {
    "subject_right": ("subject right, by the judge", "≥ 92 %"),
    "colour_right": ("colour right, by the judge", "≥ 95 %"),
    "ground_right": ("ground right, by the judge", "≥ 95 %"),
    "subject_right_never_trained": ("subject right, on the third of combinations never trained on", ""),
    "colour_right_never_trained": ("colour right, on that third", ""),
    "ground_right_never_trained": ("ground right, on that third", ""),
    "likeness_of_8_seeds": ("mean CLIP cosine of 8 seeds of a prompt", "well below the next row"),
    "likeness_of_reencodes": ("mean CLIP cosine of a picture and its JPEG", ""),
    "nearest_drawing_rms_of_samples": (
        "distance to the nearest training drawing (RMS of 8 × 8 means, 0–255)",
        "no copy: > 0",
    ),
    "nearest_drawing_rms_of_fresh_drawings": ("the same for drawings that the model never saw", ""),
    "seconds_per_picture": ("seconds a picture, in batches of 20", "≤ 2"),
}
CLIP = {
    "caption_top1": ("right caption first among all subject × colour × ground", "≥ 90 %"),
    "subject_right": ("its subject right", ""),
    "colour_right": ("its colour right", ""),
    "ground_right": ("its ground right", ""),
}
AESTHETIC = {
    "clean_beats_taught": ("clean drawing beats its harmed copy, harms seen in training", "≥ 95 %"),
    "clean_beats_unseen": ("the same, kinds of harm never seen in training", "≥ 85 %"),
    "spearman_with_judge": ("rank correlation with the judge's confidence on the image model's samples", "≥ 0.5"),
}
SAFETY = {
    "drawings_flagged_forbidden": ("forbidden held-out drawings flagged", "≥ 95 %"),
    "drawings_flagged_rest": ("other held-out drawings flagged", "≤ 3 %"),
    "samples_flagged_forbidden": ("samples of forbidden prompts flagged", "≥ 90 %"),
    "samples_flagged_rest": ("samples of other prompts flagged", "≤ 3 %"),
}
ROWS = {"image": IMAGE, "clip": CLIP, "aesthetic": AESTHETIC, "safety": SAFETY}


def said(key: str, value: float) -> str:
    """A share as per cent, anything else as a number."""
    plain = ("likeness", "nearest", "seconds", "spearman")
    return f"{value:.3g}" if key.startswith(plain) else f"{100 * value:.1f} %"


def table(results: dict[str, float], rows: dict[str, tuple[str, str]]) -> list[str]:
    """The Markdown rows of one model."""
    lines = ["| measure | figure | goal |", "|---|---|---|"]
    return lines + [f"| {w} | {said(k, results[k])} | {goal} |" for k, (w, goal) in rows.items() if k in results]


def per_word(title: str, shares: dict[str, float]) -> list[str]:
    """One line of shares, best first."""
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    return ["", f"{title}: " + ", ".join(f"{word} {100 * share:.0f}" for word, share in ranked) + "."]


def main() -> None:
    """Rewrite the part between the marks in every card."""
    results = json.loads((STARTER / "evaluation.json").read_text())
    for model, rows in ROWS.items():
        lines = table(results[model], rows)
        if model == "image":
            lines += per_word("Subject right by subject (%)", results["image"]["per_subject"])
            judge = ", ".join(f"{facet} {said('', share)}" for facet, share in results["judge"].items())
            lines += ["", f"The judge itself, on 2,000 drawings that it never saw: {judge}."]
        if model == "aesthetic":
            lines += per_word("Clean beats harmed, by harm (%)", results["aesthetic"]["per_harm"])
        card = STARTER / model / "README.md"
        before, after = card.read_text().split(_START)[0], card.read_text().split(_STOP)[1]
        card.write_text("\n".join([before + _START, *lines, _STOP]) + after)


if __name__ == "__main__":
    main()
