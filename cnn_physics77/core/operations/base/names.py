"""What PyTorch calls the derivatives of operations that have another name here."""

from __future__ import annotations

from cnn_physics77.core.autograd import Node, node_of
from cnn_physics77.core.tensor import Tensor

PYTORCHS = {
    "adaptive_average_pool": "AdaptiveAvgPool2D",
    "average_pool": "AvgPool2D",
    "batch_norm": "NativeBatchNorm",
    "cast": "ToCopy",
    "cholesky": "LinalgCholeskyEx",
    "convolution_input_gradient": "Convolution",
    "cross_entropy": "NllLoss",
    "ctc": "CtcLoss",
    "det": "LinalgDet",
    "dropout": "Mul",
    "eig": "LinalgEig",
    "eigh": "LinalgEigh",
    "fft_c2c": "FftC2C",
    "fft_c2r": "FftC2R",
    "fft_r2c": "FftR2C",
    "fold": "Col2Im",
    "group_norm": "NativeGroupNorm",
    "inv": "LinalgInvEx",
    "layer_norm": "NativeLayerNorm",
    "linear": "Addmm",
    "log1p": "Log1P",
    "logsigmoid": "LogSigmoid",
    "matmul": "Mm",
    "max_pool": "MaxPool2DWithIndices",
    "nll": "NllLoss",
    "pad": "ConstantPadNd",
    "pick": "Index",
    "pinv": "LinalgPinv",
    "put_diagonal": "DiagEmbed",
    "qr": "LinalgQr",
    "reshape": "View",
    "sliding_windows": "Unfold",
    "slogdet": "LinalgSlogdet",
    "solve": "LinalgSolveEx",
    "solve_triangular": "LinalgSolveTriangular",
    "square": "Pow",
    "svd": "LinalgSvd",
    "unfold": "Im2Col",
}
"""What PyTorch calls operations that have another name here. One that stands for several has the name of the
most frequent: of two dimensions, and with a bias."""


def named(result: Tensor, name: str) -> Tensor:
    """The result; its ``grad_fn``, the last of its operations, has PyTorch's name: "MseLossBackward0", say.

    The result is new: not an input that is returned as it is.
    """
    if result.edge is not None:
        node = node_of(result.edge)
        if isinstance(node, Node):
            node.title = name
    return result


__all__ = ["PYTORCHS", "named"]
