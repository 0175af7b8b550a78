"""Every family of image models that limner renders with, by its name in ``specs.checkpoint.IMAGE_ARCHITECTURES``."""

from generator.families.family import Family
from generator.families.sd1 import SD1
from generator.families.sd2 import SD2
from generator.families.sdxl import SDXL

FAMILIES: dict[str, Family] = {family.name: family for family in (SD1, SD2, SDXL)}
