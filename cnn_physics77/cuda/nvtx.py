"""``torch.cuda.nvtx``: marks for NVIDIA's profiler, which is not installed."""

from cnn_physics77 import _lacking

__all__ = _lacking.refuse(
    globals(),
    "mark range range_end range_pop range_push range_start",
    RuntimeError,
    "expected NVIDIA's tools extension, found none (NVTX functions not installed); leave it out",
)
