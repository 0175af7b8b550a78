"""The model families: the parts that a checkpoint is made of, their configurations and tensors."""
