"""What modules inside of a model return."""

import copy

import pytest

import cnn_physics77 as ours
from cnn_physics77 import nn
from cnn_physics77.vision.models._utils import IntermediateLayerGetter
from cnn_physics77.vision.models.feature_extraction import create_feature_extractor


class Twice(nn.Module):
    """One activation is called twice, and what comes last fails."""

    def __init__(self):
        super().__init__()
        self.first, self.act, self.second = nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5)
        self.inner = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 5))
        self.never = nn.ReLU()

    def forward(self, x):
        x = self.act(self.second(self.act(self.first(x))))
        self.inner(x)
        raise RuntimeError("the end")


def test_results_of_modules():
    model, x = Twice().eval(), ours.rand(2, 3)
    extract = create_feature_extractor(model, {"act_1": "late", "act": "early", "inner.1": "last"})
    found = extract(x)
    early = model.first(x).tanh()
    late = model.second(early).tanh()
    assert list(found) == ["early", "late", "last"] and not extract.training
    for name, wanted in (("early", early), ("late", late), ("last", model.inner[1](late))):
        ours.testing.assert_close(found[name], wanted)
    found["last"].sum().backward()
    assert model.first.weight.grad is not None and extract.first.weight is model.first.weight
    assert list(extract.state_dict()) == list(model.state_dict())
    assert not any(module._forward_hooks for module in model.modules())
    assert list(create_feature_extractor(model, ["inner"])(x)) == ["inner"]
    with pytest.raises(RuntimeError, match="the end"):
        create_feature_extractor(model, ["act", "never"])(x)
    with pytest.raises(RuntimeError, match="the end"):
        create_feature_extractor(model, ["act_2"])(x)
    assert not any(module._forward_hooks for module in model.modules())


def test_it_has_what_the_model_itself_has():
    model = nn.Sequential(nn.Linear(3, 3))
    model.register_parameter("scale", nn.Parameter(ours.ones(3)))
    model.register_buffer("shift", ours.zeros(3))
    model.register_buffer("hidden", ours.zeros(3), persistent=False)
    extract = create_feature_extractor(model, ["0"])
    assert list(extract.state_dict()) == list(model.state_dict()) == ["scale", "shift", "0.weight", "0.bias"]
    extract.double()
    assert extract.scale is model.scale and model.scale.dtype == model.hidden.dtype == ours.float64
    again = copy.deepcopy(extract)
    again.shift.add_(1)
    assert again(ours.rand(1, 3).double())["0"].shape == (1, 3) and not model.shift.any()
    assert again._whole.shift is again.shift


def test_other_results_in_training():
    model, x = Twice(), ours.rand(2, 3)
    extract = create_feature_extractor(
        model, train_return_nodes=["act"], eval_return_nodes={"second": "b", "first": "a"}
    )
    assert list(extract(x)) == ["act"] and list(extract.eval()(x)) == ["a", "b"]
    assert not model.inner[0].training and not model.training


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (
            {"return_nodes": ["third"]},
            "expected the name of a module, found 'third', where there are act, first",
        ),
        ({"return_nodes": ["inner.7"]}, "found 'inner.7', where there are inner.0, inner.1"),
        ({"return_nodes": []}, "expected at least one name"),
        ({}, "expected return_nodes, or both"),
        ({"train_return_nodes": ["act"]}, "expected return_nodes, or both"),
        ({"return_nodes": ["act"], "eval_return_nodes": ["act"]}, "expected return_nodes, or both"),
    ],
)
def test_wrong_names(names, text):
    with pytest.raises(ValueError, match=f"create_feature_extractor: .*{text}"):
        create_feature_extractor(Twice(), **names)


def test_a_module_that_is_not_called():
    model = nn.Sequential(nn.Linear(3, 3))
    model[0].unused = nn.ReLU()
    with pytest.raises(ValueError, match=r"the model did not compute 0\.unused"):
        create_feature_extractor(model, ["0.unused"])(ours.rand(1, 3))


def test_children_up_to_the_last_wanted_one():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5), nn.ReLU())
    getter, x = IntermediateLayerGetter(model, {"2": "b", "0": "a"}), ours.rand(2, 3)
    found = getter(x)
    assert list(getter) == ["0", "1", "2"] and list(found) == ["a", "b"]
    ours.testing.assert_close(found["b"], model[2](model[1](model[0](x))))
    assert list(getter.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(ValueError, match="return_layers are not present in model"):
        IntermediateLayerGetter(model, {"7": "a"})
