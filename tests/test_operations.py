"""Every row of the table of operations against PyTorch in float64: values, dtypes, gradients, second
gradients, layouts, errors."""

from __future__ import annotations

import importlib
import pkgutil
import re
import zlib

import numpy as np
import pytest
import torch

import cnn_physics77
from cnn_physics77.core import operations
from cnn_physics77.testing.table import Constant, Row, all_rows

ROWS = list(all_rows())
ORDER_1 = [row for row in ROWS if row.order >= 1]


def name_of(row: Row) -> str:
    return row.name


def samples_of(row: Row):
    return row.samples(np.random.default_rng(zlib.crc32(row.name.encode())))


# ---------------------------------------------------------------------------------- samples as tensors


def is_variable(value) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


def contiguous(array):
    return array.copy()


def transposed(array):
    """The same values with the memory of the reversed dimensions: as strided as it gets."""
    return (
        np.ascontiguousarray(array.T).T
        if array.ndim > 1
        else np.repeat(array, 2, axis=0)[::2]
        if array.ndim
        else array.copy()
    )


class Call:
    """One sample prepared for both frameworks: the same values, read-only memory on our side."""

    def __init__(self, row: Row, sample, *, dtype=None, exact=False, layout=contiguous, variables=True):
        self.ours_in: list = []
        self.theirs_in: list = []
        self.kept: list = []
        self.row = row
        args, kwargs = sample.convert(lambda v: self._ours(v, dtype, layout, variables))
        self.ours = row.ours()(*args, **kwargs)
        args, kwargs = sample.convert(lambda v: self._theirs(v, dtype, exact, variables))
        self.theirs = row.theirs()(*args, **kwargs)
        for memory, before in self.kept:
            assert np.array_equal(memory, before, equal_nan=memory.dtype.kind in "fc"), (
                "an input was written into"
            )

    def _ours(self, value, dtype, layout, variables):
        constant = isinstance(value, Constant)
        if constant:
            value = value.array
        if not isinstance(value, np.ndarray):
            return value
        array = layout(lower(value, dtype))
        array.flags.writeable = False
        self.kept.append((array, array.copy()))
        tensor = cnn_physics77.from_numpy(array)
        if variables and not constant and is_variable(value):
            tensor.requires_grad_(True)
            self.ours_in.append(tensor)
        return tensor

    def _theirs(self, value, dtype, exact, variables):
        constant = isinstance(value, Constant)
        if constant:
            value = value.array
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return getattr(torch, np.dtype(value).name)
        if not isinstance(value, np.ndarray):
            return value
        array = lower(value, dtype)
        tensor = torch.from_numpy(array.astype(value.dtype) if exact else array.copy())
        if variables and not constant and is_variable(value):
            tensor.requires_grad_(True)
            self.theirs_in.append(tensor)
        return tensor

    def outputs(self):
        """Pairs (ours, theirs) of the floating outputs that gradients flow into."""
        pairs = list(zip(flat(self.ours), flat(self.theirs), strict=True))
        return [(a, b) for a, b in pairs if isinstance(b, torch.Tensor) and b.requires_grad]


def lower(array, dtype):
    if dtype is None:
        return array
    if array.dtype == np.float64:
        return array.astype(dtype)
    return array.astype(np.complex64) if array.dtype == np.complex128 else array


def flat(value) -> list:
    if isinstance(value, (tuple, list)):
        return [leaf for v in value for leaf in flat(v)]
    return [value]


def compare(ours, theirs, rtol, atol, what):
    if not isinstance(theirs, torch.Tensor):
        assert ours == theirs, what
        return
    expected = theirs.detach().resolve_conj().resolve_neg().numpy(force=True)
    found = ours.detach().numpy()
    assert found.shape == expected.shape, what
    assert found.dtype == expected.dtype, what
    if expected.dtype.kind in "fc":  # integers give float32
        rtol = max(rtol, 8 * np.finfo(expected.dtype).eps)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=what)


# ------------------------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_value(row):
    for sample in samples_of(row):
        call = Call(row, sample)
        for ours, theirs in zip(flat(call.ours), flat(call.theirs), strict=True):
            compare(ours, theirs, row.rtol, row.atol, f"value of {row.name} at {sample}")
            if isinstance(theirs, torch.Tensor):
                assert ours.requires_grad == theirs.requires_grad, f"requires_grad of {row.name} at {sample}"


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_value_of_strided_input(row):
    for sample in samples_of(row):
        call = Call(row, sample, layout=transposed, variables=False)
        for ours, theirs in zip(flat(call.ours), flat(call.theirs), strict=True):
            compare(ours, theirs, row.rtol, row.atol, f"value of {row.name} at strided {sample}")


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_float32(row):
    """The dtypes are PyTorch's in float32, the values its in float64 from the same numbers.

    Its values in float32 depend on the processor.
    """
    for sample in samples_of(row):
        single = Call(row, sample, dtype=np.float32, variables=False)
        double = Call(row, sample, dtype=np.float32, exact=True, variables=False)
        triples = zip(flat(single.ours), flat(single.theirs), flat(double.theirs), strict=True)
        for ours, theirs, exact in triples:
            scale = 1.0
            if isinstance(theirs, torch.Tensor):
                theirs = exact.to(theirs.dtype)
                magnitude = (theirs + 0.0).abs().double()
                magnitude = magnitude[magnitude.isfinite()]
                scale = max(1.0, magnitude.max().item()) if magnitude.numel() else 1.0
            tolerance = row.float32_rtol
            compare(ours, theirs, tolerance, tolerance * scale, f"float32 value of {row.name} at {sample}")


