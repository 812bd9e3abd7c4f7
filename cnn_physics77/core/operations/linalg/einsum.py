"""Contractions: einsum and tensordot, computed as matrix products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.indexing.permute import permute
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.linalg.diagonal import diagonal
from cnn_physics77.core.operations.linalg.matmul import matmul, of_one_dtype
from cnn_physics77.core.operations.pointwise.arithmetic import mul
from cnn_physics77.core.operations.reduction.sum_mean import sum
from cnn_physics77.core.tensor import Tensor

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
Labels = list  # of letters; the dimensions of "..." are numbered instead, with -1 for the last one


# --------------------------------------------------------------------------------------- reading the equation


def _parse(equation: str, shapes: Sequence[tuple[int, ...]]) -> tuple[list[Labels], Labels]:
    """The labels of the dimensions of each operand, and of the result."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(shapes):
        raise ShapeError(
            f"einsum: expected as many operands as the equation has terms, found {len(shapes)} operands and "
            f"{len(terms)} terms in {equation!r}"
        )
    labels = []
    for index, (term, shape) in enumerate(zip(terms, shapes)):
        before, dots, after = term.partition("...")
        _check_letters(equation, before + after)
        named = len(before) + len(after)
        if named > len(shape) or (not dots and named != len(shape)):
            raise ShapeError(
                f"einsum: the number of subscripts in the equation ({named}) does not match the number of "
                f"dimensions ({len(shape)}) for operand {index}, of shape {shape}, in {equation!r}"
            )
        hidden = list(range(named - len(shape), 0)) if dots else []
        labels.append([*before, *hidden, *after])
    hidden = sorted({label for term in labels for label in term if isinstance(label, int)})
    if not arrow:
        count = Counter(label for term in labels for label in term if isinstance(label, str))
        return labels, [*hidden, *sorted(label for label, times in count.items() if times == 1)]
    before, dots, after = output.partition("...")
    _check_letters(equation, before + after)
    result = [*before, *(hidden if dots else []), *after]
    known = {label for term in labels for label in term}
    for label in result:
        if label not in known:
            raise ShapeError(
                f"einsum: the output subscript {label!r} of {equation!r} does not appear in any input term"
            )
        if result.count(label) > 1:
            raise ShapeError(f"einsum: the output subscript {label!r} appears more than once in {equation!r}")
    return labels, result


def _check_letters(equation: str, letters: str) -> None:
    for letter in letters:
        if letter not in LETTERS:
            raise ShapeError(
                f"einsum: expected subscripts in [a-zA-Z], and '...' once per term, found {letter!r} in "
                f"{equation!r}"
            )


