r"""Transforms that differentiate: of a function they make its gradient, a product with its Jacobian, its
Jacobian, its Hessian.

========================  ==================================================================
grad, grad_and_value      :math:`\nabla f` of a scalar function: one backward pass
vjp                       :math:`v^T J`: one backward pass
jvp, linearize            :math:`J v`: two backward passes, of which linearize makes the first once for all v
jacrev                    J by rows: a backward pass for all elements of the output, by vmap
jacfwd                    J by columns: a backward pass for all elements of the input, by vmap
hessian                   :math:`\partial_x \partial_x^T f`: jacfwd of jacrev
========================  ==================================================================

There is no forward mode of its own: :math:`u \mapsto u^T J` is linear, and its derivative along v is
:math:`J v` (A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, section 3). All
transforms nest, to any order; see :mod:`.levels`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.func.levels import Level, chosen, output_of, tensors_of
from cnn_physics77.func.mapping import vmap
from cnn_physics77.utils._pytree import TreeSpec, tree_flatten, tree_unflatten


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    r"""The gradient of a scalar function: ``grad(f)(x)`` is :math:`\partial f/\partial x`.

    Args:
        func: returns a 0-d tensor; with ``has_aux`` a pair of it and anything else.
        argnums: the argument by which to differentiate, or a tuple of them. It may consist of nested tuples,
            lists and dicts of tensors.
        has_aux: whether ``func`` returns a second value, which is not differentiated.

    Returns:
        A function with the arguments of ``func``. It returns the gradient, of the structure of the argument
        (a tuple of them if ``argnums`` is one); with ``has_aux`` the pair (gradient, second value).

        ``no_grad()`` around it has no effect on the gradient, but makes it a constant.

    Raises:
        RuntimeError: the output is not a 0-d tensor, or ``argnums`` names no argument.
        ValueError: the argument is not a tensor.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.func import grad
    >>> grad(torch.sin)(torch.tensor(0.0)), grad(grad(grad(torch.sin)))(torch.tensor(0.0))
    (tensor(1.), tensor(-1.))
    >>> grad(lambda w, x: (w["a"] * x).sum())({"a": torch.ones(2)}, torch.tensor([3.0, 4.0]))
    {'a': tensor([3., 4.])}
    """
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """As :func:`grad`, for a function that returns the pair (gradient, value of ``func``); with ``has_aux``
    that value is the pair which ``func`` returned.

    >>> import cnn_physics77 as torch
    >>> torch.func.grad_and_value(lambda x: x**3)(torch.tensor(2.0))
    (tensor(12.), tensor(8.))
    """

    @wraps(func)
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        with Level("grad") as level:
            values, replaced = chosen("grad", argnums, args)
            variables, xs = level.variables(values)
            output, aux = output_of("grad", has_aux, func(*replaced(variables), **kwargs))
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    "grad: expected the function to return a 0-d tensor, found "
                    f"{type(output).__name__}; return (output, aux) with has_aux=True for other values"
                )
            if output.ndim:
                raise ShapeError(
                    f"grad: expected the function to return a 0-d tensor, found shape {output.shape}; use "
                    "vjp or jacrev"
                )
            one = from_array(np.ones_like(output.array))
            found = tree_unflatten(level.gradients((output,), xs, (one,)), tree_flatten(values)[1])
            return level.results((found, (output, aux) if has_aux else output))

    return gradient_and_value


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    r"""Products with the Jacobian from the left: ``func(*primals)`` and a function :math:`v \mapsto v^T J`.

    Args:
        func: returns tensors, also in nested tuples, lists and dicts; with ``has_aux`` a pair of that and
            anything else.
        primals: tensors, also in nested tuples, lists and dicts.

    Returns:
        ``(output, vjp_fn)``, or ``(output, vjp_fn, aux)``. ``vjp_fn(v)`` takes v of the structure and shapes
        of the output, and returns a tuple with the product for each of ``primals``. Each call is one backward
        pass; the graph is kept as long as ``vjp_fn``.

    Raises:
        RuntimeError: an output is not a tensor, or v does not have the structure and shapes of the output.

    >>> import cnn_physics77 as torch
    >>> y, pullback = torch.func.vjp(lambda x: x * x, torch.tensor([1.0, 2.0]))
    >>> y, pullback(torch.tensor([1.0, 10.0]))
    (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    with Level("vjp") as level:
        variables, xs = level.variables(primals)
        output, aux = output_of("vjp", has_aux, func(*variables))
        ys, outputs = tensors_of("vjp", output)
        inputs = tree_flatten(primals)[1]

        def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> tuple:
            vs = _vectors("vjp_fn", "the output of the function", cotangents, ys, outputs)
            call = Level("vjp_fn")
            with call:
                found = tree_unflatten(call.gradients(ys, xs, vs, bool(create_graph)), inputs)
                return found if create_graph else call.results(found)

        result = level.results((output, aux))
        return (result[0], vjp_fn, result[1]) if has_aux else (result[0], vjp_fn)


def jvp(
    func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False
) -> tuple:
    """The product of the Jacobian with a vector from the right: ``func(*primals)`` and :math:`J v`.

    Args:
        func: as for :func:`vjp`.
        primals: the tuple of its arguments: tensors, also in nested tuples, lists and dicts.
        tangents: v, of the same structure and shapes.
        strict: an output that does not depend on the arguments is an error, and has not the product 0.

    Returns:
        ``(output, product)``, or ``(output, product, aux)``.

    Raises:
        RuntimeError: an output is not a tensor, or the tangents do not have the structure and shapes of the
            primals.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.func.jvp(lambda x: (x * x).sum(), (x,), (torch.tensor([1.0, 10.0]),))
    (tensor(5.), tensor(42.))
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"jvp: expected primals to be a tuple, so that f(*primals) is valid, found "
            f"{type(primals).__name__}"
        )
    with Level("jvp") as level:
        output, spec, push, aux = _linearized(level, func, primals, has_aux, strict)
        leaves, structure = tree_flatten(primals)
        if not leaves:
            raise RuntimeError("jvp: expected primals to contain at least one tensor, found none")
        vs = _vectors("jvp", "the primals", tangents, leaves, structure)
        product = tree_unflatten(push(vs), spec)
        return level.results((output, product, aux) if has_aux else (output, product))


def linearize(func: Callable, *primals: Any) -> tuple:
    r"""The linear approximation of a function: ``func(*primals)`` and a function :math:`v \mapsto J v`.

    Against :func:`jvp`, which computes the function anew for each v, each product costs one backward pass. It
    can be differentiated by v and by ``primals``, which are constants of it in PyTorch.

    Args:
        func: as for :func:`vjp`.
        primals: tensors, also in nested tuples, lists and dicts.

    Raises:
        RuntimeError: an output is not a tensor, or v does not have the structure and shapes of the primals.

    >>> import cnn_physics77 as torch
    >>> y, pushforward = torch.func.linearize(torch.exp, torch.zeros(2))
    >>> y, pushforward(torch.tensor([1.0, 2.0]))
    (tensor([1., 1.]), tensor([1., 2.]))
    """
    with Level("linearize") as level:
        output, spec, push, _ = _linearized(level, func, primals, False, False)
        leaves, structure = tree_flatten(primals)

        def jvp_fn(*tangents: Any) -> Any:
            with Level("jvp_fn") as call:
                vs = _vectors("jvp_fn", "the primals", tangents, leaves, structure)
                return call.results(tree_unflatten(push(vs, call), spec))

        return level.results(output), jvp_fn


def _linearized(
    level: Level, func: Callable, primals: tuple, has_aux: bool, strict: bool
) -> tuple[Any, TreeSpec, Callable, Any]:
    """(output, its structure, the function v -> J v of lists, auxiliary output)."""
    variables, xs = level.variables(primals)
    output, aux = output_of(level.transform, has_aux, func(*variables))
    ys, spec = tensors_of(level.transform, output)
    if strict and not all(level.influences(y) for y in ys):
        raise RuntimeError(
            f"{level.transform}: the output of the function is independent of the inputs; this is not "
            "allowed with strict=True"
        )
    return output, spec, level.pushforward(ys, xs), aux


def _vectors(transform: str, of: str, value: Any, like: list[Tensor], structure: TreeSpec) -> list[Tensor]:
    """The tensors of a tree that must have the structure and the shapes of another one."""
    leaves, found = tree_flatten(value)
    if found != structure:
        raise RuntimeError(
            f"{transform}: expected vectors of the structure of {of}, {structure.num_leaves} tensors, found "
            f"{found.num_leaves} in another structure; nest them in tuples, lists and dicts alike"
        )
    for leaf, tensor in zip(leaves, like):
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{transform}: expected tensors as vectors, found {type(leaf).__name__}")
        if leaf.shape != tensor.shape:
            raise ShapeError(
                f"{transform}: expected vectors of the shapes of {of}, {tuple(tensor.shape)}, found "
                f"{tuple(leaf.shape)}"
            )
    return leaves


def _units(x: Tensor) -> Tensor:
    """A basis of the tensors like x, along a first dimension: 1 at one place and 0 elsewhere."""
    return from_array(np.eye(x.numel(), dtype=x.array.dtype).reshape(x.numel(), *x.shape))


def jacrev(
    func: Callable,
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable:
    r"""The Jacobian of a function, by rows: a backward pass for a batch of them, one for each element of the
    output.

    Args:
        func: returns tensors, also in nested tuples, lists and dicts; with ``has_aux`` a pair of that and
            anything else.
        argnums: the argument by which to differentiate, or a tuple of them.
        chunk_size: the number of rows to compute at once; None for all. Fewer take less memory.

    Returns:
        A function with the arguments of ``func``. It returns :math:`\partial y_i/\partial x_j`, of shape
        (\*shape of y, \*shape of x), in the structure of the output, and within it in that of the argument.

    Raises:
        RuntimeError: an output is not a tensor.
        ValueError: an argument is not a tensor, or ``chunk_size`` is not positive.

    >>> import cnn_physics77 as torch
    >>> torch.func.jacrev(lambda x: x * x)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"jacrev: `chunk_size` should be greater than 0, found {chunk_size}")

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        with Level("jacrev") as level:
            values, replaced = chosen("jacrev", argnums, args)
            variables, xs = level.variables(values)
            output, aux = output_of("jacrev", has_aux, func(*replaced(variables), **kwargs))
            ys, spec = tensors_of("jacrev", output)
            structure = tree_flatten(values)[1]
            blocks = []
            for y in ys:
                row = partial(lambda y, unit: level.gradients((y,), xs, (unit,)), y)
                rows = vmap(row, chunk_size=chunk_size)(_units(y))
                made = [found.reshape((*y.shape, *x.shape)) for found, x in zip(rows, xs)]
                blocks.append(tree_unflatten(made, structure))
            found = tree_unflatten(blocks, spec)
            return level.results((found, aux) if has_aux else found)

    return jacobian


