"""Commands about pictures that are made: look, keep, reject, annotate."""
