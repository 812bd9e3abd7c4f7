"""``torch.nn.modules.channelshuffle``: channels in another order."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import pixel_shuffle as _code
from cnn_physics77.core.layers.pixel_shuffle import ChannelShuffle

__all__ = ["ChannelShuffle"]

_places.settle(globals(), _code)
