"""Names that people bring from other tools, or write without their group, and the key of a spec that each means.

Sources: the settings that AUTOMATIC1111's web UI writes into its pictures (``infotext``), ComfyUI's KSampler inputs,
diffusers' pipeline arguments.
"""

from __future__ import annotations

from specs.values.characters import plain

GROUPS: dict[str, tuple[str, ...]] = {
    "picture": (
        "width_px", "height_px", "trim_mm", "bleed_mm", "dpi", "safe_mm", "min_dpi", "tiles", "steps", "guidance",
        "scheduler", "clip_skip",
    ),
    "keep": (
        "per_asset", "min_aesthetic", "min_adherence", "max_likeness", "likeness_to", "max_rank", "min_margin",
        "allow_defects", "min_scores",
    ),
    "candidates": ("first", "at_most"),
}  # fmt: skip
AMBIGUOUS = ("tiles", "first")  # words of games as well: as columns they are text
OTHER_NAMES: dict[str, str] = {
    **dict.fromkeys(["negative_prompt", "neg_prompt", "negativeprompt", "negative_text", "uncond"], "negative"),
    **dict.fromkeys(["positive_prompt", "prompt_template", "positive"], "prompt"),
    **dict.fromkeys(
        ["sampling_steps", "num_steps", "num_inference_steps", "inference_steps", "step_count"], "picture.steps"
    ),
    **dict.fromkeys(
        ["cfg", "cfg_scale", "cfgscale", "guidance_scale", "guidancescale", "unconditional_guidance_scale"],
        "picture.guidance",
    ),
    **dict.fromkeys(
        ["sampler", "sampler_name", "sampler_index", "sampling_method", "sampling_method_name", "schedule_type"],
        "picture.scheduler",
    ),
    **dict.fromkeys(["width", "image_width", "w_px"], "picture.width_px"),
    **dict.fromkeys(["height", "image_height", "h_px"], "picture.height_px"),
    **dict.fromkeys(["clipskip", "clip_stop_at_last_layers", "stop_at_clip_layer"], "picture.clip_skip"),
    **dict.fromkeys(["bleed", "trim", "safe_zone", "resolution_dpi", "ppi"], "picture"),
    **dict.fromkeys(["tiling", "tileable", "seamless"], "picture.tiles"),
    **dict.fromkeys(
        ["seed", "seed_base", "base_seed", "noise_seed", "random_seed", "manual_seed", "variation_seed", "subseed"],
        "seeds",
    ),
    **dict.fromkeys(
        ["batch_size", "batch_count", "n_iter", "num_images", "num_images_per_prompt", "number_of_images", "n_samples"],
        "candidates",
    ),
}


def meant_key(name: str) -> str:
    """The asset's key that a column or key of another name means (``CFG scale`` → ``picture.guidance``), or ""."""
    word = plain(name)
    for group, keys in GROUPS.items():
        for key in keys:
            if word in (f"{group}_{key}", f"{group}.{key}") and name != f"{group}.{key}":
                return f"{group}.{key}"
            if word == key and key not in AMBIGUOUS:
                return f"{group}.{key}"
    return OTHER_NAMES.get(word, "")


def meant_spec_key(name: str) -> str:
    """The spec's key, with its group, that an unknown key of the spec means, or ""."""
    key = meant_key(name)
    top = {"negative": "style.negative", "prompt": "style.prompt", "seeds": "seed"}
    return top.get(key, key)
