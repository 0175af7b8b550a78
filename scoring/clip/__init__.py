"""The CLIP that pictures and texts are embedded by."""