def seeds_for(outputs, rng):
    seeds = [rng.normal(size=tuple(b.shape)).astype(a.dtype) for a, b in outputs]
    return [s + 1j * rng.normal(size=s.shape) if s.dtype.kind == "c" else s for s in seeds]


def gradients_of(call: Call, rng, layout=contiguous):
    outputs = call.outputs()
    if not outputs or not call.ours_in:
        return [], [], [], []
    seeds = seeds_for(outputs, rng)
    ours_seeds = [cnn_physics77.from_numpy(layout(np.asarray(s))).requires_grad_(True) for s in seeds]
    theirs_seeds = [torch.from_numpy(np.array(s)).requires_grad_(True) for s in seeds]
    second = call.row.order >= 2
    ours = cnn_physics77.autograd.grad(
        [a for a, _ in outputs],
        call.ours_in,
        ours_seeds,
        create_graph=second,
        allow_unused=True,
        materialize_grads=True,
    )
    theirs = torch.autograd.grad(
        [b for _, b in outputs],
        call.theirs_in,
        theirs_seeds,
        create_graph=second,
        allow_unused=True,
        materialize_grads=True,
    )
    return ours, theirs, ours_seeds, theirs_seeds


@pytest.mark.parametrize("row", ORDER_1, ids=name_of)
def test_gradient(row):
    compared = 0
    for sample in samples_of(row):
        for layout in (contiguous, transposed):
            call = Call(row, sample, layout=layout)
            ours, theirs, *_ = gradients_of(call, np.random.default_rng(1), layout)
            for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
                compare(a, b, row.rtol, row.atol, f"gradient {index} of {row.name} at {sample}")
                compared += 1
    assert compared, f"{row.name} says that it has derivatives, but no sample has any"


@pytest.mark.parametrize("row", [row for row in ROWS if row.order >= 2], ids=name_of)
def test_second_gradient(row):
    for sample in samples_of(row):
        call = Call(row, sample)
        rng = np.random.default_rng(2)
        ours, theirs, ours_seeds, theirs_seeds = gradients_of(call, rng)
        pairs = [(a, b) for a, b in zip(ours, theirs) if b.requires_grad]
        for a, _ in pairs:
            assert a.requires_grad, f"the gradient of {row.name} at {sample} was not recorded"
        if not pairs:
            continue
        directions = seeds_for(pairs, rng)
        second_ours = cnn_physics77.autograd.grad(
            [a for a, _ in pairs],
            [*call.ours_in, *ours_seeds],
            [cnn_physics77.from_numpy(np.array(d)) for d in directions],
            allow_unused=True,
            materialize_grads=True,
        )
        second_theirs = torch.autograd.grad(
            [b for _, b in pairs],
            [*call.theirs_in, *theirs_seeds],
            [torch.from_numpy(np.array(d)) for d in directions],
            allow_unused=True,
            materialize_grads=True,
        )
        for index, (a, b) in enumerate(zip(second_ours, second_theirs, strict=True)):
            compare(a, b, 10 * row.rtol, 10 * row.atol, f"second gradient {index} of {row.name} at {sample}")


@pytest.mark.parametrize("row", [row for row in ROWS if row.bad], ids=name_of)
def test_bad_call_is_refused(row):
    for sample in row.bad:
        args, kwargs = sample.convert(
            lambda v: (
                cnn_physics77.tensor(v.array if isinstance(v, Constant) else v)
                if isinstance(v, (np.ndarray, Constant))
                else v
            )
        )
        with pytest.raises(sample.error) as caught:
            row.ours()(*args, **kwargs)
        assert sample.message in str(caught.value), f"{row.name} at {sample}: {caught.value}"
        assert re.match(r"[\w.]+( \(.*?\))?: ", str(caught.value)), f"{row.name}: who says {caught.value}?"


def test_names_are_unique():
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))


WITHOUT_ROW = {
    # drawn at random: compared in distribution, in tests/core/operations/creation/test_random_sampling.py
    *("bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like"),
    *("randn", "randn_like", "randperm"),
    # values without meaning
    *("empty", "empty_like"),
    # they overwrite their input: compared in tests/core/operations/indexing/test_fill_resize.py
    *("conj_physical_", "resize_as_", "zero_"),
    # drawn at random, likewise, in tests/core/operations/nn/test_activation_random.py
    *("gumbel_softmax", "rrelu"),
    # they overwrite their input: compared in tests/core/operations/nn/test_activation_inplace.py
    *("celu_", "elu_", "hardtanh_", "leaky_relu_", "relu_", "rrelu_", "selu_", "threshold_"),
    # they warn: compared in tests/core/operations/nn/test_interpolate.py
    *("upsample", "upsample_bilinear", "upsample_nearest"),
    # names, not functions
    *("channels_last", "channels_last_3d", "contiguous_format", "memory_format", "preserve_format"),
    # they depend on memory: compared in tests/core/operations/indexing/test_view_scatter.py
    *("as_strided", "as_strided_copy", "as_strided_scatter"),
    # compared in tests/core/operations/sparse/test_sparse.py
    *("SparseTensor", "sparse_coo_tensor"),
    # compared through its inverse, view_as_real
    "view_as_complex",
}


def test_every_public_operation_has_a_row():
    with_row = {row.name.rpartition(".")[2] for row in ROWS}
    public = {
        name
        for module in pkgutil.walk_packages(operations.__path__, f"{operations.__name__}.")
        if ".base." not in module.name
        for name in getattr(importlib.import_module(module.name), "__all__", ())
    }
    assert public - with_row == WITHOUT_ROW
