"""``torch.autograd.profiler``: the older place of :mod:`torch.profiler`."""

from cnn_physics77 import _lacking
from cnn_physics77.profiler import record_function

__all__ = ["record_function"]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "EventList emit_itt emit_nvtx load_nvprof profile",
    "no profile is recorded here; use Python's cProfile",
)
