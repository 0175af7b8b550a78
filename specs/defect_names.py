"""Names of the defects that a picture may have: what ``scoring.defects.find`` finds, and what a spec may allow."""

DEFECTS = (
    "nan_black", "blank", "near_uniform", "blown", "crushed", "blurred",
    "framed", "letterboxed", "tile_seam", "cut_by_trim", "outside_safe_zone", "low_dpi",
)  # fmt: skip
NEVER_ALLOWED = ("nan_black",)  # not a picture
ALLOWABLE = tuple(name for name in DEFECTS if name not in NEVER_ALLOWED)
