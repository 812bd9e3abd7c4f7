"""``torch.ao``: quantization, of which there is none."""

from cnn_physics77.ao import quantization

__all__ = ["quantization"]
