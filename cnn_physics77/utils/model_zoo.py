"""``torch.utils.model_zoo``: nothing is downloaded here; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(), "load_url", "nothing is downloaded here; load a file of weights by torch.load"
)
