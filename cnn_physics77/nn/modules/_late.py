"""The layers that are imported when they are first asked for.

Each file here is the facade of one file of :mod:`cnn_physics77.core.layers`. Where its name is not one of
PyTorch's, PyTorch's module has the names too.
"""

from __future__ import annotations

_NAMES = {
    "activation_random": "RReLU",
    "adaptive": "AdaptiveLogSoftmaxWithLoss",
    "attention": "MultiheadAttention",
    "bilinear": "Bilinear",
    "channelshuffle": "ChannelShuffle",
    "embedding_bag": "EmbeddingBag",
    "lazy": """
        LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d
        LazyConvTranspose2d LazyConvTranspose3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d
        LazyLinear
    """,
    "linear_cross_entropy": "LinearCrossEntropyLoss LinearCrossEntropyOptions",
    "local_response_norm": "CrossMapLRN2d LocalResponseNorm",
    "loss_ctc": "CTCLoss",
    "loss_margin": """
        CosineEmbeddingLoss HingeEmbeddingLoss MarginRankingLoss MultiLabelMarginLoss
        MultiLabelSoftMarginLoss MultiMarginLoss SoftMarginLoss TripletMarginLoss
        TripletMarginWithDistanceLoss
    """,
    "pixelshuffle": "PixelShuffle PixelUnshuffle",
    "pooling_rare": "FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d",
    "rnn": "GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
    "sync_batchnorm": "SyncBatchNorm",
    "transformer": """
        Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer
    """,
    "upsampling": "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
}


def layers(*files: str) -> dict[str, str]:
    """The module of each layer of some files, or of all.

    >>> layers("channelshuffle")
    {'ChannelShuffle': 'cnn_physics77.nn.modules.channelshuffle'}
    """
    package = __name__.rpartition(".")[0]
    return {name: f"{package}.{file}" for file in files or _NAMES for name in _NAMES[file].split()}


def lazy_layers(kind: str) -> dict[str, str]:
    """The module of each lazy layer of one kind: PyTorch has them beside their counterparts.

    >>> lazy_layers("Linear")
    {'LazyLinear': 'cnn_physics77.nn.modules.lazy'}
    """
    return {name: module for name, module in layers("lazy").items() if kind in name}
