"""What both frameworks are given: drawn once, stored, read back by value, named by a hash."""

import hashlib

import numpy as np
import pytest

from cnn_physics77.benchmarks.process.shared_inputs import SharedInputs, digest, draw_order, draw_weights
from cnn_physics77.results import ParameterShape

SHAPES = [
    ParameterShape("conv.weight", [8, 1, 3, 3]),
    ParameterShape("fc1.weight", [128, 5408]),
    ParameterShape("fc1.bias", [128]),
    ParameterShape("norm.weight", [4]),
]


def test_weights_are_the_specifications():
    weights = draw_weights(SHAPES, seed=67)
    assert list(weights) == [shape.name for shape in SHAPES]
    assert all(value.dtype == np.float64 for value in weights.values())
    assert not weights["fc1.bias"].any() and (weights["norm.weight"] == 1).all()
    values = weights["fc1.weight"].ravel()  # 692,224 draws: mean within 5 sigma, sd within 0.5 %
    assert abs(values.mean()) < 5 * 0.01 / np.sqrt(values.size)
    assert values.std() == pytest.approx(0.01, rel=5e-3)


def test_deeper_networks_get_weights_that_learn():
    values = draw_weights(SHAPES, seed=67, model="VGG")["fc1.weight"]
    assert values.std() == pytest.approx(np.sqrt(2 / 5408), rel=5e-3)


def test_seeds_and_epochs_are_streams_of_their_own():
    first = draw_weights(SHAPES, seed=67)["conv.weight"]
    np.testing.assert_array_equal(first, draw_weights(SHAPES, seed=67)["conv.weight"])
    assert (first != draw_weights(SHAPES, seed=68)["conv.weight"]).all()
    orders = {digest(draw_order(100, seed, epoch)) for seed in (67, 68) for epoch in (1, 2)}
    assert len(orders) == 4
    np.testing.assert_array_equal(draw_order(100, 67, 1), draw_order(100, 67, 1))
    assert sorted(draw_order(100, 67, 1)) == list(range(100))


def test_digest_is_over_names_types_shapes_and_values():
    array = np.arange(4.0)
    expected = hashlib.sha256(b"a <f8 (4,)\n" + array.tobytes()).hexdigest()
    assert digest({"a": array}) == expected
    assert digest({"a": np.arange(8.0)[::2] / 2}) == expected  # strides do not matter
    others = [{"b": array}, {"a": array.astype("f4")}, {"a": array.reshape(2, 2)}, {"a": array + 1}]
    assert len({digest(other) for other in others} | {expected}) == 5
    assert digest({"a": array, "b": array}) == digest({"b": array, "a": array})
    assert digest({"a": np.zeros((0, 3))}) != digest({"a": np.zeros(0)})


def test_the_folder_gives_back_what_was_put(tmp_path):
    inputs = SharedInputs(tmp_path)
    name = inputs.write_weights(SHAPES, 67, "CNN")
    found = SharedInputs(tmp_path).read_weights(name)
    assert digest(found) == name == digest(draw_weights(SHAPES, 67))
    hash_of_order = inputs.write_order(50, 67, 3)
    assert digest(inputs.read_order(67, 3)) == hash_of_order


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_are_scaled_to_one(tmp_path, dtype):
    from types import SimpleNamespace

    images = np.arange(256, dtype=np.uint8).repeat(4).reshape(256, 1, 2, 2)
    labels = np.arange(256) % 10
    data = SimpleNamespace(
        train_images=images, train_labels=labels, test_images=images[::-1], test_labels=labels[::-1]
    )
    inputs = SharedInputs(tmp_path)
    inputs.write_data(data, train_size=200)
    scaled, found = inputs.read_data("train", dtype)
    assert scaled.dtype == dtype and len(scaled) == 200
    np.testing.assert_array_equal(scaled[:, 0, 0, 0], (np.arange(200) / np.array(255, dtype)).astype(dtype))
    np.testing.assert_array_equal(found, labels[:200])
    assert inputs.read_data("train", dtype)[0] is scaled  # read once
    assert inputs.read_data("test", dtype)[0][0].max() == 1
