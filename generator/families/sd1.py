"""Stable Diffusion 1.x: CLIP ViT-L's text."""

from generator.families import stable_diffusion
from generator.families.family import Family

SD1 = Family(
    name="sd1",
    pipeline=stable_diffusion.PIPELINE,
    pipeline_arguments=stable_diffusion.PIPELINE_ARGUMENTS,
    parts=stable_diffusion.PARTS,
    conditioning=stable_diffusion.CONDITIONING,
    check_together=stable_diffusion.check_together,
    multiple_px=8,
    native_px=512,
    weights_gib=2.3,
    picture_gib=0.9,
)
