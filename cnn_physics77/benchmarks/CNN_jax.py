"""The networks of `cnn_physics77.core.model` as JAX has them: functions of parameters and images.

Parameters and buffers have the names and shapes of their counterpart's state_dict, so that weights can be
copied by name. Each function takes images (N, C, H, W) and returns logits, and the new buffers by name.
Inside, channels are the last axis: otherwise XLA's convolutions on a CPU are slower.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Arrays = dict[str, jax.Array]


def _convolution(x: Any, p: Arrays, name: str, stride: int = 1, padding: int = 0) -> Any:
    sides = [(padding, padding)] * 2
    y = lax.conv_general_dilated(
        x, p[f"{name}.weight"], (stride, stride), sides, dimension_numbers=("NHWC", "OIHW", "NHWC")
    )
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def _dense(x: Any, p: Arrays, name: str) -> Any:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def _max_pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _channels_last(images: Any) -> Any:
    return images.transpose(0, 2, 3, 1)


def _flat(x: Any) -> Any:
    """A row for each image, its pixels in the order of (C, H, W)."""
    return x.transpose(0, 3, 1, 2).reshape(len(x), -1)


def cnn(p: Arrays, buffers: Arrays, x: Any) -> tuple[Any, Arrays]:
    """Convolution - ReLU - dense - ReLU - dense."""
    x = jax.nn.relu(_convolution(_channels_last(x), p, "conv"))
    return _dense(jax.nn.relu(_dense(_flat(x), p, "fc1")), p, "fc2"), buffers


def mlp(p: Arrays, buffers: Arrays, x: Any) -> tuple[Any, Arrays]:
    """Dense layers with ReLU between them."""
    x = x.reshape(len(x), -1)
    names = [name.removesuffix(".weight") for name in p if name.endswith("weight")]
    for name in names:
        x = _dense(x, p, name)
        x = jax.nn.relu(x) if name != names[-1] else x
    return x, buffers


def lenet5(p: Arrays, buffers: Arrays, x: Any) -> tuple[Any, Arrays]:
    """LeNet-5 with ReLU and max pools."""
    x = _max_pool(jax.nn.relu(_convolution(_channels_last(x), p, "conv1", padding=2)))
    x = _max_pool(jax.nn.relu(_convolution(x, p, "conv2")))
    x = jax.nn.relu(_dense(_flat(x), p, "fc1"))
    return _dense(jax.nn.relu(_dense(x, p, "fc2")), p, "fc3"), buffers


def vgg(p: Arrays, buffers: Arrays, x: Any) -> tuple[Any, Arrays]:
    """Two stages of two 3x3 convolutions, each ended by a max pool, and two dense layers."""
    x = _channels_last(x)
    for first, second in ((0, 2), (5, 7)):
        for number in (first, second):
            x = jax.nn.relu(_convolution(x, p, f"features.{number}", padding=1))
        x = _max_pool(x)
    x = jax.nn.relu(_dense(_flat(x), p, "classifier.0"))
    return _dense(x, p, "classifier.2"), buffers


def _batch_norm(x: Any, p: Arrays, buffers: Arrays, name: str) -> Any:
    """By the batch's statistics; their running means, with a momentum of 0.1, replace those in `buffers`."""
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    count = x.size // len(mean)
    seen = {"running_mean": mean, "running_var": variance * (count / (count - 1))}
    for kind, value in seen.items():
        key = f"{name}.{kind}"
        buffers[key] = 0.9 * buffers[key] + 0.1 * value
    buffers[f"{name}.num_batches_tracked"] += 1
    scale = p[f"{name}.weight"] * lax.rsqrt(variance + 1e-5)
    return x * scale + (p[f"{name}.bias"] - mean * scale)


def resnet20(p: Arrays, buffers: Arrays, x: Any) -> tuple[Any, Arrays]:
    """ResNet-20 with shortcuts A: nine blocks of two 3x3 convolutions with batch norm."""
    new = dict(buffers)
    x = _convolution(_channels_last(x), p, "conv1", padding=1)
    x = jax.nn.relu(_batch_norm(x, p, new, "bn1"))
    for stage, block in ((stage, block) for stage in (1, 2, 3) for block in range(3)):
        name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
        y = _convolution(x, p, f"{name}.conv1", stride, padding=1)
        y = jax.nn.relu(_batch_norm(y, p, new, f"{name}.bn1"))
        y = _batch_norm(_convolution(y, p, f"{name}.conv2", padding=1), p, new, f"{name}.bn2")
        if stride > 1:
            extra = x.shape[3] // 2  # zeros for the channels that x lacks, as many on either side
            x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (extra, extra)))
        x = jax.nn.relu(x + y)
    return _dense(x.mean((1, 2)), p, "fc"), new


NETWORKS = {"CNN": cnn, "MLP": mlp, "LeNet5": lenet5, "VGG": vgg, "ResNet20": resnet20}
"""By the name of the class in `core.model`."""
