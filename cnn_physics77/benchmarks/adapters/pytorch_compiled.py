"""PyTorch with its own compiler, ``torch.compile(step)``; on a CPU that needs a C++ compiler."""

from __future__ import annotations

import torch
import torch.nn.functional
import torch.optim

from .. import CNN_torch
from .base import Adapter


class Compiled(Adapter):
    """PyTorch; `speed.work` compiles what it times."""

    def set_threads(self, count: int) -> int:
        """As in PyTorch. Then a small function is compiled, to see whether that can be done here.

        Raises:
            RuntimeError: it cannot, for example because there is no C++ compiler.
        """
        threads = super().set_threads(count)
        try:
            torch.compile(lambda x: x + 1)(torch.zeros(1))
        except Exception as error:  # of many types, none of them documented
            raise RuntimeError(f"torch.compile does not work here: {str(error).splitlines()[0]}") from None
        return threads


ADAPTER = Compiled("pytorch_compiled", torch, torch.nn.functional, torch.optim, CNN_torch)
