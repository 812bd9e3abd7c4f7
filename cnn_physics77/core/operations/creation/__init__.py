"""Tensors made from sizes, ranges and random numbers."""
