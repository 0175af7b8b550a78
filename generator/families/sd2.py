"""Stable Diffusion 2.x: OpenCLIP ViT-H's text, trained at 768 px."""

from generator.families import stable_diffusion
from generator.families.family import Family

SD2 = Family(
    name="sd2",
    pipeline=stable_diffusion.PIPELINE,
    pipeline_arguments=stable_diffusion.PIPELINE_ARGUMENTS,
    parts=stable_diffusion.PARTS,
    conditioning=stable_diffusion.CONDITIONING,
    check_together=stable_diffusion.check_together,
    multiple_px=8,
    native_px=768,
    weights_gib=2.6,
    picture_gib=2.0,
)
