"""The starter family: an illustrator that draws a training set, and small models trained on nothing else.

Everything here is limner's own work and released as CC0: the drawings, the captions and the weights of the
image model, the CLIP, the aesthetic head and the safety checker. See README.md.
"""
