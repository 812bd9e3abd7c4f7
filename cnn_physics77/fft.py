"""``torch.fft``: discrete Fourier transforms. This module re-exports."""

from cnn_physics77 import _places
from cnn_physics77.core.operations.fft.frequencies import *
from cnn_physics77.core.operations.fft.transforms import *

_places.settle(globals())
