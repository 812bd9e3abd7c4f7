"""``torch.ao.quantization``: see :mod:`cnn_physics77.quantization`."""

from cnn_physics77 import quantization as _lacking

__getattr__, __dir__ = _lacking.__getattr__, _lacking.__dir__
