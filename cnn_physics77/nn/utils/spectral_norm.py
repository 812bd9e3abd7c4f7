"""``torch.nn.utils.spectral_norm``, as a hook."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import spectral_norm as _code
from cnn_physics77.core.layers.spectral_norm import SpectralNorm, remove_spectral_norm, spectral_norm

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]

_places.settle(globals(), _code)
