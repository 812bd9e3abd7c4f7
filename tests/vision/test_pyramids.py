"""Feature pyramids, parts from the level that suits them, and squares that are left out. When written, all
agreed with torchvision 0.28.
"""

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.vision import ops
from cnn_physics77.vision.ops.feature_pyramid_network import ExtraFPNBlock, LastLevelMaxPool, LastLevelP6P7

F = ours.nn.functional
SIZES = {"a": (2, 4, 16, 20), "b": (2, 8, 8, 10), "c": (2, 16, 5, 5)}


def maps():
    numbers = np.random.default_rng(0)
    return {name: ours.tensor(numbers.normal(size=size)) for name, size in SIZES.items()}


@pytest.mark.parametrize("extra", [None, LastLevelMaxPool(), LastLevelP6P7(5, 5), LastLevelP6P7(16, 5)])
def test_a_pyramid_is_its_convolutions(extra):
    network = ops.FeaturePyramidNetwork([4, 8, 16], 5, extra).double()
    x, state = maps(), network.state_dict()
    found = network(x)

    def conv(image, name):
        weight = state[f"{name}.weight"]
        return F.conv2d(image, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    inner = [conv(image, f"inner_blocks.{i}.0") for i, image in enumerate(x.values())]
    for i in (1, 0):
        inner[i] = inner[i] + F.interpolate(inner[i + 1], inner[i].shape[-2:], mode="nearest")
    wanted = [conv(image, f"layer_blocks.{i}.0") for i, image in enumerate(inner)]
    names = ["a", "b", "c"]
    if isinstance(extra, LastLevelMaxPool):
        wanted, names = [*wanted, wanted[-1][..., ::2, ::2]], [*names, "pool"]
    elif extra is not None:
        first = extra.p6(wanted[-1] if extra.p6.in_channels == 5 else x["c"])
        wanted, names = [*wanted, first, extra.p7(first.relu())], [*names, "p6", "p7"]
    assert list(found) == names
    for a, b in zip(found.values(), wanted, strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-12, atol=1e-13)


def test_states_and_errors_of_pyramids():
    network = ops.FeaturePyramidNetwork([4, 8], 5)
    assert not any(value.any() for name, value in network.state_dict().items() if name.endswith("bias"))
    old = {name.replace(".0.weight", ".weight"): value for name, value in network.state_dict().items()}
    assert "inner_blocks.0.weight" in old
    again = ops.FeaturePyramidNetwork([4, 8], 5)
    again.load_state_dict(old)
    assert ours.equal(again.inner_blocks[0][0].weight, network.inner_blocks[0][0].weight)
    normal = ops.FeaturePyramidNetwork([4], 5, norm_layer=ours.nn.BatchNorm2d)
    assert "inner_blocks.0.1.running_mean" in normal.state_dict()
    with pytest.raises(ShapeError, match="FeaturePyramidNetwork: expected 2 maps, found 3"):
        network(maps())
    with pytest.raises(TypeError, match="extra_blocks should be of type ExtraFPNBlock, found ReLU"):
        ops.FeaturePyramidNetwork([4], 5, ours.nn.ReLU())
    with pytest.raises(ValueError, match="expected positive channels, found 0"):
        ops.FeaturePyramidNetwork([4, 0], 5)
    with pytest.raises(NotImplementedError, match="expected a class with forward"):
        ExtraFPNBlock()([], [], [])


def test_boxes_are_taken_from_the_level_that_suits_them():
    numbers = np.random.default_rng(1)
    x = {
        name: ours.tensor(numbers.normal(size=(2, 4, n, n)), requires_grad=True)
        for name, n in zip("abc", (80, 40, 20))
    }
    sides = np.array([10, 30, 70, 300, 60.0, 2])
    boxes = [ours.tensor([[3, 5, 3 + s, 5 + s] for s in part]).double() for part in (sides[:4], sides[4:])]
    pool = ops.MultiScaleRoIAlign(["a", "b", "c"], 3, 2, canonical_scale=100)
    found = pool(x, boxes, [(320, 320), (300, 310)])
    assert pool.scales == [0.25, 0.125, 0.0625]
    wanted = []
    for number, part in enumerate(boxes):
        for box in part:
            level = int(np.clip(np.floor(4 + np.log2(float(box[2] - box[0]) / 100) + 1e-6), 2, 4)) - 2
            row = ours.cat([ours.tensor([float(number)]).double(), box])[None]
            wanted.append(ops.roi_align(x["abc"[level]], row, 3, pool.scales[level], 2)[0])
    np.testing.assert_array_equal(found.detach(), ours.stack(wanted).detach())
    found.sum().backward()
    assert all(image.grad.any() for image in x.values())
    one = ops.MultiScaleRoIAlign(["b"], (2, 3), 2)
    assert one(x, boxes, [(320, 320)]).shape == (6, 4, 2, 3)
    assert repr(one) == "MultiScaleRoIAlign(featmap_names=['b'], output_size=(2, 3), sampling_ratio=2)"
    with pytest.raises(
        ValueError, match=r"expected maps \['d'\] and sizes of images, found maps \['a', 'b', 'c'\]"
    ):
        ops.MultiScaleRoIAlign(["d"], 3, 2)(x, boxes, [(320, 320)])
    assert pool(x, [part[:0] for part in boxes], [(320, 320)]).shape == (0, 4, 3, 3)


@pytest.mark.parametrize(("d", "kind"), [(2, ops.DropBlock2d), (3, ops.DropBlock3d)])
def test_squares_are_left_out(d, kind):
    x = ours.rand(2, 3, *(9, 10, 11)[:d], dtype=ours.float64) + 1
    layer = kind(0.2, 3)
    ours.manual_seed(4)
    found = layer(x)
    ours.manual_seed(4)
    centres = [n - 2 for n in x.shape[2:]]
    gamma = 0.2 * np.prod(x.shape[2:]) / (3**d * np.prod(centres))
    noise = ours.empty(2, 3, *centres, dtype=ours.float64).bernoulli_(gamma).numpy()
    kept = np.ones(x.shape)
    for place in np.argwhere(noise):
        kept[(*place[:2], *(slice(n, n + 3) for n in place[2:]))] = 0
    np.testing.assert_allclose(found, x.numpy() * kept * kept.size / (1e-6 + kept.sum()), rtol=1e-12)
    assert 0.05 < (kept == 0).mean() < 0.4 and layer.eval()(x) is x
    assert repr(layer) == f"DropBlock{d}d(p=0.2, block_size=3, inplace=False)"
    ours.manual_seed(4)
    changed = x.clone()
    assert kind(0.2, 3, inplace=True)(changed) is changed and ours.equal(changed, found)
    for wrong, match in ((kind(1.5, 3), "between 0 and 1"), (kind(0.5, 4), "should be odd")):
        with pytest.raises(ValueError, match=f"drop_block{d}d: .*{match}"):
            wrong(x)
    with pytest.raises(ShapeError, match=f"drop_block{d}d: expected {d + 2} dimensions"):
        kind(0.5, 3)(x[0])
