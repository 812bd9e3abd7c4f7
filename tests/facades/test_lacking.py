"""What PyTorch has and the package lacks: it can be imported and named, and refuses where it is used."""

from __future__ import annotations

import copy
import importlib
import pickle
import types

import pytest

import cnn_physics77 as ours
from cnn_physics77 import nn

LACKING = """
accelerator.Graph utils.cpp_extension.load hub.load
utils.model_zoo.load_url nn.parallel.scatter_gather.scatter cuda.FloatTensor
distributed.ReduceOp fx.symbolic_trace futures.Future jit.load
autograd.profiler.profile export.export library.define masked.MaskedTensor nested.nested_tensor
overrides.handle_torch_function package.PackageExporter quantization.quantize_dynamic
onnx.export profiler.profile serialization.register_package distributed.rpc.init_rpc
distributed.optim.ZeroRedundancyOptimizer distributed.fsdp.FullyShardedDataParallel _C.Value
distributed.nn.all_reduce _dynamo.explain distributed.tensor.DTensor
distributed.device_mesh.init_device_mesh fx.node.Node fx.proxy.Proxy utils.data.dataloader._BaseDataLoaderIter
"""


@pytest.mark.parametrize("name", LACKING.split())
def test_what_is_lacking_is_imported_and_refuses(name):
    module, _, function = name.rpartition(".")
    found = getattr(importlib.import_module(f"cnn_physics77.{module}"), function)
    assert function in dir(importlib.import_module(f"cnn_physics77.{module}"))
    with pytest.raises(NotImplementedError, match=rf"^cnn_physics77 has no torch\.{name}: \w.*") as caught:
        found(3)
    assert "\n" not in str(caught.value)
    mine = types.new_class("Mine", (found, dict), {"named": 3})  # a library defines it and may not need it
    with pytest.raises(NotImplementedError, match=rf"no torch\.{name}: "):
        mine(4)
    assert not isinstance(3, found) and not issubclass(int, found)
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        importlib.import_module(f"cnn_physics77.{module}").no_such_name  # noqa: B018


def test_what_is_lacking_can_be_an_annotation():
    future = ours.futures.Future
    assert future[int] is future and (future | None) is future and (int | future) is future


def test_operations_of_the_dispatcher_can_be_named():
    with pytest.raises(NotImplementedError, match=r"torch.ops.aten.add_.Tensor: .* call torch.add$"):
        ours.ops.aten.add_.Tensor(3)
    assert not hasattr(ours.ops, "mine") and not hasattr(ours.ops.aten, "__path__")
    assert not hasattr(ours.ops.aten.add, "__wrapped__")


def test_a_class_derived_from_a_module_of_a_graph_is_a_module():
    class Mine(ours.fx.GraphModule):
        pass

    assert issubclass(Mine, nn.Module)
    with pytest.raises(
        NotImplementedError, match=r"^cnn_physics77 has no torch\.fx\.GraphModule: there is no"
    ):
        Mine(nn.Linear(1, 1), None)


def test_what_is_lacking_can_be_copied():
    for lacking in (ours.onnx.export, ours.ops.aten.clone.default):
        for copied in (copy.deepcopy(lacking), pickle.loads(pickle.dumps(lacking))):
            assert repr(copied) == repr(lacking)


def test_what_is_lacking_has_no_attributes():
    from cnn_physics77.vision import models

    with pytest.raises(NotImplementedError, match=r"no torchvision.models.VGG16_Weights: nothing is down"):
        models.VGG16_Weights.DEFAULT  # noqa: B018
