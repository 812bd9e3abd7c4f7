"""``torch._dynamo._trace_wrapped_higher_order_op``: a context for functions of indices under ``vmap``."""

from contextlib import nullcontext


class TransformGetItemToIndex(nullcontext):
    """Nothing: an index that is a tensor of ``vmap`` is taken here as it is.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0, 4.0])
    >>> with TransformGetItemToIndex():
    ...     torch.vmap(lambda i: x[i])(torch.tensor([2, 0]))
    tensor([4., 1.])
    """


__all__ = ["TransformGetItemToIndex"]
