"""The rival: the script that a user writes instead of limner. One prompt at a time: render, CLIP score, safety, save.

``python -m benchmarks.plain_loop JOBS.json OUT`` prints one JSON line a picture: seconds since the process began.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

BEGAN = time.time()


def main() -> None:
    """Make every picture of the job list."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)

    import numpy as np
    import open_clip
    import torch
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPImageProcessor

    pipe = StableDiffusionPipeline.from_pretrained(plan["image"], local_files_only=True, dtype=torch.float32)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    clip, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{plan['clip']}", require_pretrained=True)
    clip.eval()
    tokenize = open_clip.get_tokenizer(f"local-dir:{plan['clip']}")
    checker = StableDiffusionSafetyChecker.from_pretrained(plan["safety"]).eval()
    processor = CLIPImageProcessor.from_pretrained(plan["safety"])

    for job in plan["jobs"]:
        picture = pipe(
            job["prompt"],
            negative_prompt=job["negative_prompt"],
            num_inference_steps=job["steps"],
            guidance_scale=job["guidance"],
            width=job["width_px"],
            height=job["height_px"],
            generator=torch.Generator().manual_seed(job["seed"]),
        ).images[0]
        with torch.no_grad():
            seen = clip.encode_image(preprocess(picture).unsqueeze(0))
            asked = clip.encode_text(tokenize([job["prompt"]]))
            score = torch.nn.functional.cosine_similarity(seen, asked).item()
            inputs = processor(picture, return_tensors="pt").pixel_values
            _, flags = checker(clip_input=inputs, images=np.array(picture, dtype=np.float32)[None])
        picture.save(out / f"{job['seed']}.png")
        print(json.dumps({"at_s": time.time() - BEGAN, "score": score, "flagged": bool(flags[0])}), flush=True)


if __name__ == "__main__":
    main()
