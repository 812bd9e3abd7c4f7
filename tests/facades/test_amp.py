"""Automatic mixed precision: scripts written for it run, without it."""

import warnings

import pytest
import torch

import cnn_physics77 as ours


@pytest.mark.needs_torch
@pytest.mark.parametrize(
    "arguments", [("cuda",), ("cpu", "float32"), ("cpu", None, False), ("cuda", "float16", False)], ids=str
)
def test_autocast_does_nothing_and_warns_where_pytorch_does(arguments):
    device, *rest = arguments
    warned = []
    for module in (ours, torch):
        options = dict(zip(("dtype", "enabled"), rest))
        if options.get("dtype"):
            options["dtype"] = getattr(module, options["dtype"])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            context = module.autocast(device, **options)
        warned.append([w.category for w in caught])
        with context:
            product = module.ones(2, 2) @ module.ones(2, 2)
        assert product.dtype == module.float32
        assert context(lambda x: x + 1)(1) == 2
    assert warned[0] == warned[1]


def test_autocast_and_scaling_on_the_cpu_are_refused():
    for dtype in (None, ours.float16):
        with pytest.raises(RuntimeError, match=r"^autocast: expected enabled=False on the CPU, found dtype"):
            ours.autocast("cpu", dtype=dtype)
    with pytest.raises(RuntimeError, match="GradScaler: expected enabled=False"):
        ours.GradScaler("cpu")


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.needs_torch
def test_a_script_with_a_grad_scaler_runs_as_in_pytorch():
    losses = []
    for module in (ours, torch):
        p = module.nn.Parameter(module.ones(2, dtype=module.float64))
        optimizer = module.optim.SGD([p], lr=0.1)
        with pytest.warns(UserWarning, match="is enabled, but"):
            scaler = module.cuda.amp.GradScaler()
        for _ in range(3):
            optimizer.zero_grad()
            with module.cuda.amp.autocast(enabled=False):
                loss = (p**2).sum()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
        losses.append(loss.item())
        assert scaler.state_dict() == {} and scaler.get_scale() == 1 and not scaler.is_enabled()
        scaler.load_state_dict({})
    assert losses[0] == losses[1]


def test_custom_functions_under_amp():
    class Double(ours.autograd.Function):
        @staticmethod
        @ours.amp.custom_fwd(device_type="cuda")
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        @ours.cuda.amp.custom_bwd
        def backward(ctx, g):
            return 2 * g

    x = ours.ones(2, requires_grad=True)
    Double.apply(x).sum().backward()
    assert x.grad.tolist() == [2, 2]
