"""``torch.nn.modules.pixelshuffle``: channels as pixels."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import pixel_shuffle as _code
from cnn_physics77.core.layers.pixel_shuffle import PixelShuffle, PixelUnshuffle

__all__ = ["PixelShuffle", "PixelUnshuffle"]

_places.settle(globals(), _code)
