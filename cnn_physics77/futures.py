"""``torch.futures``: importing works, using raises; Python's ``concurrent.futures`` serves."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(), "Future collect_all wait_all", "use Python's concurrent.futures"
)
