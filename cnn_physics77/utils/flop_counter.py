"""``torch.utils.flop_counter``: no operations are counted; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(), "FlopCounterMode register_flop_formula", "no mode sees the operations of a program"
)
