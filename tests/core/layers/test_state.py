"""What a subclass or a hook changes of how the state of a module is saved and loaded: as in PyTorch."""

from __future__ import annotations

import io

import pytest
import torch

import cnn_physics77 as ours


def both(function):
    return pytest.mark.parametrize("t", [ours, torch])(function)


@both
def test_a_subclass_saves_and_loads_its_own_part(t):
    versions = []

    class Renamed(t.nn.Linear):
        _version = 2

        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "kind"] = "renamed"

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            versions.append(local_metadata.get("version"))
            assert state_dict.pop(prefix + "kind", "renamed") == "renamed"
            if prefix + "w" in state_dict:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    net = t.nn.Sequential(Renamed(1, 1), t.nn.ReLU())
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0.kind"]
    net.load_state_dict(state)
    given = {"0.w": t.full((1, 1), 7.0), "0.bias": t.ones(1)}
    assert str(net.load_state_dict(given)) == "<All keys matched successfully>"
    assert net[0].weight.item() == 7 and versions == [2, None] and list(given) == ["0.w", "0.bias"]


@both
def test_a_part_that_passes_on_another_dict_loads_it(t):
    class Halved(t.nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *rest):
            super()._load_from_state_dict({k: v / 2 for k, v in state_dict.items()}, prefix, *rest)

    layer = Halved(1, 1)
    layer.load_state_dict({"weight": t.full((1, 1), 4.0), "bias": t.ones(1)})
    assert layer.weight.item() == 2 and layer.bias.item() == 0.5


@both
def test_hooks_of_saving_and_loading(t):
    layer, seen = t.nn.Linear(1, 1), []
    handles = [
        layer.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((m is layer, prefix, keep))),
        layer._register_state_dict_hook(lambda m, state, prefix, local: state.pop(prefix + "bias") and None),
        layer.register_load_state_dict_pre_hook(lambda m, state, prefix, *_: state.pop(prefix + "old")),
        layer._register_load_state_dict_pre_hook(lambda state, prefix, *_: seen.append(sorted(state))),
        layer.register_load_state_dict_post_hook(
            lambda m, keys: (
                seen.append((list(keys.missing_keys), m.weight.item())) or keys.missing_keys.clear()
            )
        ),
    ]
    assert list(t.nn.Sequential(layer).state_dict()) == ["0.weight"]
    layer.load_state_dict({"weight": t.full((1, 1), 3.0), "old": 0})
    assert seen == [(True, "0.", False), ["weight"], (["bias"], 3.0)]
    for handle in handles:
        handle.remove()
    assert list(layer.state_dict()) == ["weight", "bias"]
    with pytest.raises(RuntimeError, match="Missing"):
        layer.load_state_dict({"weight": t.ones(1, 1)})
    assert layer.weight.item() == 3 or t is torch


@both
def test_batch_norm_of_the_first_version_has_no_count(t):
    net = t.nn.Sequential(t.nn.BatchNorm1d(2))
    net(t.ones(3, 2))
    state = net.state_dict()
    net.load_state_dict({k: v for k, v in state.items() if "num" not in k})
    assert net[0].num_batches_tracked.item() == 1
    file = io.BytesIO()
    t.save(state, file)
    state = t.load(io.BytesIO(file.getvalue()))
    del state["0.num_batches_tracked"]  # of the second version, which has one
    with pytest.raises(RuntimeError, match="Missing"):
        net.load_state_dict(state)


@both
def test_a_scalar_is_loaded_from_a_vector_of_one_element(t):
    module = t.nn.Module()
    module.scale = t.nn.Parameter(t.zeros(()))
    module.load_state_dict({"scale": t.ones(1)})
    assert module.scale.shape == () and module.scale.item() == 1
