"""Bilinear forms."""

from __future__ import annotations

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.permute import permute
from cnn_physics77.core.operations.indexing.shape import reshape, squeeze, unsqueeze
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.tensor import Tensor


@in_float32
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""A bilinear form of two vectors for each output.

    .. math:: y_{...,o} = \sum_{i,j} a_{...,i} \, w_{o,i,j} \, b_{...,j} + c_o

    Args:
        input1: a, (..., I).
        input2: b, (..., J), with the same dimensions before.
        weight: w, (O, I, J).
        bias: c, (O,), or None.

    Returns:
        y, (..., O).

    Raises:
        ShapeError: sizes that do not fit.
        DtypeError: different dtypes, or booleans.

    >>> import cnn_physics77 as torch
    >>> a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    >>> torch.nn.functional.bilinear(a, b, torch.eye(2)[None])
    tensor([11.])
    """
    check_tensors("bilinear", input1, input2, weight, bias, kinds="fciu")
    outputs, n, m = weight.array.shape if weight.ndim == 3 else (0, 0, 0)
    if (
        weight.ndim != 3
        or input1.array.shape[:-1] != input2.array.shape[:-1]
        or (input1.array.shape[-1:], input2.array.shape[-1:]) != ((n,), (m,))
        or (bias is not None and bias.array.shape != (outputs,))
    ):
        raise ShapeError(
            "bilinear: expected input1 (..., I), input2 (..., J), weight (O, I, J) and bias (O,), all input "
            f"dimensions but the last equal, found {input1.array.shape}, {input2.array.shape}, "
            f"{weight.array.shape} and {None if bias is None else bias.array.shape}"
        )
    by_input1 = reshape(permute(weight, (1, 0, 2)), (n, outputs * m))
    forms = reshape(matmul(input1, by_input1), (*input1.array.shape[:-1], outputs, m))
    y = squeeze(matmul(forms, unsqueeze(input2, -1)), -1)
    return y if bias is None else y + bias


__all__ = ["bilinear"]
complete_late(__name__)
