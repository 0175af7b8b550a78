"""Prompts as templates over a row's columns, and the prompt syntax of other tools."""
