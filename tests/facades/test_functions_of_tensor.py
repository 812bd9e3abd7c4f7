"""Functions of ``torch`` that are methods of Tensor, and functions of numbers, against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77._late import OF_TENSOR

IN_PLACE = [name for name in OF_TENSOR.split() if name.endswith("_")]
ARGUMENTS = {
    "addmv_": lambda f: (f.ones(3, 2, dtype=f.float64), f.ones(2, dtype=f.float64)),
    "as_strided_": lambda f: ((2, 2), (1, 1)),
    "clamp_": lambda f: (0.4, 0.6),
    "clamp_max_": lambda f: (0.5,),
    "clamp_min_": lambda f: (0.5,),
    "clip_": lambda f: (0.5,),
    "fill_": lambda f: (2.0,),
    "gcd_": lambda f: (f.tensor([4, 6, 9]),),
    "index_put_": lambda f: ((f.tensor([0, 2]),), f.tensor([5.0, 6.0], dtype=f.float64)),
    "lcm_": lambda f: (f.tensor([4, 6, 9]),),
    "ldexp_": lambda f: (f.tensor([1, 2, 3]),),
    "xlogy_": lambda f: (f.tensor([1.0, 2.0, 3.0], dtype=f.float64),),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name):
    values = np.array([8, 9, 6]) if name in ("gcd_", "lcm_") else np.array([0.3, 0.7, 0.9])
    if name in ("acosh_", "arccosh_"):
        values = values + 1
    results = []
    for framework in (ours, torch):
        x = framework.tensor(values)
        assert getattr(framework, name)(x, *ARGUMENTS.get(name, lambda f: ())(framework)) is x
        results.append(x.numpy())
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_others():
    x = ours.ones(2, 3, requires_grad=True)
    assert not ours.detach(2 * x).requires_grad and not ours.detach_(2 * x).requires_grad
    assert ours.get_device(x) == torch.get_device(torch.ones(1)) == -1
    assert ours.is_same_size(x, ours.zeros(2, 3)) and not ours.is_same_size(x, ours.zeros(3, 2))
    assert not ours.is_inference(x) and not x.is_shared() and not x.is_nested and not x.is_pinned()
    with pytest.raises(TypeError, match=r"exp_: argument 'input' must be Tensor, not float"):
        ours.exp_(2.0)
    for call in (x.pin_memory, x.detach().bfloat16):
        with pytest.raises(RuntimeError):
            call()


def test_which_output():
    for framework in (ours, torch):
        x = framework.ones(2, 2, requires_grad=True)
        assert [x.output_nr, *(y.output_nr for y in (2 * x).unbind())] == [0, 0, 1]


def test_as_subclass():
    for framework in (ours, torch):

        class Mine(framework.Tensor):
            pass

        x = framework.ones(2, requires_grad=True)
        y = (2 * x).as_subclass(Mine)
        assert type(y) is Mine and y.requires_grad
        y.sum().backward()
        assert x.grad.tolist() == [2, 2]
        with pytest.raises(TypeError):
            x.as_subclass(int)


DTYPES = "bool uint8 int32 int64 float16 float32 float64 complex64"


def test_can_cast():
    for first in DTYPES.split():
        for second in DTYPES.split():
            assert ours.can_cast(getattr(ours, first), getattr(ours, second)) == torch.can_cast(
                getattr(torch, first), getattr(torch, second)
            )


@pytest.mark.filterwarnings("ignore:.*set_default_tensor_type")
def test_default_type_of_tensors():
    before = ours.get_default_dtype()
    try:
        for name in (ours.DoubleTensor, "torch.DoubleTensor"):
            ours.set_default_dtype(ours.float32)
            ours.set_default_tensor_type(name)
            assert ours.tensor(1.0).dtype is ours.float64
        with pytest.raises(TypeError):
            ours.set_default_tensor_type("torch.LongTensor")
    finally:
        ours.set_default_dtype(before)


def test_names_of_types():
    for given in ("torch.ones(2)", "torch.tensor([True])", "3", "int", "[1]", "print"):
        assert ours.typename(eval(given, {"torch": ours})) == torch.typename(eval(given, {"torch": torch}))


def test_inference_mode_is_told():
    def states(framework):
        told = framework.is_inference_mode_enabled
        found = [told()]
        with framework.inference_mode():
            found.append(told())
            with framework.no_grad():
                found.append(told())
            with framework.inference_mode(False):
                found.append(told())
        return [*found, told()]

    assert states(ours) == states(torch) == [False, True, True, False, False]


def test_numbers_and_branches():
    def results(f):
        return [
            *(f.sym_int(2.7), f.sym_float(2), f.sym_max(1, 2.0), f.sym_max(3.0, 2), f.sym_min(1, 2.0)),
            *(f.sym_not(True), f.sym_ite(True, 1, 2), f.sym_sqrt(4), f.sym_sum([1, 2])),
            f.is_autocast_enabled(),
            str(f.get_autocast_dtype("cpu")),
            str(f.get_autocast_dtype("cuda")),
            f.is_autocast_cache_enabled(),
        ]

    found, wanted = results(ours), results(torch)
    assert found == wanted and list(map(type, found)) == list(map(type, wanted))
    x = ours.tensor([1.0, 2.0], requires_grad=True)
    ours.cond(x.sum() > 0, lambda x, y: x * y, lambda x, y: x - y, (x, x.detach())).sum().backward()
    assert x.grad.tolist() == [1, 2]
    assert ours.cond(False, None, lambda: 3) == 3
    assert ours.while_loop(lambda i: i < 5, lambda i: i + 2, (0,)) == (6,)
