"""What we want and what we may use: specs, prompts, checkpoints, rights, jobs. Pure; never imports torch."""