def jacfwd(
    func: Callable,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable:
    """The Jacobian of a function, by columns: a backward pass for a batch of them, one for each element of
    the argument, through the graph that a first pass makes. Better than :func:`jacrev` for a function of few
    numbers.

    Args:
        func: as for :func:`jacrev`.
        argnums: the argument by which to differentiate, or a tuple of them.
        has_aux: whether ``func`` returns a pair, of which the second is not differentiated.
        randomness: has no effect: the function is computed once.

    Returns:
        A function as that of :func:`jacrev`.

    >>> import cnn_physics77 as torch
    >>> torch.func.jacfwd(lambda t: torch.stack([t.cos(), t.sin()]))(torch.tensor(0.0))
    tensor([0., 1.])
    """

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        with Level("jacfwd") as level:
            values, replaced = chosen("jacfwd", argnums, args)
            leaves, structure = tree_flatten(values)
            output, spec, push, aux = _linearized(
                level, lambda *xs: func(*replaced(tree_unflatten(xs, structure)), **kwargs), tuple(leaves),
                has_aux, False,
            )  # fmt: skip
            ys = tree_flatten(output)[0]
            blocks: list[list] = [[] for _ in ys]
            zeros = [from_array(np.zeros_like(x.array)) for x in leaves]
            for j, x in enumerate(leaves):
                along = partial(lambda j, unit: push([*zeros[:j], unit, *zeros[j + 1 :]]), j)
                for block, y, columns in zip(blocks, ys, vmap(along, out_dims=-1)(_units(x))):
                    block.append(columns.reshape((*y.shape, *x.shape)))
            found = tree_unflatten([tree_unflatten(row, structure) for row in blocks], spec)
            return level.results((found, aux) if has_aux else found)

    return jacobian


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    r"""The second derivatives of a function: ``jacfwd(jacrev(func))``.

    Args:
        func: usually returns a 0-d tensor.
        argnums: the argument by which to differentiate, or a tuple of them.

    Returns:
        A function with the arguments of ``func``. It returns
        :math:`\partial^2 y/\partial x_i\,\partial x_j`, of shape (\*shape of y, \*shape of x, \*shape of x).

    >>> import cnn_physics77 as torch
    >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
