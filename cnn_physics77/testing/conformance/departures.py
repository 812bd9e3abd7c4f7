"""Where this package departs from PyTorch, and why. What is not stated here must agree."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple


class Departure(NamedTuple):
    """One stated departure.

    Attributes:
        names: patterns of entries.
        text: what the description of the failure has in it.
        reason: why.
    """

    names: str
    text: str
    reason: str


STATED = (
    Departure(
        "to_sparse",
        "Sparse layout",
        "sparse tensors are compared in tests of their own; here only what NumPy can hold",
    ),
    Departure(
        "__radd__ __rmul__ __rand__ __ror__ __rxor__",
        "doesn't apply to a 'int' object",
        "a method written in Python, called through the class, takes a number for its tensor",
    ),
    Departure(
        "nn.functional.hardsigmoid",
        "gradient",
        "PyTorch's slope is 1/6 in single precision, also for float64",
    ),
    Departure(
        "split_with_sizes_copy unbind_copy",
        "expected None",
        "what is written to out is returned; None in PyTorch",
    ),
    Departure("gather cat", "not resizable", "memory of NumPy is replaced by new one, not resized"),
    Departure(
        "cholesky_inverse cholesky_solve",
        "gradient",
        "one triangle of the factor is read, and only that has a gradient; in PyTorch the other has one, too",
    ),
    Departure(
        "special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1",
        "expected",
        "PyTorch's values are off by up to 1e-6 for arguments above 5, as SciPy's show; these are not",
    ),
    Departure(
        "special.airy_ai",
        "expected",
        "PyTorch's values are off by up to 5e-9 near -2, as mpmath's show; these are not",
    ),
    Departure(
        "linalg.norm linalg.norm.subgradients_at_zero",
        "expected np.float64(nan), found np.float64(0.0)",
        "the second derivative of a norm at 0 is 0, as the first; NaN in PyTorch",
    ),
    Departure("linalg.householder_product", "requires_grad", "without factors the result is a constant"),
    Departure("optim.LBFGS", "'al'", "the state has no workspace: al is computed anew in each step"),
    Departure(
        "nn.functional.linear_cross_entropy.chunked nn.LinearCrossEntropyLoss",
        "second gradient",
        "the second derivative of PyTorch's chunked form is 0",
    ),
    Departure(
        "as_strided_scatter",
        "gradient",
        "PyTorch gives the gradient to the elements of the input that are overwritten, not to the others",
    ),
    Departure("nn.functional.interpolate.*", "uint8", "bytes are rounded; PyTorch's may be one less"),
    Departure("addbmm", "in place", "a tensor is not resized in place"),
    Departure("optim.Muon", "value", "PyTorch orthogonalizes in bfloat16, which NumPy lacks"),
)


def reason_for(name: str, kind: str, text: str) -> str:
    """The reason that is stated for a failure; "" if there is none."""
    for departure in STATED:
        if departure.text in f"{kind}: {text}" and any(fnmatchcase(name, p) for p in departure.names.split()):
            return departure.reason
    return ""
