"""What a program looks like: its table, its explanation, and its text for NumPy alone, which gives the same
bits."""

import os
import subprocess
import sys

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn, optim
from cnn_physics77.compile import CaptureError
from cnn_physics77.core.operations.base.operation import OPERATIONS, operation

F = nn.functional


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(67)


def captured(function, *args, times=4, **kwargs):
    compiled = torch.compile(function, fullgraph=True)
    for _ in range(times):
        compiled(*args, **kwargs)
    return compiled


def net():
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 2))


# ------------------------------------------------------------------------------------------------- the table


def test_the_table_of_a_function():
    program = captured(lambda x, y: (x + y).exp().sum(0), torch.ones(2, 3), torch.ones(3)).program
    lines = [line.split() for line in str(program).splitlines()]
    assert str(program).startswith("3 calls, ")
    assert lines[1] == ["NumPy", "operation", "shapes", "memory"]
    assert lines[2][:6] == ["0", "add", "add", "f[2,3]", "f[3]", "->"] and lines[2][7:9] == ["x", "y"]
    assert lines[2][-1].startswith("@") and lines[3][:3] == ["1", "exp", "exp"]
    assert lines[4][:6] == ["2", "add.reduce", "sum", "f[2,3]", "->", "f[3]"]


def test_the_table_of_a_module():
    model = captured(nn.Linear(4, 3), torch.ones(5, 4))
    text = str(model.program)
    forward, backward = text.split("\nforward\n")[1].split("\nbackward\n")
    assert "input weight -> @" in forward and "bias -> @" in forward
    assert "linear_weight_gradient" in backward and "gradient0" in backward and "gradient0" not in forward
    assert text.startswith(f"{len(forward.splitlines()) + len(backward.splitlines())} calls, ")


def test_guards_and_constants_in_the_table():
    text = str(captured(lambda x: x * np.arange(3.0) if x.sum() > 0 else x, torch.ones(3)).program)
    assert " bool " in text and "constant" in text


def test_names_of_several_modules():
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    text = str(captured(lambda x: b(a(x)), torch.ones(2, 3)).program)
    assert "Linear0.weight" in text and "Linear1.bias" in text


def test_names_of_nested_arguments():
    text = str(captured(lambda x, *, rest: x + rest["a"] + rest["b"][0], torch.ones(2), **REST).program)
    assert "x rest_a -> @" in text and "rest_b_0" in text


REST = {"rest": {"a": torch.ones(2), "b": (torch.ones(2),)}}


# ------------------------------------------------------------------------------------------------ in words


def test_an_explanation():
    model = torch.compile(net())
    assert torch.compile.explain(model) == "Sequential: 0 captures"
    x = torch.ones(2, 4)
    text = torch.compile.explain(model, x)
    assert text.startswith("Sequential: 1 capture\ncapture 1 (not compared with a call yet): ")
    model(x)
    lines = torch.compile.explain(model).splitlines()
    assert " forward + " in lines[1] and "not compared" not in lines[1]
    assert "  4 linear" in lines and "  1 tanh" in lines
    for part in (
        "gradients are recorded",
        "default dtype is torch.float32",
        "tensors lie where they did (4)",
    ):
        assert part in lines[-1]


def test_an_explanation_of_what_was_left():
    def f(x):
        return x * float(x.sum())

    compiled = torch.compile(f)
    with pytest.warns(RuntimeWarning, match="It runs eagerly"):
        text = torch.compile.explain(compiled, torch.ones(2))
    assert text.startswith(
        "f: 0 captures\n1 kind of calls run eagerly: item read a value, at test_listing.py:"
    )


def test_an_explanation_of_a_plain_function_and_of_a_decision():
    text = torch.compile.explain(lambda x: x if x.sum() > 0 else -x, torch.ones(2))
    assert text.startswith("<lambda>: 1 capture") and "values of the function decide as before (1)" in text
    assert "Linear: 1 capture" in torch.compile.explain(nn.Linear(2, 2), torch.ones(1, 2))


# --------------------------------------------------------------------------------------- for NumPy alone

RUN = """
import sys
import numpy as np
sys.path.insert(0, {folder!r})
import saved
assert "cnn_physics77" not in sys.modules
given = np.load({folder!r} + "/given.npz")
saved.load({{name: given[name] for name in given.files if name in saved.state}})
results = {{}}
{code}
for name, array in saved.state.items():
    results["state:" + name] = array
np.savez({folder!r} + "/results.npz", **results)
"""


def run_alone(tmp_path, program, given, code):
    """Run saved text in a process that has NumPy alone; what it gave."""
    program.save(tmp_path / "saved.py")
    np.savez(tmp_path / "given.npz", **given)
    script = RUN.format(folder=str(tmp_path), code=code)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, cwd=tmp_path, timeout=100)
    return np.load(tmp_path / "results.npz")


