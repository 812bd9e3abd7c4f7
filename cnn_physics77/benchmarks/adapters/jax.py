"""JAX: functions of arrays, compiled by XLA (``jax.jit``)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import CNN_jax
from .base import Framework

BETAS, EPS = (0.9, 0.999), 1e-8
"""Of Adam, as PyTorch has them."""


class Jax(Framework):
    """JAX's modules, and a training step written with them."""

    name = "jax"
    jax: Any = jax
    numpy: Any = jnp

    @staticmethod
    def from_numpy(array: np.ndarray) -> Any:
        return jnp.asarray(array)

    def threads(self) -> int:
        """Those of XLA's pool. It has as many as ``NPROC`` says when it starts, and JAX does not tell; on
        Linux they are counted."""
        jnp.zeros(1).block_until_ready()
        names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
        return names.count("tf_XLAEigen") or int(os.environ["NPROC"])

    def use(self, dtype: str) -> None:
        """Allow float64 where it is asked for; otherwise it does not occur, as is JAX's default."""
        jax.config.update("jax_enable_x64", dtype == "float64")

    def loss(self, model: str, p: Any, buffers: Any, images: Any, labels: Any) -> tuple[Any, Any]:
        """Mean cross-entropy of a network's logits, and the network's new buffers."""
        logits, buffers = CNN_jax.NETWORKS[model](p, buffers, images)
        log_p = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return -log_p.mean(), buffers

    def initial_state(self, optimizer: str, parameters: Any, buffers: Any) -> Any:
        """What the first step takes: parameters, buffers, and the optimizer's moments and count."""
        like = next(iter(parameters.values()))
        moments = {"SGD": 1, "Adam": 2}[optimizer]
        zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(moments)]
        return parameters, buffers, (*zeros, jnp.zeros((), like.dtype))

    def training_step(self, model: str, optimizer: str, arguments: dict[str, float]) -> Callable[..., Any]:
        """One step as a function of (state, images, labels). It gives the next state, in the memory of the
        given one, and the loss before the update."""
        update = {"SGD": _sgd, "Adam": _adam}[optimizer]

        def step(state: Any, images: Any, labels: Any) -> Any:
            p, buffers, kept = state
            differentiated = jax.value_and_grad(self.loss, argnums=1, has_aux=True)
            (loss, buffers), gradients = differentiated(model, p, buffers, images, labels)
            p, kept = update(p, gradients, *kept, **arguments)
            return (p, buffers, kept), loss

        return jax.jit(step, donate_argnums=0)


def _sgd(p: Any, g: Any, velocity: Any, count: Any, lr: float, momentum: float) -> tuple[Any, Any]:
    velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, g)
    return jax.tree.map(lambda p, v: p - lr * v, p, velocity), (velocity, count + 1)


def _adam(p: Any, g: Any, m: Any, v: Any, count: Any, lr: float) -> tuple[Any, Any]:
    """As PyTorch's: epsilon is added to the root of the corrected second moment."""
    (beta1, beta2), count = BETAS, count + 1
    bias1, bias2 = (-jnp.expm1(count * math.log(beta)) for beta in BETAS)
    m = jax.tree.map(lambda m, g: m + (1 - beta1) * (g - m), m, g)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)

    def moved(p: Any, m: Any, v: Any) -> Any:
        return p - lr / bias1 * m / (jnp.sqrt(v) / jnp.sqrt(bias2) + EPS)

    return jax.tree.map(moved, p, m, v), (m, v, count)


ADAPTER = Jax()
