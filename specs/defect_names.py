"""Names of the defects that a picture may have: what a spec may allow, and what ``scoring.defects.find`` finds."""

DEFECTS = (
    "nan_black", "blank", "near_uniform", "blown", "crushed", "blurred",
    "framed", "letterboxed", "tile_seam", "cut_by_trim", "outside_safe_zone", "low_dpi",
)  # fmt: skip
