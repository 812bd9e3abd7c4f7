"""``torch.library``: operations for PyTorch's dispatcher are not made here; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "Library custom_op define fallthrough_kernel impl infer_schema register_autocast register_fake "
    "register_kernel register_vmap triton_op wrap_triton",
    "no dispatcher; derive a class from torch.autograd.Function",
)
