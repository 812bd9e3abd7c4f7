"""Grouped convolution: each group is a convolution of slices of the channels, by the algorithm that fits it.

Real or complex images of two spatial dimensions, any number of groups.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cnn_physics77.core.kernels.convolution.algorithm import Algorithm, Problem
from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes


def _groups(shapes: ConvolutionShapes) -> tuple[ConvolutionShapes, list[tuple[slice, slice]]]:
    """The sizes of one group, and the slices of channels in and out of each."""
    incoming, outgoing = shapes.in_channels // shapes.groups, shapes.out_channels // shapes.groups
    one = replace(shapes, in_channels=incoming, out_channels=outgoing, groups=1)
    slices = [
        (slice(i * incoming, (i + 1) * incoming), slice(i * outgoing, (i + 1) * outgoing))
        for i in range(shapes.groups)
    ]
    return one, slices


def applies(problem: Problem) -> bool:
    return problem.is_planar and problem.shapes.groups > 1


def cost(problem: Problem) -> float:
    """Infinite for groups of one channel: they are too many to take them one by one."""
    return float("inf") if problem.shapes.in_channels == problem.shapes.groups else 0.0


def by_group(forward_map: Callable, input_gradient_map: Callable, weight_gradient_map: Callable) -> Algorithm:
    """The algorithm, made of the three maps with which it runs each group."""

    def forward(
        x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, bias: np.ndarray | None
    ) -> np.ndarray:
        one, slices = _groups(shapes)
        y = np.empty((shapes.batch, *shapes.output_size, shapes.out_channels), x.dtype, like=x).transpose(
            0, 3, 1, 2
        )
        for incoming, outgoing in slices:
            part_bias = None if bias is None else bias[outgoing]
            y[:, outgoing] = forward_map(x[:, incoming], weight[outgoing], one, part_bias)
        return y

    def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
        one, slices = _groups(shapes)
        gradient = np.empty((shapes.batch, *shapes.input_size, shapes.in_channels), g.dtype, like=g)
        gradient = gradient.transpose(0, 3, 1, 2)
        for incoming, outgoing in slices:
            gradient[:, incoming] = input_gradient_map(g[:, outgoing], weight[outgoing], one)
        return gradient

    def weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
        one, slices = _groups(shapes)
        return np.concatenate(
            [weight_gradient_map(g[:, outgoing], x[:, incoming], one) for incoming, outgoing in slices]
        )

    maps = forward, input_gradient, weight_gradient
    return Algorithm("by_group", applies, cost, *maps, pads=())  # the algorithms of the groups may
