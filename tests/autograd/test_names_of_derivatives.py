"""``grad_fn`` says what PyTorch's says, so that tensors have its text."""

from __future__ import annotations

import pytest
import torch

import cnn_physics77 as ours

CALLS = {
    "linear": lambda t, x: t.nn.functional.linear(x, x, x[0]),
    "cross_entropy": lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([0, 1, 1])),
    "nll_loss": lambda t, x: t.nn.functional.nll_loss(x, t.tensor([0, 1, 1])),
    "nll_loss of images": lambda t, x: t.nn.functional.nll_loss(x[None], t.tensor([[0, 1, 1]])),
    "cross_entropy of images": lambda t, x: t.nn.functional.cross_entropy(x[None], t.tensor([[0, 1, 1]])),
    "smoothed": lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([0, 1, 1]), label_smoothing=0.1),
    "mse_loss": lambda t, x: t.nn.functional.mse_loss(x, x.detach()),
    "l1_loss": lambda t, x: t.nn.functional.l1_loss(x, x.detach()),
    "smooth_l1_loss": lambda t, x: t.nn.functional.smooth_l1_loss(x, x.detach(), reduction="none"),
    "huber_loss": lambda t, x: t.nn.functional.huber_loss(x, x.detach()),
    "soft_margin_loss": lambda t, x: t.nn.functional.soft_margin_loss(x, x.detach(), reduction="sum"),
    "multi_margin_loss": lambda t, x: t.nn.functional.multi_margin_loss(x, t.tensor([0, 1, 1])),
    "bce": lambda t, x: t.nn.functional.binary_cross_entropy(x / 3, x.detach() / 3, x.detach()),
    "bce with logits": lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(x, x.detach() / 3),
    "sum": lambda t, x: x.sum(),
    "sum of rows": lambda t, x: x.sum(1),
    "mean": lambda t, x: x.mean(),
    "mean of columns": lambda t, x: x.mean(dim=(0,), keepdim=True),
    "mm": lambda t, x: x @ x,
    "bmm": lambda t, x: t.bmm(x[None], x[None]),
    "matmul": lambda t, x: t.matmul(x[None], x),
    "mv": lambda t, x: x @ x[0],
    "dot": lambda t, x: x[0] @ x[1],
    "vector by matrix": lambda t, x: x[0] @ x,
    "number - x": lambda t, x: 1 - x,
    "std": lambda t, x: x.std(),
    "norm": lambda t, x: x.norm(),
    "row": lambda t, x: x[0],
    "column": lambda t, x: x[:, 0],
    "part of a row": lambda t, x: x[0, :2],
    "rows": lambda t, x: x[1:],
    "all": lambda t, x: x[:],
    "all by bounds": lambda t, x: x[0:3, :9],
    "all by a negative bound": lambda t, x: x[:, -3:],
    "all in a new dimension": lambda t, x: x[None, 0:3],
    "new dimension": lambda t, x: x[..., None],
    "chosen rows": lambda t, x: x[[0, 2]],
    "mask": lambda t, x: x[x > 1],
    "view": lambda t, x: x.view(9),
    "flatten": lambda t, x: x.flatten(),
    "unsqueeze": lambda t, x: x.unsqueeze(0),
    "squeeze": lambda t, x: x[:, :1].squeeze(),
    "squeeze a dimension": lambda t, x: x[:, :1].squeeze(1),
    "squeeze dimensions": lambda t, x: x[:, :1].squeeze((0, 1)),
    "transpose": lambda t, x: x.transpose(0, 1),
    "t": lambda t, x: x.t(),
    "permute": lambda t, x: x.permute(1, 0),
    "select": lambda t, x: x.select(1, 0),
    "max": lambda t, x: x.max(),
    "max of rows": lambda t, x: x.max(1)[0],
    "min of columns": lambda t, x: x.min(0, keepdim=True).values,
    "to": lambda t, x: x.to(t.float32),
    "pad": lambda t, x: t.nn.functional.pad(x, (1, 2)),
    "windows": lambda t, x: x.unfold(0, 2, 1),
    "im2col": lambda t, x: t.nn.functional.unfold(x[None, None], 2),
    "col2im": lambda t, x: t.nn.functional.fold(x[None, :, :1], (1, 1), 1),
    "max_pool2d": lambda t, x: t.nn.functional.max_pool2d(x[None, None], 2),
    "avg_pool2d": lambda t, x: t.nn.functional.avg_pool2d(x[None, None], 2),
    "adaptive_avg_pool2d": lambda t, x: t.nn.functional.adaptive_avg_pool2d(x[None, None], 2),
    "conv_transpose2d": lambda t, x: t.nn.functional.conv_transpose2d(x[None, None], x[None, None]),
    "batch_norm": lambda t, x: t.nn.functional.batch_norm(x, None, None, training=True),
    "layer_norm": lambda t, x: t.nn.functional.layer_norm(x, (3,)),
    "group_norm": lambda t, x: t.nn.functional.group_norm(x[None], 1),
    "dropout": lambda t, x: t.nn.functional.dropout(x, 0.5),
    "logsigmoid": lambda t, x: t.nn.functional.logsigmoid(x),
    "log1p": lambda t, x: x.log1p(),
    "square": lambda t, x: x.square(),
    "diag_embed": lambda t, x: x.diag_embed(),
    "fft": lambda t, x: t.fft.rfft(x),
    "cholesky": lambda t, x: t.linalg.cholesky(x),
    "eigvalsh": lambda t, x: t.linalg.eigvalsh(x),
    "svdvals": lambda t, x: t.linalg.svdvals(x),
    "qr": lambda t, x: t.linalg.qr(x)[0],
    "det": lambda t, x: t.linalg.det(x),
    "inv": lambda t, x: t.linalg.inv(x),
    "pinv": lambda t, x: t.linalg.pinv(x),
    "slogdet": lambda t, x: t.linalg.slogdet(x)[1],
    "solve": lambda t, x: t.linalg.solve(x, x),
    "solve_triangular": lambda t, x: t.linalg.solve_triangular(x, x, upper=True),
}


@pytest.mark.parametrize("name", CALLS)
def test_name(name):
    found = [
        CALLS[name](t, (2 * t.eye(3, dtype=t.float64) + 0.1).requires_grad_()).grad_fn.name()
        for t in (ours, torch)
    ]
    assert found[0] == found[1]
