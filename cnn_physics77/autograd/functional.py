r"""``torch.autograd.functional``: Jacobians and Hessians, and their products with vectors.

For a function :math:`f: x \mapsto y` with Jacobian :math:`J = \partial y/\partial x`, or a scalar function
with Hessian H:

========  =====================================
jacobian  J, of shape ``y.shape + x.shape``
hessian   H, of shape ``x.shape + x.shape``
vjp       :math:`v^T J`, by one backward pass
jvp       :math:`J v`, by two backward passes: the derivative of :math:`u \mapsto u^T J` along v
vhp, hvp  :math:`v^T H` and :math:`H v`
========  =====================================
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.autograd import grad
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.operations.indexing.cat_split import stack
from cnn_physics77.core.recording import enable_grad
from cnn_physics77.core.tensor import Tensor, from_array


def _tuple_of(function: str, what: str, value) -> tuple[bool, tuple[Tensor, ...]]:
    """Returns (whether the value is a tuple, the tensors)."""
    several = isinstance(value, (tuple, list))
    tensors = tuple(value) if several else (value,)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise DtypeError(
                f"{function}: expected {what} as a tensor or a tuple of tensors, "
                f"found {type(tensor).__name__}"
            )
    return several, tensors


def _places(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as variables; if ``create_graph``, they stay connected to the graph that computed them."""
    if create_graph:
        return tuple(x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in inputs)
    return tuple(x.detach().requires_grad_() for x in inputs)


def _zeros_like(x: Tensor) -> Tensor:
    return from_array(np.zeros(x.shape, x.dtype))


def _derivatives(function: str, outputs, inputs, gradients, create_graph: bool, strict: bool) -> list[Tensor]:
    """The gradients of the outputs with respect to the inputs. An input without influence gets zeros; with
    ``strict`` that is an error."""
    recorded = [(y, g) for y, g in zip(outputs, gradients) if y.requires_grad]
    if strict and len(recorded) < len(outputs):
        raise GradientError(
            f"{function}: expected every output to depend on the inputs in strict mode, found one that is "
            "independent of them"
        )
    found: tuple = (None,) * len(inputs)
    if recorded:
        ys, gs = zip(*recorded)
        found = grad(ys, inputs, gs, create_graph=create_graph, retain_graph=True, allow_unused=True)
    for i, (x, g) in enumerate(zip(inputs, found)):
        if strict and g is None:
            raise GradientError(
                f"{function}: expected the outputs to depend on every input in strict mode, found them "
                f"independent of input {i} of shape {x.array.shape}"
            )
        if strict and create_graph and not g.requires_grad:
            raise GradientError(
                f"{function}: expected a derivative that depends on the inputs in strict mode with "
                f"create_graph=True, found that by input {i} independent of them"
            )
    return [_zeros_like(x) if g is None else g for x, g in zip(inputs, found)]


def _finish(results, several: bool, create_graph: bool):
    made = tuple(r if create_graph else r.detach() for r in results)
    return made if several else made[0]


