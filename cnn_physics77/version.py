"""``torch.version``: the version, and what the package is built for: the CPU alone."""

from cnn_physics77 import __version__

cuda: str | None = None
hip: str | None = None
xpu: str | None = None
debug = False

__all__ = ["__version__", "cuda", "debug", "hip", "xpu"]
