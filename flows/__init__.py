"""Orchestration: the main path as a Prefect flow, its settings and progress, and the command line."""