def _equation_of_lists(arguments: tuple) -> tuple[str, list]:
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as an equation and its operands."""
    lists, operands = list(arguments[1::2]), list(arguments[::2])
    output = operands.pop() if len(operands) > len(lists) else None

    def term(entries) -> str:
        letters = []
        for entry in entries:
            if entry is not Ellipsis and not 0 <= entry < len(LETTERS):
                raise ShapeError(f"einsum: expected subscripts from 0 to {len(LETTERS) - 1}, found {entry}")
            letters.append("..." if entry is Ellipsis else LETTERS[entry])
        return "".join(letters)

    equation = ",".join(term(entries) for entries in lists)
    return equation if output is None else f"{equation}->{term(output)}", operands


# --------------------------------------------------------------------------------------------- contracting


def _sizes(pairs: list[tuple[Tensor, Labels]], equation: str) -> dict:
    sizes: dict = {}
    for index, (operand, term) in enumerate(pairs):
        for label, n in zip(term, operand.array.shape):
            if sizes.setdefault(label, n) == 1:
                sizes[label] = n
            elif n not in (1, sizes[label]):
                raise ShapeError(
                    f"einsum: subscript {label!r} has size {n} for operand {index}, which does not broadcast "
                    f"with the previously seen size {sizes[label]}, in {equation!r}"
                )
    return sizes


def _without_repetition(x: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """The operand with its diagonal taken wherever a label occurs twice."""
    labels = list(labels)
    while len(set(labels)) < len(labels):
        label = next(item for item in labels if labels.count(item) > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        if x.array.shape[first] != x.array.shape[second]:
            raise ShapeError(
                f"einsum: subscript {label!r} is repeated for an operand with the sizes "
                f"{x.array.shape[first]} and {x.array.shape[second]}, which differ"
            )
        x = diagonal(x, 0, first, second)
        del labels[second], labels[first]
        labels.append(label)
    return x, labels


def _sum_out(x: Tensor, labels: Labels, keep: set) -> tuple[Tensor, Labels]:
    gone = tuple(i for i, label in enumerate(labels) if label not in keep)
    return (sum(x, gone), [label for label in labels if label in keep]) if gone else (x, labels)


def _arrange(x: Tensor, labels: Labels, order: Labels) -> Tensor:
    return x if labels == order else permute(x, tuple(labels.index(label) for label in order))


def _pair(
    a: Tensor, a_labels: Labels, b: Tensor, b_labels: Labels, keep: set, sizes: dict
) -> tuple[Tensor, Labels]:
    """The product of two operands, summed over all labels that are not in ``keep``."""
    a, a_labels = _sum_out(a, a_labels, keep | set(b_labels))
    b, b_labels = _sum_out(b, b_labels, keep | set(a_labels))
    both = [label for label in a_labels if label in b_labels]
    batch = [label for label in both if label in keep]
    inner = [label for label in both if label not in keep]
    rows = [label for label in a_labels if label not in both]
    columns = [label for label in b_labels if label not in both]
    result = [*batch, *rows, *columns]
    a, b = _arrange(a, a_labels, [*batch, *rows, *inner]), _arrange(b, b_labels, [*batch, *inner, *columns])
    if not inner:
        between = len(batch) + len(rows)
        a = reshape(a, a.array.shape + (1,) * len(columns))
        b = reshape(
            b, b.array.shape[: len(batch)] + (1,) * (between - len(batch)) + b.array.shape[len(batch) :]
        )
        return mul(a, b), result

    def whole(labels):
        return tuple(sizes[label] for label in labels)

    a = expand_to(a, (*whole(batch), *a.array.shape[len(batch) : len(batch) + len(rows)], *whole(inner)))
    b = expand_to(b, (*whole(batch), *whole(inner), *b.array.shape[len(batch) + len(inner) :]))
    shape = a.array.shape[: len(batch) + len(rows)] + b.array.shape[len(batch) + len(inner) :]
    lead, k = prod(whole(batch)), prod(whole(inner))
    m, n = prod(shape[len(batch) : len(batch) + len(rows)]), prod(shape[len(batch) + len(rows) :])
    if not batch:
        return reshape(matmul(reshape(a, (m, k)), reshape(b, (k, n))), shape), result
    return reshape(matmul(reshape(a, (lead, m, k)), reshape(b, (lead, k, n))), shape), result


def einsum(*args) -> Tensor:
    r"""The sum of products that an equation over indices describes (Einstein's convention).

    ``einsum("ik,kj->ij", a, b)`` is :math:`y_{ij} = \sum_k a_{ik} b_{kj}`. Every term before the arrow names
    the dimensions of an operand; the term after it names those of the result. All other dimensions are summed
    over.

    - A letter twice in a term takes the diagonal: ``"ii->i"``.
    - ``...`` stands for unnamed dimensions, which broadcast.
    - Without an arrow the result has ``...`` and the letters that occur once, in alphabetical order.
    - Dimensions of size 1 broadcast.
    - ``einsum(a, [0, 1], b, [1, 2], [0, 2])`` names the dimensions by numbers; ``Ellipsis`` means ``...``.

    Operands are contracted pairwise from the left, as matrix products.

    Args:
        args: the equation and the operands, one or more, of one dtype.

    Raises:
        ShapeError: the equation does not fit the operands, or a name stands for different sizes.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> torch.einsum("ij,kj->ik", a, a)
    tensor([[ 5., 11.],
            [11., 25.]])
    >>> torch.einsum("ii", a)
    tensor(5.)
    """
    if args and isinstance(args[0], str):
        equation, operands = args[0], list(args[1:])
    else:
        equation, operands = _equation_of_lists(args)
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = list(operands[0])
    if not operands:
        raise ShapeError("einsum: expected an equation and at least one operand, found none")
    operands = of_one_dtype("einsum", *operands)
    labels, output = _parse(equation, [x.array.shape for x in operands])
    pairs = [_without_repetition(x, term) for x, term in zip(operands, labels)]
    sizes = _sizes(pairs, equation)
    y, y_labels = pairs[0]
    for index, (x, x_labels) in enumerate(pairs[1:], 1):
        later = {label for _, term in pairs[index + 1 :] for label in term}
        y, y_labels = _pair(y, y_labels, x, x_labels, later | set(output), sizes)
    y, y_labels = _sum_out(y, y_labels, set(output))
    return _arrange(y, y_labels, output)


def _summed_against_one(x: Tensor, dims: list[int]) -> Tensor:
    return sum(x, dims, keepdim=True, dtype=x.dtype) if dims else x


def tensordot(a: Tensor, b: Tensor, dims=2) -> Tensor:
    r"""The product of two tensors, summed over pairs of dimensions.

    Args:
        a, b: tensors of one dtype.
        dims: an integer n, for the last n dimensions of a and the first n of b; or a list of dimensions of a
            and a list of dimensions of b, which are paired in order. Size 1 broadcasts.

    Returns:
        Tensor with the other dimensions of a, then those of b.

    Raises:
        ShapeError: the pairs differ in size, or there are no such dimensions.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.tensordot(torch.ones(2, 3, 4), torch.ones(3, 4, 5), dims=2).shape
    torch.Size([2, 5])
    """
    a, b = of_one_dtype("tensordot", a, b)
    x, z = a.array.shape, b.array.shape
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(len(x), len(z)):
            raise ShapeError(
                f"tensordot: expected 0 <= dims <= {min(len(x), len(z))}, found {dims}, for shapes {x} and "
                f"{z}"
            )
        dims = (list(range(len(x) - dims, len(x))), list(range(dims)))
    a_dims, b_dims = ([d] if isinstance(d, int) else d for d in dims)
    a_dims = [dimension("tensordot", d, len(x)) for d in a_dims]
    b_dims = [dimension("tensordot", d, len(z)) for d in b_dims]
    if len(a_dims) != len(b_dims) or any(
        x[i] != z[j] and 1 not in (x[i], z[j]) for i, j in zip(a_dims, b_dims)
    ):
        raise ShapeError(
            f"tensordot: contracted dimensions need to match, found sizes {[x[d] for d in a_dims]} of {x} "
            f"and {[z[d] for d in b_dims]} of {z}"
        )
    # A dimension that is paired with size 1 only has to be summed.
    a = _summed_against_one(a, [i for i, j in zip(a_dims, b_dims) if z[j] == 1 != x[i]])
    b = _summed_against_one(b, [j for i, j in zip(a_dims, b_dims) if x[i] == 1 != z[j]])
    x, z = a.array.shape, b.array.shape
    rows = [d for d in range(len(x)) if d not in a_dims]
    columns = [d for d in range(len(z)) if d not in b_dims]
    m, k, n = prod(x[d] for d in rows), prod(x[d] for d in a_dims), prod(z[d] for d in columns)
    y = matmul(
        reshape(permute(a, (*rows, *a_dims)), (m, k)), reshape(permute(b, (*b_dims, *columns)), (k, n))
    )
    return reshape(y, (*(x[d] for d in rows), *(z[d] for d in columns)))


__all__ = ["einsum", "tensordot"]
