"""``torch.backends``: libraries that PyTorch may use, and this package does not.

Whether one is there is answered with False. A switch keeps the value that is set, and changes nothing.

>>> import cnn_physics77 as torch
>>> torch.backends.cudnn.benchmark = True
>>> torch.backends.cudnn.benchmark, torch.backends.cudnn.is_available(), torch.backends.mps.is_built()
(True, False, False)
>>> torch.backends.cudnn.benchmark = False
"""

import typing as _typing

from cnn_physics77 import _lazy

if _typing.TYPE_CHECKING:
    from cnn_physics77.backends import cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum

__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]

__getattr__, __dir__ = _lazy.attributes(globals(), dict.fromkeys(__all__, __name__))
