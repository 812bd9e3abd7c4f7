import copy
import pickle

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.nn import Buffer, Parameter


def test_a_parameter_is_a_leaf_on_the_same_memory():
    data = torch.zeros(3)
    with torch.no_grad():
        p = Parameter(data)
    assert p.requires_grad
    assert p.is_leaf
    assert p.array is data.array
    data.array[0] = 7
    assert p.tolist() == [7, 0, 0]
    assert not Parameter(data, requires_grad=False).requires_grad
    assert Parameter(data * 2).is_leaf


def test_empty_and_wrong_data():
    assert Parameter().shape == (0,)
    assert Buffer().shape == (0,)
    with pytest.raises(DtypeError, match=r"Parameter: expected a tensor, found list; use torch.tensor\(\)"):
        Parameter([1.0])
    with pytest.raises(DtypeError, match="floating point"):
        Parameter(torch.tensor([1]))


def test_copies():
    p = Parameter(torch.ones(2))
    (p * p).sum().backward()
    for copied in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(copied) is Parameter
        assert copied.requires_grad
        assert copied.grad is None
        assert not np.shares_memory(copied.array, p.array)


def test_results_of_operations_are_plain_tensors():
    assert type(Parameter(torch.ones(2)) * 2) is torch.Tensor
    assert repr(Parameter(torch.ones(1))) == "Parameter containing:\ntensor([1.], requires_grad=True)"