def equal_bits(a, b):
    assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == np.ascontiguousarray(b).tobytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_saved_step_of_training(tmp_path, kind, dtype):
    model = net().to(dtype)
    options = {"momentum": 0.9} if kind == "SGD" else {}
    optimizer = getattr(optim, kind)(model.parameters(), lr=0.1, **options)

    @torch.compile(fullgraph=True)
    def step(x, target):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss

    x, target = torch.randn(6, 5, 4).to(dtype), torch.randint(0, 2, (6, 5))
    for k in range(4):
        step(x[k], target[k])
    given = {name: t.numpy().copy() for name, t in model.state_dict().items()}
    program = step.program
    arrays = program.interface.arrays
    given |= {name: array.copy() for name, array in arrays.items() if name.startswith("optimizer")}
    position = torch.default_generator.position()
    given |= {"key": np.frombuffer(position.key, np.uint32), "next": np.array(position.next)}
    losses, numbers = [], []
    for k in (4, 5):
        losses.append(step(x[k], target[k]).detach().numpy())
        numbers.append(arrays["optimizer.0.numbers"].copy())
    code = """
class Numbers(np.random.Generator):
    def random(self, size):
        words = self.integers(0, 2**32, (*size, 2), np.uint32).astype(np.uint64)
        return ((words[..., 0] << np.uint64(32) | words[..., 1]) & np.uint64(2**53 - 1)) * 2.0**-53

bits = np.random.MT19937(0)
bits.state = {"bit_generator": "MT19937", "state": {"key": given["key"], "pos": int(given["next"])}}
rng = Numbers(bits)
for k in (0, 1):
    saved.state["optimizer.0.numbers"][:] = given["numbers"][k]
    loss, gradients = saved.step(given["x"][4 + k], given["target"][4 + k], rng)
    results[f"loss{k}"] = loss
results["gradient"] = gradients["0.weight.grad"]
"""
    given |= {"x": x.numpy(), "target": target.numpy(), "numbers": np.array(numbers)}
    results = run_alone(tmp_path, program, given, code)
    for k, loss in enumerate(losses):
        equal_bits(results[f"loss{k}"], loss)
    equal_bits(results["gradient"], model[0].weight.grad.numpy())
    for name, tensor in model.state_dict().items():
        equal_bits(results[f"state:{name}"], tensor.numpy())


def test_a_saved_module(tmp_path):
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 2))
    compiled = torch.compile(model, fullgraph=True)
    x = torch.randn(5, 30, 4)
    for k in range(4):
        compiled(x[k])
    given = {name: t.numpy().copy() for name, t in model.state_dict().items()}
    y = compiled(x[4])
    gradient = torch.randn(30, 2)
    y.backward(gradient)
    given |= {"x": x.numpy(), "gradient": gradient.numpy()}
    code = """
results["y"] = saved.forward(given["x"][4])
results |= saved.backward(given["gradient"])
"""
    results = run_alone(tmp_path, compiled.program, given, code)
    equal_bits(results["y"], y.detach().numpy())
    for name, p in model.named_parameters():
        equal_bits(results[name], p.grad.numpy())
    for name, tensor in model.state_dict().items():
        equal_bits(results[f"state:{name}"], tensor.numpy())
    text = (tmp_path / "saved.py").read_text()
    assert "# batch_norm" in text and "'1.running_mean': " in text


def test_a_saved_function_of_constants_and_decisions(tmp_path):
    table = np.arange(6.0).reshape(2, 3)

    @torch.compile(fullgraph=True)
    def f(x, class_):
        y = x.clone()
        y[:, 1:] = -1
        base = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        base.add_(x[0])
        big = torch.where(x > 0.5, x, float("inf"))
        if x.sum() > 0:
            return y * table + class_, x.to(torch.float32), big, x[:0], base
        return x, x, x, x, x

    x, offset = torch.rand(2, 3).double() + 0.1, torch.arange(3)
    for _ in range(4):
        expected = f(x, offset)
    code = """
saved.step(given["x"] + 1, given["c"])
for i, one in enumerate(saved.step(given["x"], given["c"])):
    results[str(i)] = one
try:
    saved.step(-given["x"], given["c"])
except saved.GuardFailed:
    results["failed"] = np.ones(1)
"""
    results = run_alone(tmp_path, f.program, {"x": x.numpy(), "c": offset.numpy()}, code)
    for i, one in enumerate(expected):
        if one.numel():
            equal_bits(results[str(i)], one.numpy())
    assert "failed" in results


def test_opaque_calls_are_not_saved(tmp_path):
    @operation(name="reads")
    def reads(x):
        return x * float(x.sum())

    try:
        program = captured(lambda x: reads(x), torch.ones(3)).program
        with pytest.raises(
            CaptureError, match=r"save: reads is no function of NumPy; a program that calls it"
        ):
            program.save(tmp_path / "saved.py")
        assert not (tmp_path / "saved.py").exists()
        assert "reads" in str(program)
        assert "reads reads a value: one call as a whole, 1 times" in torch.compile.explain(
            captured(lambda x: reads(x), torch.ones(3))
        )
    finally:
        del OPERATIONS["reads"]
