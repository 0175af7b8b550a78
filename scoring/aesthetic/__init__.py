"""The aesthetic score: heads on CLIP embeddings."""
