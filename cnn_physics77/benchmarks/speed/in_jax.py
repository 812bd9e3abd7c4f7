"""The works of the suite that exist in JAX, as functions of arrays; `work` has them in PyTorch's names."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ..adapters.numpy77 import ADAPTER as NUMPY77
from ..instruments.measure import MeasurementError
from .pinn import PinnCase, pinn_by_products
from .work import OPTIMIZERS, Arrays, Case, TrainingCase, Work, draw_gradient

if TYPE_CHECKING:
    from ..adapters.jax import Jax


def prepare(case: Case, adapter: Jax, given: Arrays) -> Work:
    """Prepare a training step or a small graph in JAX."""
    adapter.use(case.dtype)
    return _training(case, adapter, given) if isinstance(case, TrainingCase) else _graph(case, adapter, given)


def _training(case: TrainingCase, adapter: Jax, given: Arrays) -> Work:
    network = case.build(NUMPY77)  # for names and values
    parameters, buffers = (
        {name: adapter.from_numpy(tensor.detach().numpy()) for name, tensor in tensors}
        for tensors in (network.named_parameters(), network.named_buffers())
    )
    kind, arguments = OPTIMIZERS[case.optimizer]
    step = adapter.training_step(case.model, kind, arguments)
    batches = [
        (adapter.from_numpy(images), adapter.from_numpy(labels))
        for images, labels in zip(given["images"], given["labels"], strict=True)
    ]
    cycle = itertools.cycle(batches)
    state = adapter.initial_state(kind, parameters, buffers)

    def call() -> Any:
        nonlocal state
        state, loss = adapter.jax.block_until_ready(step(state, *next(cycle)))
        return loss

    def values() -> Arrays:
        differentiated = adapter.jax.jit(
            adapter.jax.grad(adapter.loss, argnums=1, has_aux=True), static_argnums=0
        )
        gradients, _ = differentiated(case.model, parameters, buffers, *batches[0])
        found = {f"gradient of {name}": np.asarray(gradients[name]) for name in parameters}
        losses = [np.asarray(call()) for _ in range(6)]
        used = {str(leaf.dtype) for leaf in adapter.jax.tree.leaves(state) if leaf.dtype.kind == "f"}
        if used != {case.dtype}:
            raise MeasurementError(f"jax: expected {case.dtype} in the state, found {', '.join(used)}")
        return found | {"loss": losses[0], "second_loss": losses[1], "sixth_loss": losses[5]}

    return Work(call, values)


def _graph(case: Case, adapter: Jax, given: Arrays) -> Work:
    jax, jnp = adapter.jax, adapter.numpy
    names, inputs = list(given), [adapter.from_numpy(array) for array in given.values()]
    if isinstance(case, PinnCase):
        result, names = "loss", names[1:]
        t, *inputs = inputs
        ones = jnp.ones_like(t)

        def graph(*layers: Any) -> Any:
            return pinn_by_products(jax.vjp, jnp, ones, t, *layers)

    else:
        result = "y"
        g = adapter.from_numpy(draw_gradient(given["x"].shape, case.dtype))

        def chain(x: Any, w: Any, b: Any) -> Any:
            for _ in range(20):
                x = jnp.tanh(x * w + b)
            return x

        def graph(*inputs: Any) -> Any:
            y, back = jax.vjp(chain, *inputs)
            return (y, *back(g))

    compiled = jax.jit(graph)

    def call() -> Any:
        return jax.block_until_ready(compiled(*inputs))

    def values() -> Arrays:
        y, *gradients = map(np.asarray, call())
        return {result: y} | {f"gradient of {n}": found for n, found in zip(names, gradients, strict=True)}

    return Work(call, values)
