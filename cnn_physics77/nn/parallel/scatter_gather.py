"""``torch.nn.parallel.scatter_gather``: tensors in parts on several devices, of which there is one.

Importing works, using raises.
"""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(), "gather scatter scatter_kwargs", "there is one device, and a tensor is on it"
)
