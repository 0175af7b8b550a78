"""Prompts → tokens → conditioning."""
