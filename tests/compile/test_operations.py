"""Every row of the table of operations inside of a captured function: replays with other values give the
numbers of the function itself."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.compile.capture.trace import Call
from cnn_physics77.compile.capture.traced import Flattened
from cnn_physics77.core.operations.base.operation import OPERATIONS
from cnn_physics77.core.operations.pointwise import polynomials
from cnn_physics77.testing.table import Constant, Row, all_rows

ROWS = list(all_rows())

EVERY = range(100)

REFUSED: dict[str, tuple[int, Iterable[int], str]] = {
    # the shape of the result depends on values
    "unique": (0, range(4), "unique"),
    "bincount": (0, range(3), "bincount|__int__"),
    "nonzero": (0, range(3), "nonzero|argwhere"),
    "argwhere": (0, range(3), "argwhere"),
    "repeat_interleave": (0, [2, 3, 4], "repeat"),
    "where": (0, [7], "nonzero"),
    "masked_select": (0, EVERY, "pick reads a value"),
    "masked_scatter": (0, EVERY, "__int__"),
    "Tensor.__getitem__": (0, range(17, 22), "pick reads a value|__int__"),
    "index_put": (0, [3], "booleans as an index"),
    "nn.functional.one_hot": (0, [0], "__int__"),
    "nn.functional.ctc_loss": (0, [0, 2], "tolist"),  # lengths that are tensors
    "nn.functional.embedding_bag": (0, [3], "bincount"),
    # a 0-d tensor is an index, as an integer is
    "take": (0, [1], "pick reads a value"),
    "tensor_split": (0, [5], "tolist"),
    "from_dlpack": (0, [0, 1], "takes a NumPy array of a tensor"),
    # the numbers of sequences at each step, of packed sequences
    "lstm": (0, [4], "tolist"),
    **dict.fromkeys(("gru", "rnn_tanh", "rnn_relu"), (0, [3], "tolist")),
    # the highest degree is the number of terms
    **{f"special.{name}": (0, [1, 2], "__int__") for name in polynomials.__all__},
    # derivatives that read values
    "index_reduce": (1, [0, 1], "__index__"),
    "index_fill": (1, [1, 2, 3], "unique"),
    "scatter_reduce": (1, range(16, 22), "__index__"),
}
"""What cannot be captured: from which order of derivatives on, the numbers of the samples, and a pattern of
the warning."""

SPECIAL = [
    "airy_ai",
    "lgamma",
    "digamma",
    "polygamma",
    "zeta",
    "igamma",
    "igammac",
    "erfinv",
    "erfcx",
    "ndtr",
    "ndtri",
    "log_ndtr",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "bessel_j0",
    "bessel_j1",
    "bessel_y0",
    "bessel_y1",
    "modified_bessel_k0",
    "modified_bessel_k1",
    "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1",
]

OPAQUE = {
    "batch_norm": "where its decision, whether the mean is large, has changed before",
    "batch_norm_gradient": "as batch_norm",
    "group_norm": "as batch_norm",
    "group_norm_gradient": "as batch_norm",
    "softplus": "where its decision, whether a value is beyond the threshold, has changed before",
    "softplus_gradient": "as softplus",
    "cross_entropy": "the sum of the weights of the targets that count is a Python number",
    "cross_entropy_gradient": "it is given that number",
    "embedding": "a 0-d index",
    "embedding_gradient": "it sums the rows of equal indices, which it sorts",
    "erfc": "it treats large values apart",
    "nll": "a 0-d target",
    "nll_divisor": "as for cross_entropy",
    "nll_gradient": "a 0-d target",
    **dict.fromkeys(SPECIAL, "it treats regions of its argument apart"),
}
"""Operations that a replay may call as a whole, and why."""


def samples_of(row: Row, seed: int) -> list:
    """Samples of equal shapes for all seeds, and of other values."""
    return list(row.samples(np.random.default_rng([zlib.crc32(row.name.encode()), seed])))


def refused(row: Row, order: int) -> set[int]:
    """The numbers of the samples that cannot be captured."""
    least, numbers, _ = REFUSED.get(row.name, (0, (), ""))
    return set(numbers) if order >= least else set()


def flat(value) -> list:
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


class Step:
    """A function that calls an operation for some samples, and differentiates a weighted sum of the results.

    Args:
        order: of the highest derivative.
    """

    def __init__(self, row: Row, order: int) -> None:
        self.operation, self.order = row.ours(), order
        self.weights: dict = {}
        self.__name__ = row.name

    def arguments(self, samples: list) -> tuple[list, list]:
        """The samples with tensors for arrays, and for each tensor whether it is to be a variable."""
        variables: list[bool] = []

        def convert(value):
            constant = isinstance(value, Constant)
            value = value.array if constant else value
            if not isinstance(value, np.ndarray):
                return value
            variables.append(not constant and value.dtype.kind in "fc" and self.order > 0)
            return torch.from_numpy(value.copy(order="K"))

        return [sample.convert(convert) for sample in samples], variables

    def __call__(self, calls: list, variables: list) -> list:
        rest = iter(variables)
        return [self._results(args, kwargs, rest) for args, kwargs in calls]

    def _results(self, args, kwargs, rest) -> list:
        inputs: list = []
        args, kwargs = self._with_variables(args, rest, inputs), self._with_variables(kwargs, rest, inputs)
        outputs = flat(self.operation(*args, **kwargs))
        results = [o.detach() if isinstance(o, torch.Tensor) else o for o in outputs]
        for order in range(1, self.order + 1):
            outputs = [o for o in outputs if isinstance(o, torch.Tensor) and o.requires_grad]
            if not outputs or not inputs:
                break
            outputs = torch.autograd.grad(
                outputs,
                inputs,
                [self._weight(o) for o in outputs],
                create_graph=order < self.order,
                materialize_grads=True,
            )
            results += [o.detach() for o in outputs]
        return results

    def _with_variables(self, value, rest, inputs: list):
        if isinstance(value, dict):
            return {key: self._with_variables(item, rest, inputs) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)([self._with_variables(item, rest, inputs) for item in value])
        if isinstance(value, torch.Tensor) and next(rest):
            value = value.detach().requires_grad_(True)
            inputs.append(value)
        return value

    def _weight(self, output):
        key = output.shape, output.dtype
        if key not in self.weights:
            rng = np.random.default_rng(len(self.weights))
            weight = rng.normal(size=output.shape) + (1j * rng.normal(size=output.shape))
            weight = weight if output.is_complex() else weight.real
            self.weights[key] = torch.from_numpy(np.asarray(weight, output.dtype))
        return self.weights[key]


def compare(expected, found, what: str) -> None:
    """Raise unless the results are the same up to rounding."""
    expected, found = flat(expected), flat(found)
    assert len(expected) == len(found), what
    for index, (a, b) in enumerate(zip(expected, found)):
        if not isinstance(a, torch.Tensor):
            assert type(a) is type(b) and a == b, what
            continue
        a, b = a.array, b.array
        assert type(b) is np.ndarray, what
        assert (a.shape, a.dtype) == (b.shape, b.dtype), what
        finite = a[np.isfinite(a)]
        scale = float(np.abs(finite).max()) if finite.size and a.dtype.kind in "fc" else 0.0
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12 * scale, err_msg=f"result {index} of {what}")


def check(row: Row, order: int, replays) -> None:
    """Capture a step of all samples, and compare some replays."""
    numbers = [n for n in range(len(samples_of(row, 0))) if n not in refused(row, order)]
    if not numbers:
        return
    step = Step(row, order)
    captured = torch.compile(step, fullgraph=True)
    for seed in range(16):
        samples = samples_of(row, seed)
        arguments = step.arguments([samples[n] for n in numbers])
        torch.manual_seed(seed)
        expected = step(*arguments)
        torch.manual_seed(seed)
        compare(expected, captured(*arguments), f"{row.name}, call {seed}")
        if replays.count == 3:
            break
    assert replays.count == 3
    steps = [s for capture in captured.captures() for s in capture.program.steps]
    opaque = {s.operation for s in steps if isinstance(s, Call) and isinstance(s.function, Flattened)}
    assert opaque <= set(OPAQUE), opaque


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_operation(row, replays):
    check(row, min(row.order, 1), replays)


@pytest.mark.parametrize("row", [row for row in ROWS if row.order == 2][::3], ids=lambda row: row.name)
def test_second_derivative(row, replays):
    check(row, 2, replays)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, replays):
    """It runs eagerly, with one warning."""
    (row,) = [row for row in ROWS if row.name == name]
    order, _, message = REFUSED[name]
    found = range(len(samples_of(row, 0)))
    for number in refused(row, order).intersection(found):
        step = Step(row, order)
        captured = torch.compile(step)
        with pytest.warns(RuntimeWarning, match=message) as warned:
            for seed in range(4):
                arguments = step.arguments([samples_of(row, seed)[number]])
                compare(step(*arguments), captured(*arguments), f"{name}, call {seed}")
        assert len(warned) == len({str(w.message) for w in warned})
    assert replays.count == 0


def test_reasons_are_needed():
    """The lists name nothing that does not exist."""
    names = {row.name for row in ROWS}
    assert set(REFUSED) <= names and set(OPAQUE) <= set(OPERATIONS)
