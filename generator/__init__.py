"""Pixels: load a pinned checkpoint, render fixed-shape batches of jobs, write and read pictures."""
