"""Commands about the library as a whole, its machine and its checkpoints."""
