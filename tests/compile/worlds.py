"""Two equal worlds, one with a captured step, in which one script runs side by side."""

from __future__ import annotations

import numpy as np

import cnn_physics77 as torch
from cnn_physics77.compile.capture.seams import HOLDERS, instances
from cnn_physics77.compile.capture.trace import current
from cnn_physics77.compile.capture.traced import Traced
from cnn_physics77.core.kernels.runtime.scratch import arena
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.base.operation import OPERATIONS
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.random import Generator
from cnn_physics77.core.tensor import Tensor


class World:
    """What a script works with: attributes, and ``step``, which may be captured.

    A builder sets attributes; modules, optimizers and tensors among them are compared.
    """

    step: object

    def state(self) -> dict[str, np.ndarray]:
        """Copies of all that a step may change."""
        found: dict[str, np.ndarray] = {}
        for name, value in vars(self).items():
            for part, tensor in tensors_in(value):
                found[f"{name}{part}"] = tensor.array.copy()
                if tensor._grad is not None:
                    found[f"{name}{part}.grad"] = tensor._grad.array.copy()
        return found


def tensors_in(value) -> list[tuple[str, Tensor]]:
    """The tensors in modules, optimizers, lists and dicts, with their places."""
    if isinstance(value, Tensor):
        return [("", value)]
    if isinstance(value, torch.nn.Module):
        return [(f".{n}", t) for n, t in (*value.named_parameters(), *value.named_buffers())]
    if isinstance(value, torch.optim.Optimizer):
        values = value.state_dict()["state"]
        return [(f"[{n}]{part}", t) for n, state in values.items() for part, t in tensors_in(state)]
    if isinstance(value, dict):
        return [(f"[{key!r}]{part}", t) for key, item in value.items() for part, t in tensors_in(item)]
    if isinstance(value, (list, tuple)):
        return tensors_in(dict(enumerate(value)))
    return []


def run_both(build, script, rtol: float = 0.0, **options) -> None:
    """Run a script in a plain world and in one whose step is captured, and compare them after each step.

    Args:
        build: ``build(world)`` sets its attributes, among them ``step``.
        script: a generator function of the world, which yields what there is to compare besides its state.
        rtol: 0 for equal bits.
        options: of ``torch.compile``.
    """
    worlds, scripts, positions = [], [], []
    for captured in (False, True):
        torch.manual_seed(1)
        world = World()
        build(world)
        if captured:
            world.step = torch.compile(world.step, **options)
        worlds.append(world)
        scripts.append(script(world))
        positions.append(torch.default_generator.position())
    ended = object()
    for number in range(1000):
        results = []
        for index, (world, running) in enumerate(zip(worlds, scripts)):
            torch.default_generator.go_to(positions[index])
            result = next(running, ended)
            positions[index] = torch.default_generator.position()
            values = {f"result{part}": t.array.copy() for part, t in tensors_in(result)}
            results.append((result is ended, {**values, **world.state()}))
        (plain_ended, plain), (captured_ended, captured) = results
        assert plain_ended == captured_ended
        assert positions[0] == positions[1], f"the generator's position after step {number}"
        assert plain.keys() == captured.keys()
        for name, expected in plain.items():
            found = captured[name]
            assert (found.shape, found.dtype) == (expected.shape, expected.dtype), name
            what = f"{name} after step {number}"
            if rtol:
                np.testing.assert_allclose(found, expected, rtol, rtol, err_msg=what)
            else:
                np.testing.assert_array_equal(found, expected, err_msg=what)
        assert_nothing_traced()
        if plain_ended:
            return


def assert_nothing_traced() -> None:
    """No tensor anywhere holds a recording array."""
    for holder in instances(*HOLDERS):
        for name, value in vars(holder).items():
            for one in value if isinstance(value, list) else [value]:
                assert type(one) is not Traced, (type(holder), name)


def taps() -> list:
    """Everything that a capture replaces."""
    return [
        Module.__call__, Generator.numpy, ElementwiseOptimizer._next_update, ElementwiseOptimizer._make_packs,
        Tensor.__setitem__, Tensor.numpy, current.trace, arena.frame,
        *[part for op in OPERATIONS.values() for part in (op.forward, op.forward_shared)],
    ]  # fmt: skip
