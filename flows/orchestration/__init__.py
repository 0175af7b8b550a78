"""Prefect's surroundings: the embedded server, its settings, deployments, artifacts."""