def _vectors(function: str, v, like: tuple[Tensor, ...], of: str) -> tuple[Tensor, ...]:
    """The vectors, which must have the shapes of ``like``; None is 1 for a single element."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise GradientError(
                f"{function}: the vector v can only be None if the user-provided function {of} a single "
                "Tensor with a single element"
            )
        return (from_array(np.ones(like[0].shape, like[0].dtype)),)
    _, vectors = _tuple_of(function, "v", v)
    if [t.shape for t in vectors] != [t.shape for t in like]:
        raise ShapeError(
            f"{function}: v has invalid size: should be {[t.shape for t in like]} but "
            f"got {[t.shape for t in vectors]}"
        )
    return vectors


def vjp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """The product of a vector with the Jacobian: (func(*inputs), :math:`v^T J`).

    Args:
        func: a function of tensors that returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        v: of the shapes of the outputs; optional for an output of one element.
        create_graph: record the computation of the result, so that it can be differentiated.
        strict: raise an error, instead of returning zeros, if an output does not depend on an input.

    Returns:
        The outputs, and the product, which has the shapes of the inputs.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.autograd.functional.vjp(lambda x: x * x, x, torch.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    several, xs = _tuple_of("vjp", "inputs", inputs)
    with enable_grad():
        xs = _places(xs, create_graph)
        many, ys = _tuple_of("vjp", "the outputs of func", func(*xs))
        vs = _vectors("vjp", v, ys, "returns")
        products = _derivatives("vjp", ys, xs, vs, create_graph, strict)
    return _finish(ys, many, create_graph), _finish(products, several, create_graph)


def jvp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """The product of the Jacobian with a vector: (func(*inputs), :math:`J v`).

    Arguments as for :func:`vjp`, but v has the shapes of the inputs.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.autograd.functional.jvp(lambda x: (x * x).sum(), x, torch.tensor([1.0, 10.0]))
    (tensor(5.), tensor(42.))
    """
    _, xs = _tuple_of("jvp", "inputs", inputs)
    with enable_grad():
        xs = _places(xs, create_graph)
        vs = _vectors("jvp", v, xs, "takes")
        many, ys = _tuple_of("jvp", "the outputs of func", func(*xs))
        us = tuple(_zeros_like(y).requires_grad_() for y in ys)
        pulled = _derivatives("jvp", ys, xs, us, True, strict)
        products = _derivatives("jvp", pulled, us, vs, create_graph, False)
        if strict and create_graph and not all(p.requires_grad for p in products):
            raise GradientError(
                "jvp: expected a derivative that depends on the inputs in strict mode with create_graph=True"
            )
    return _finish(ys, many, create_graph), _finish(products, many, create_graph)


def jacobian(
    func: Callable,
    inputs,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
):
    """The Jacobian of a function.

    Args:
        func: a function of tensors that returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        create_graph: record the computation of the result, so that it can be differentiated.
        strict: raise an error, instead of returning zeros, if an output does not depend on an input.
        vectorize: compute all rows (or columns) at once, by :func:`torch.vmap`, instead of one after another.
        strategy: ``"reverse-mode"``, a backward pass for each output element, or ``"forward-mode"``, one for
            each input element, which is faster if there are fewer of them.

    Returns:
        J[i][j] of shape (*output i, *input j). An index is omitted for a single tensor.

    >>> import cnn_physics77 as torch
    >>> torch.autograd.functional.jacobian(lambda x: x * x, torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(
            f'jacobian: expected strategy to be either "reverse-mode" or "forward-mode", found {strategy!r}'
        )
    if strict and vectorize:
        raise RuntimeError("jacobian: `strict=True` and `vectorize=True` are not supported together")
    several, xs = _tuple_of("jacobian", "inputs", inputs)
    over = _at_once if vectorize else _in_turn
    with enable_grad():
        xs = _places(xs, create_graph)
        many, ys = _tuple_of("jacobian", "the outputs of func", func(*xs))
        if strategy == "forward-mode":
            rows = _by_columns(ys, xs, create_graph, strict, over)
        else:
            rows = [_by_rows(y, xs, create_graph, strict, over) for y in ys]
    made = tuple(_finish(row, several, create_graph) for row in rows)
    return made if many else made[0]


def _units(x: Tensor) -> Tensor:
    """A basis of the tensors like x, along a first dimension: 1 at one place and 0 elsewhere."""
    return from_array(np.eye(x.numel(), dtype=x.dtype).reshape(x.numel(), *x.shape))


def _at_once(function: Callable, x: Tensor, dim: int) -> tuple[Tensor, ...]:
    """The results for each element of a basis of the tensors like x, along a further dimension."""
    from cnn_physics77.func.mapping import vmap  # late: importing the package does not need it

    return vmap(function, out_dims=dim)(_units(x))


def _in_turn(function: Callable, x: Tensor, dim: int) -> tuple[Tensor, ...]:
    """As :func:`_at_once`, by a loop."""
    found = [function(unit) for unit in _units(x)] or [function(_zeros_like(x))]
    return tuple(stack(column, dim).narrow(dim, 0, x.numel()) for column in zip(*found))


def _by_rows(
    y: Tensor, xs: tuple[Tensor, ...], create_graph: bool, strict: bool, over: Callable
) -> list[Tensor]:
    """A row for each element of y: a backward pass."""

    def row(unit: Tensor) -> tuple:
        return tuple(_derivatives("jacobian", (y,), xs, (unit,), create_graph, strict))

    return [found.reshape(*y.shape, *x.shape) for found, x in zip(over(row, y, 0), xs)]


def _by_columns(
    ys: tuple[Tensor, ...], xs: tuple[Tensor, ...], create_graph: bool, strict: bool, over: Callable
) -> list[list[Tensor]]:
    """A column for each element of the inputs: a backward pass through the graph of u -> uᵀJ."""
    us = tuple(_zeros_like(y).requires_grad_() for y in ys)
    pulled = _derivatives("jacobian", ys, xs, us, True, strict)
    rows: list[list[Tensor]] = [[] for _ in ys]
    for x, u_j in zip(xs, pulled):

        def column(unit: Tensor, u_j: Tensor = u_j) -> tuple:
            return tuple(_derivatives("jacobian", (u_j,), us, (unit,), create_graph, False))

        for blocks, y, found in zip(rows, ys, over(column, x, -1)):
            blocks.append(found.reshape(*y.shape, *x.shape))
    return rows


def _scalar(function: str, value) -> Tensor:
    several, tensors = _tuple_of(function, "the output of func", value)
    if several or tensors[0].numel() != 1:
        found = f"a tuple of {len(tensors)}" if several else f"shape {tensors[0].array.shape}"
        raise ShapeError(
            f"{function}: the function given should return a single Tensor with a single element, "
            f"found {found}"
        )
    return tensors[0].reshape(())


def hessian(
    func: Callable,
    inputs,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
):
    """The Hessian of a scalar function: the Jacobian of its gradient. Arguments as for :func:`jacobian`.

    Returns:
        H[i][j] of shape (*input i, *input j); a tensor for a single input.

    >>> import cnn_physics77 as torch
    >>> torch.autograd.functional.hessian(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    several, _ = _tuple_of("hessian", "inputs", inputs)

    def gradient(*xs):
        y = _scalar("hessian", func(*xs))
        found = tuple(_derivatives("hessian", (y,), xs, (from_array(np.ones((), y.dtype)),), True, strict))
        return found if several else found[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """The product of a vector with the Hessian of a scalar function: (func(*inputs), :math:`v^T H`).

    Arguments as for :func:`vjp`, but v has the shapes of the inputs.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.autograd.functional.vhp(lambda x: (x**3).sum(), x, torch.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _hessian_product("vhp", func, inputs, v, create_graph, strict)


def hvp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """The product of the Hessian of a scalar function with a vector: (func(*inputs), :math:`H v`).

    It is equal to :func:`vhp`, because H is symmetric.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.autograd.functional.hvp(lambda x: (x**3).sum(), x, torch.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _hessian_product("hvp", func, inputs, v, create_graph, strict)


def _hessian_product(function: str, func: Callable, inputs, v, create_graph: bool, strict: bool):
    several, xs = _tuple_of(function, "inputs", inputs)
    with enable_grad():
        xs = _places(xs, create_graph)
        vs = _vectors(function, v, xs, "takes")
        y = _scalar(function, func(*xs))
        first = _derivatives(function, (y,), xs, (from_array(np.ones((), y.dtype)),), True, strict)
        products = _derivatives(function, first, xs, vs, create_graph, strict)
    return (y if create_graph else y.detach()), _finish(products, several, create_graph)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
