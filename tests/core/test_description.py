"""What a tensor says of itself: device, layout, counts."""

import copy
import pickle
from itertools import product

import pytest
import torch

import cnn_physics77 as ours

SAID = [
    "is_cpu",
    "is_cuda",
    "is_meta",
    "is_mps",
    "is_quantized",
    "is_sparse",
    "is_xpu",
    "ndim",
    "itemsize",
    "nbytes",
    "dim()",
    "ndimension()",
    "numel()",
    "nelement()",
    "element_size()",
    "stride()",
    "get_device()",
    "is_complex()",
    "is_floating_point()",
    "is_signed()",
]
DTYPES = [
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
]


def asked(tensor, question):
    value = getattr(tensor, question.removesuffix("()"))
    return value() if question.endswith("()") else value


@pytest.mark.parametrize("question", SAID)
def test_answers_are_pytorchs(question):
    shapes = [(), (0, 3), (2, 3, 4), (2, 0, 10**9)]
    for dtype, shape in product(DTYPES, shapes):
        mine, theirs = (asked(t.zeros(shape, dtype=getattr(t, dtype)), question) for t in (ours, torch))
        assert mine == theirs and type(mine) is type(theirs), (dtype, mine, theirs)


@pytest.mark.parametrize("name", ["numel", "is_complex", "is_floating_point", "is_signed"])
def test_functions_ask_tensors_alone(name):
    for dtype in DTYPES:
        mine, theirs = (getattr(t, name)(t.zeros(2, 3, dtype=getattr(t, dtype))) for t in (ours, torch))
        assert mine == theirs
    for t in (ours, torch):
        with pytest.raises(TypeError, match=r"argument 'input'.* must be Tensor, not float"):
            getattr(t, name)(2.0)


@pytest.mark.parametrize("t", [ours, torch])
def test_the_device_is_handed_on(t):
    x = t.ones(2, requires_grad=True)
    places = [x.device, (x * 2).device, t.nn.Linear(1, 1).weight.device, x.detach().int().device]
    assert places == [t.device("cpu")] * 4
    assert str(x.device) == "cpu" and repr(x.device) == "device(type='cpu')"
    assert x.to(x.device) is x and x.cpu() is x
    for y in (t.zeros(2, device=x.device), t.tensor([1.0], device=x.device), t.rand(2, device="cpu")):
        assert y.device == x.device and y.device.index is None
    assert pickle.loads(pickle.dumps(x.device)) == copy.deepcopy(x.device) == x.device


@pytest.mark.parametrize("t", [ours, torch])
def test_the_layout_is_strided(t):
    assert t.ones(2).layout is t.strided and isinstance(t.strided, t.layout)
    assert repr(t.strided) == "torch.strided"
    assert pickle.loads(pickle.dumps(t.strided)) is copy.deepcopy(t.strided) is t.strided


ELSEWHERE = {
    "cuda": lambda t: t.ones(2).cuda(),
    "cuda(0)": lambda t: t.ones(2).cuda(0),
    "to('cuda')": lambda t: t.ones(2).to("cuda"),
    "to(device)": lambda t: t.ones(2).to(t.device("cuda:0"), t.float64),
    "to(device=)": lambda t: t.ones(2).to(device="cuda"),
    "tensor": lambda t: t.tensor(1.0, device="cuda"),
    "tensor of no kind": lambda t: t.tensor(1.0, device="bogus"),
    "as_tensor": lambda t: t.as_tensor([1.0], device="cuda"),
    "zeros": lambda t: t.zeros(2, device="cuda:1"),
    "zeros_like": lambda t: t.zeros_like(t.zeros(2), device="cuda"),
    "new_tensor": lambda t: t.ones(2).new_tensor([1.0], device="cuda"),
    "new_zeros": lambda t: t.ones(2).new_zeros(2, device="cuda"),
    "randperm": lambda t: t.randperm(3, device="cuda"),
    "Linear": lambda t: t.nn.Linear(2, 2, device="cuda"),
    "Module.to": lambda t: t.nn.Linear(2, 2).to("cuda"),
    "Module.cuda": lambda t: t.nn.Linear(2, 2).cuda(),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_other_devices_are_refused(name):
    """As in a PyTorch without CUDA, by one of the errors that it raises."""
    with pytest.raises((AssertionError, RuntimeError)):
        ELSEWHERE[name](torch)
    for kind in (AssertionError, RuntimeError):
        with pytest.raises(kind) as error:
            ELSEWHERE[name](ours)
    text = str(error.value)
    assert "expected the device 'cpu', found '" in text and "leave it out" in text and "\n" not in text


@pytest.mark.parametrize("t", [ours, torch])
def test_a_device_is_a_context_and_cannot_be_changed(t):
    with t.device("cpu") as place:
        assert t.ones(1).device == place
    for name in ("type", "index"):
        with pytest.raises(AttributeError, match="not writable"):
            setattr(t.ones(1).device, name, "cuda")
    with pytest.raises(RuntimeError, match="index must not be negative"):
        t.device("cpu", -1)
    place = t.device("cuda", 1)
    assert copy.copy(place) == copy.deepcopy(place) == pickle.loads(pickle.dumps(place)) == place


def test_another_device_is_no_context():
    with pytest.raises(RuntimeError, match="expected the device 'cpu'"), ours.device("cuda:0"):
        pass
