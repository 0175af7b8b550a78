"""Rendering and recording: the worker that renders batches, scores them and hands them to the catalog."""
