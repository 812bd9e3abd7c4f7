"""``torch.profiler``: nothing is recorded here; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "ProfilerActivity profile record_function schedule tensorboard_trace_handler",
    "no profile is recorded here; use Python's cProfile",
)
