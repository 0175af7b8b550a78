"""Stable Diffusion 2.x: as 1.x, with OpenCLIP ViT-H's text, trained at 768 px."""

from dataclasses import replace

from generator.families.sd1 import SD1

SD2 = replace(SD1, name="sd2", native_px=768, weights_gib=2.6, picture_gib=2.0)
