"""Views as copies: ``torch.transpose_copy(x, 0, 1)`` is ``torch.transpose(x, 0, 1).clone()``.

The arguments, errors and derivatives are those of the view.

>>> import cnn_physics77 as torch
>>> x = torch.tensor([[1, 2], [3, 4]])
>>> y = torch.t_copy(x)
>>> y[0, 1] = 7
>>> x
tensor([[1, 2],
        [3, 4]])
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from cnn_physics77.core.operations.indexing.clone import clone, contiguous_format
from cnn_physics77.core.operations.late import complete_late

_VIEWS: dict[str, Callable] = {
    "alias_copy": lambda input: input,
    "as_strided_copy": lambda input, size, stride, storage_offset=None: input.as_strided(
        size, stride, storage_offset
    ),
    "detach_copy": lambda input: input.detach(),
    "diagonal_copy": lambda input, offset=0, dim1=0, dim2=1: input.diagonal(offset, dim1, dim2),
    "expand_copy": lambda input, size, *, implicit=False: input.expand(size),
    "permute_copy": lambda input, dims: input.permute(dims),
    "select_copy": lambda input, dim, index: input.select(dim, index),
    "slice_copy": lambda input, dim=0, start=None, end=None, step=1: input.movedim(dim, 0)[
        start:end:step
    ].movedim(0, dim),
    "split_copy": lambda input, split_size, dim=0: input.split(split_size, dim),
    "split_with_sizes_copy": lambda input, split_sizes, dim=0: input.split_with_sizes(split_sizes, dim),
    "squeeze_copy": lambda input, dim=None: input.squeeze() if dim is None else input.squeeze(dim),
    "t_copy": lambda input: input.t(),
    "transpose_copy": lambda input, dim0, dim1: input.transpose(dim0, dim1),
    "unbind_copy": lambda input, dim=0: input.unbind(dim),
    "unfold_copy": lambda input, dimension, size, step: input.unfold(dimension, size, step),
    "unsqueeze_copy": lambda input, dim: input.unsqueeze(dim),
    "view_copy": lambda input, size=None, *, dtype=None: input.view(size if dtype is None else dtype),
}


def _copying(name: str, view: Callable) -> Callable:
    @wraps(view)
    def function(*args, **named):
        found = view(*args, **named)
        if isinstance(found, tuple):
            return tuple(clone(part, memory_format=contiguous_format) for part in found)
        return clone(found, memory_format=contiguous_format)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The view ``{name.removesuffix('_copy')}`` as a copy: see :mod:`{__name__}`."
    return function


__all__ = sorted(_VIEWS)

for _name, _view in _VIEWS.items():
    globals()[_name] = _copying(_name, _view)

complete_late(__name__)
