"""From noise to pixels: schedulers and the denoising of a batch."""
