"""Parametrizations that raise, or return what they may not: error and module afterwards are as PyTorch's."""

import copy

import pytest
import torch

import cnn_physics77 as ours

BOTH = pytest.mark.parametrize("T", [ours, torch])


def module_of(T, forward, right_inverse=None):
    """A parametrization made of two functions."""

    class Own(T.nn.Module):
        def forward(self, *tensors):
            return forward(*tensors)

    if right_inverse is not None:
        Own.right_inverse = lambda self, value: right_inverse(value)
    return Own()


def threes(T):
    layer = T.nn.Linear(1, 1, bias=False).double()
    with T.no_grad():
        layer.weight.fill_(3.0)
    return layer


def state_of(layer):
    state = {name: value.tolist() for name, value in layer.state_dict().items()}
    return type(layer).__name__, state, layer.weight.tolist()


def fails(*tensors):
    raise ArithmeticError("no value")


def has_none(value):
    raise NotImplementedError("no inverse")


HALVES = {"forward": lambda a, b: a + b, "right_inverse": lambda x: (x / 2, x / 2)}
DOUBLE = {"forward": lambda x: 2 * x, "right_inverse": has_none}

BAD = {
    "forward raises": (fails, None),
    "forward raises, with an inverse": (fails, lambda x: x / 3),
    "forward raises, with two originals": (fails, HALVES["right_inverse"]),
    "inverse raises": (lambda x: x, fails),
    "a number": (lambda x: 3, lambda x: x / 3),
    "another shape": (lambda x: x.repeat(2, 1), lambda x: x / 3),
    "inverse a number": (lambda x: x, lambda x: 3),
    "inverse a list with a number": (lambda x: x, lambda x: [x, 3]),
    "inverse of another dtype": (lambda x: x, lambda x: x.float()),
}


@pytest.mark.parametrize("first", [None, HALVES, DOUBLE], ids=["first", "after halves", "after double"])
@pytest.mark.parametrize("name", BAD)
def test_a_parametrization_that_is_refused_leaves_the_module_as_it_was(name, first):
    found = []
    for T in (ours, torch):
        parametrize = T.nn.utils.parametrize
        layer = threes(T)
        if first is not None:
            parametrize.register_parametrization(layer, "weight", module_of(T, **first))
        before, weight = state_of(layer), layer._parameters.get("weight")
        with pytest.raises((ArithmeticError, ValueError)) as raised:
            parametrize.register_parametrization(layer, "weight", module_of(T, *BAD[name]))
        after = state_of(layer)
        assert layer._parameters.get("weight") is weight
        if T is ours or not (
            first is None and BAD[name][1]
        ):  # torch's weight may become the inverse's result
            assert after == before
        found.append((raised.type, after[0], list(after[1])))
        parametrize.register_parametrization(layer, "weight", module_of(T, **DOUBLE))
        assert layer.weight.tolist() == [[2 * after[2][0][0]]]  # the layer is of use
    assert found[0] == found[1]


@BOTH
def test_an_inverse_that_is_not_implemented_is_the_identity(T):
    layer = threes(T)
    T.nn.utils.parametrize.register_parametrization(layer, "weight", module_of(T, **DOUBLE))
    assert layer.parametrizations.weight.original.tolist() == [[3]] and layer.weight.tolist() == [[6]]
    with pytest.raises(NotImplementedError, match="no inverse"):
        layer.weight = T.ones(1, 1).double()
    assert layer.weight.tolist() == [[6]]


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (fails, ArithmeticError, "no value"),
        (lambda x: (x, x.float()), ValueError, "dtype"),
        (lambda x: (x,), ValueError, "sequence of tensors of length 2. Got a sequence of length 1"),
        (lambda x: (x, 3), ValueError, "Got element 1 of .*type int"),
        (lambda x: x, ValueError, "Got Tensor"),
    ],
)
@BOTH
def test_a_wrong_inverse_of_an_assigned_value(T, wrong, error, text):
    """It returns halves at the first call."""
    inverses = iter([HALVES["right_inverse"], wrong])
    layer = threes(T)
    parametrization = module_of(T, HALVES["forward"], lambda x: next(inverses)(x))
    T.nn.utils.parametrize.register_parametrization(layer, "weight", parametrization)
    with pytest.raises(error, match=text):
        layer.weight = T.full((1, 1), 5.0).double()
    if T is ours:  # torch may have set the first original
        assert list(state_of(layer)[1].values()) == [[[1.5]], [[1.5]]]


def test_messages_of_refusals():
    cases = {
        (None, lambda x: [x, 3]): r"'right_inverse' must .*Got element 1 of the sequence with type int\.$",
        (
            None,
            lambda x: {x},
        ): r"must return a Tensor or a Sequence of tensors \(list, tuple...\)\. Got set\.$",
        (
            None,
            lambda x: x.float(),
        ): r"right_inverse may not .* tensor: expected torch.float64, found torch.float32$",
        (
            lambda x: x.float(),
            None,
        ): "a parametrization may not change the dtype of the tensor, unless the `unsafe`",
        (lambda x: 3, None): r"a parametrization must return a tensor\. Got int\.$",
    }
    for (forward, inverse), text in cases.items():
        with pytest.raises(ValueError, match=text):
            ours.nn.utils.parametrize.register_parametrization(
                threes(ours), "weight", module_of(ours, forward or (lambda x: x), inverse)
            )


@BOTH
def test_an_error_when_a_parametrized_tensor_is_read(T):
    parametrize, answers = (
        T.nn.utils.parametrize,
        iter([fails, lambda x: 2 * x, fails, fails, lambda x: 4 * x]),
    )
    layer = threes(T)
    parametrization = module_of(T, lambda x: next(answers)(x))
    parametrize.register_parametrization(layer, "weight", parametrization, unsafe=True)
    for expected in ([[6]], None):
        with pytest.raises(ArithmeticError), parametrize.cached():
            layer.weight.tolist()
        assert expected is None or layer.weight.tolist() == expected  # no value was kept
    with pytest.raises(ArithmeticError):
        parametrize.remove_parametrizations(layer, "weight")
    assert parametrize.is_parametrized(layer, "weight") and layer.weight.tolist() == [[12]]


@BOTH
def test_a_class_with_a_deep_copy_of_its_own_keeps_it(T):
    class Own(T.nn.Linear):
        def __deepcopy__(self, memo):
            return "copied"

    layer = T.nn.utils.parametrize.register_parametrization(Own(1, 1), "weight", module_of(T, **DOUBLE))
    assert copy.deepcopy(layer) == "copied"
