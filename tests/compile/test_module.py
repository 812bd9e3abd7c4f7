"""Compiled modules against the eager ones, in float64.

The first three calls of a kind run the forward in Python (as always, captured, compared), later ones do not:
``calls`` counts them.
"""

import copy
import pickle

import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn, optim
from cnn_physics77.compile import OptimizedModule
from tests.compile.modules import EAGER_CALLS, Calls, Counted, mlp, same, same_gradients, same_state, two

F = nn.functional


pytestmark = pytest.mark.usefixtures("in_double")


def train(model, batches, make_optimizer, after=None):
    torch.manual_seed(5)
    optimizer = make_optimizer(model.parameters())
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if after is not None:
            after(model)
    return losses


def batches(count, *shape, classes=3, size=40):
    return [(torch.randn(size, *shape), torch.randint(0, classes, (size,))) for _ in range(count)]


MODELS = {
    "linear": (mlp, (6,)),
    "dropout": (lambda: Counted(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)), (6,)),
    "dropout of any p": (lambda: Counted(nn.Linear(6, 8), nn.Dropout(0.3), nn.Linear(8, 3)), (6,)),
    "batch norm": (lambda: Counted(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)), (6,)),
    "convolution": (
        lambda: Counted(
            nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
        ),
        (2, 8, 8),
    ),
    "layer norm": (lambda: Counted(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)), (6,)),
    "in place": (lambda: Counted(nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Linear(8, 3)), (6,)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_training(name, optimizer):
    make, shape = MODELS[name]
    eager, compiled = two(make)
    data = batches(7, *shape)
    losses = [
        train(model, data, lambda p: getattr(optim, optimizer)(p, lr=0.05)) for model in (eager, compiled)
    ]
    same(*losses)
    same_gradients(eager, compiled)
    same_state(eager, compiled)
    assert len(compiled.calls) == EAGER_CALLS and len(eager.calls) == 7


def test_dropout_leaves_the_generator_where_the_eager_call_does():
    eager, compiled = two(MODELS["dropout"][0])
    positions = []
    for model in (eager, compiled):
        train(model, batches(1, 6) * 6, lambda p: optim.SGD(p, lr=0.1))
        positions.append(torch.rand(2))
    same(*positions)


def test_batch_norm_counts_each_batch_once():
    eager, compiled = two(MODELS["batch norm"][0])
    for model in (eager, compiled):
        for _ in range(6):
            model(torch.arange(24.0).reshape(4, 6).sin())
    assert compiled.body[1].num_batches_tracked.item() == 6
    same_state(eager, compiled)


def test_train_and_eval():
    eager, compiled = two(lambda: Counted(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)))
    x = torch.randn(5, 6)
    for mode in [True, False] * 5:
        results = []
        for model in (eager, compiled):
            torch.manual_seed(1)
            assert model.train(mode).training is mode
            y = model(x)
            y.sum().backward()
            results.append(y)
        same(*results)
    assert compiled._orig_mod.training is False
    same_gradients(eager, compiled)
    same_state(eager, compiled)
    assert len(compiled.calls) == 5


def test_without_gradients():
    eager, compiled = two(mlp)
    for k in range(6):
        x = torch.randn(4, 6)
        x.requires_grad_(k % 2 == 0)
        with torch.no_grad():
            y = compiled(x)
            assert not y.requires_grad
            same(eager(x), y)
    for _ in range(6):
        with torch.inference_mode():
            same(eager(x), compiled(x))
    assert len(compiled.calls) == 2 * EAGER_CALLS


def test_no_grad_and_grad_in_turn():
    eager, compiled = two(mlp)
    for _ in range(6):
        x = torch.randn(4, 6)
        for model in (eager, compiled):
            with torch.no_grad():
                model(x)
            model(x).square().sum().backward()
    same_gradients(eager, compiled)
    assert len(compiled.calls) == 2 * EAGER_CALLS


def test_changing_shapes():
    eager, compiled = two(mlp)
    data = [b for _ in range(5) for b in (*batches(2, 6, size=5), *batches(1, 6, size=2))]
    same(*(train(model, data, lambda p: optim.SGD(p, lr=0.1)) for model in (eager, compiled)))
    assert len(compiled.calls) == 2 * EAGER_CALLS


def test_the_gradient_of_the_input():
    eager, compiled = two(mlp)
    for k in range(6):
        x = torch.randn(4, 6)
        found = []
        for model in (eager, compiled):
            leaf = x.clone().requires_grad_()
            result = (leaf * k) if k % 2 else leaf  # a result on the way, and a leaf
            model(result).square().sum().backward()
            found.append(leaf.grad)
        same(*found)
    same_gradients(eager, compiled)
    assert len(compiled.calls) == EAGER_CALLS


def test_a_module_between_eager_ones():
    first, last = nn.Linear(5, 6), nn.Linear(3, 2)
    eager, compiled = two(mlp)
    for _ in range(5):
        x = torch.randn(4, 5)
        grads = []
        for model in (eager, compiled):
            first.zero_grad(), last.zero_grad()
            last(model(first(x))).square().sum().backward()
            grads += [torch.cat([p.grad.ravel() for p in (*first.parameters(), *last.parameters())])]
        same(*grads)
    same_gradients(eager, compiled)


def test_adversaries():
    """The discriminator is called twice before a backward pass."""
    torch.manual_seed(0)
    generators, discriminators = two(lambda: Counted(nn.Linear(2, 6))), two(mlp)
    noise = [torch.randn(4, 2) for _ in range(6)]
    real = [torch.randn(4, 6) for _ in range(6)]
    losses = []
    for generator, discriminator in zip(generators, discriminators):
        of_d = optim.Adam(discriminator.parameters(), lr=0.01)
        of_g = optim.Adam(generator.parameters(), lr=0.01)
        for z, x in zip(noise, real):
            fake = generator(z)
            of_d.zero_grad()
            loss = discriminator(x).square().mean() - discriminator(fake.detach()).tanh().mean()
            loss.backward()
            of_d.step()
            of_g.zero_grad()
            loss_g = discriminator(fake).tanh().mean()
            loss_g.backward()
            of_g.step()
            losses += [loss.item(), loss_g.item()]
    same(losses[:12], losses[12:])
    for pair in (generators, discriminators):
        same_state(*pair)
    assert len(generators[1].calls) == EAGER_CALLS and len(discriminators[1].calls) == 2 * EAGER_CALLS


def test_accumulated_gradients():
    eager, compiled = two(mlp)
    for step in range(4):
        x = [torch.randn(4, 6) for _ in range(3)]
        for model in (eager, compiled):
            for one in x:
                (model(one).square().mean() / 3).backward()
        same_gradients(eager, compiled)
        for model in (eager, compiled):
            model.zero_grad(set_to_none=step % 2 == 0)
    assert len(compiled.calls) == EAGER_CALLS


def test_a_frozen_parameter():
    eager, compiled = two(mlp)
    for frozen in [False] * 4 + [True] * 4:
        x = torch.randn(4, 6)
        for model in (eager, compiled):
            model.body[0].requires_grad_(not frozen)
            model.zero_grad()
            model(x).square().sum().backward()
        same_gradients(eager, compiled)
    assert len(compiled.calls) == 5


def test_hooks_on_parameters():
    eager, compiled = two(mlp)
    for model in (eager, compiled):
        seen = []
        model.body[0].weight.register_hook(lambda g, seen=seen: seen.append(g.clone()))
        model.body[2].bias.register_hook(lambda g, seen=seen: seen.append(g.clone()))
        model.body[0].bias.register_hook(lambda g: g * 2)
        model.body[0].bias.register_post_accumulate_grad_hook(
            lambda p, seen=seen: seen.append(p.grad.clone())
        )
        for k in range(6):
            model(torch.full((4, 6), float(k))).square().sum().backward()
        model.seen = seen
    assert len(eager.seen) == len(compiled.seen) == 18
    for a, b in zip(eager.seen, compiled.seen):
        same(a, b)
    same_gradients(eager, compiled)


def test_loaded_weights():
    eager, compiled = two(mlp)
    for k in range(6):
        for model, prefix in ((eager, ""), (compiled, "_orig_mod.")):
            torch.manual_seed(k)
            weights = {prefix + name: torch.randn(*t.shape) for name, t in eager.state_dict().items()}
            model.load_state_dict(weights)
            model.zero_grad()
        x = torch.randn(4, 6)
        for model in (eager, compiled):
            y = model(x)
            y.square().sum().backward()
        same(eager(x), y)
        same_gradients(eager, compiled)
    assert len(compiled.calls) == EAGER_CALLS


def test_replaced_parameters():
    eager, compiled = two(mlp)
    for k in range(8):
        if k == 5:
            for model, prefix in ((eager, ""), (compiled, "_orig_mod.")):
                torch.manual_seed(k)
                weights = {prefix + name: torch.randn(*t.shape) for name, t in eager.state_dict().items()}
                model.load_state_dict(weights, assign=True)
        x = torch.randn(4, 6)
        for model in (eager, compiled):
            model(x).square().sum().backward()
        same(eager(x), compiled(x))
        same_gradients(eager, compiled)


def test_attributes_that_change():
    eager, compiled = two(lambda: Counted(nn.Linear(6, 3), nn.Dropout(0.5)))
    for p in [0.5] * 4 + [0.25] * 4:
        results = []
        x = torch.randn(4, 6)
        for model in (eager, compiled):
            torch.manual_seed(1)
            model.body[1].p = p
            results.append(model(x))
        same(*results)
    assert len(compiled.calls) == 5


# ---------------------------------------------------------------------------------------------- the interface


def test_a_compiled_module_is_a_module():
    model = mlp()
    compiled = torch.compile(model, mode="max-autotune", backend="inductor", dynamic=False, options={"a": 1})
    assert isinstance(compiled, nn.Module) and isinstance(compiled, OptimizedModule)
    assert compiled._orig_mod is model and compiled.body is model.body
    assert list(map(id, compiled.parameters())) == list(map(id, model.parameters()))
    assert compiled.eval() is compiled and not model.training and not compiled.training
    compiled.training = True
    assert model.training
    compiled.note = 3
    assert model.note == 3
    del compiled.note
    assert not hasattr(model, "note") and not hasattr(compiled, "note")
    with pytest.raises(AttributeError):
        _ = compiled.nothing
    assert "body" in dir(compiled)
    assert len(torch.compile(model.body)) == 3 and torch.compile(model.body)[1] is model.body[1]
    assert repr(compiled).startswith("OptimizedModule(\n  (_orig_mod): Counted(")


@pytest.mark.needs_torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own modules
def test_names_as_in_pytorch():
    import torch as pytorch

    theirs = pytorch.compile(
        pytorch.nn.Sequential(pytorch.nn.Linear(2, 3), pytorch.nn.BatchNorm1d(3)), backend="eager"
    )
    ours = torch.compile(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    ours.load_state_dict({name: t.detach().numpy() for name, t in theirs.state_dict().items()})
    same(ours[0].weight, theirs._orig_mod[0].weight.detach().numpy())


def test_copies():
    _, compiled = two(mlp)
    x = torch.randn(4, 6)
    for _ in range(4):
        y = compiled(x)
    for copied in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
        assert type(copied) is OptimizedModule and copied.body[0].weight is not compiled.body[0].weight
        for _ in range(4):
            same(copied(x), y)
        with torch.no_grad():
            copied.body[0].weight.zero_()
        assert (copied(x) - y).abs().max() > 1e-3
    same(compiled(x), y)


def test_in_place():
    model = mlp()
    names = list(model.state_dict())
    model.compile(fullgraph=True, mode="reduce-overhead")
    assert list(model.state_dict()) == names
    eager = mlp()
    eager.load_state_dict(model.state_dict())
    data = batches(6, 6, size=4)
    same(*(train(m, data, lambda p: optim.SGD(p, lr=0.1)) for m in (eager, model)))
    assert len(model.calls) == EAGER_CALLS
    again = copy.deepcopy(model)
    same(again(data[0][0]), model(data[0][0]))
    other = mlp()
    other.compile(disable=True)
    assert "forward" not in vars(other)


def test_decorators():
    @torch.compile
    def f(x):
        """Twice."""
        return x + x

    @torch.compile(mode="default")
    def g(x):
        return x + x

    @torch.compile(disable=True)
    def h(x):
        return x + x

    assert f.__name__ == "f" and f.__doc__ == "Twice." and type(h) is type(lambda: 0)
    x = torch.ones(2).requires_grad_()
    for function in (f, g, h):
        for _ in range(5):
            x.grad = None
            function(x).sum().backward()
            same(x.grad, [2, 2])
    model = nn.Linear(2, 2)
    assert torch.compile(model, disable=True) is model


def test_a_decorated_method():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)
            self.drop = nn.Dropout(0.5)
            self.calls = Calls()

        @torch.compile(fullgraph=True)
        def forward(self, x):
            self.calls.append(1)
            return self.drop(self.layer(x))

    a, b = Net(), Net()
    x = torch.randn(4, 3)
    for net in (a, b):
        for _ in range(5):
            net(x).sum().backward()
        net.eval()
        same(net(x), x @ net.layer.weight.T + net.layer.bias)
        assert len(net.calls) == EAGER_CALLS + 1


def test_compiled_inside_of_compiled():
    eager, compiled = two(mlp)
    steps = []
    for model in (eager, compiled):
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = model(x).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        steps.append(step if model is eager else torch.compile(step, fullgraph=True))
    for _ in range(6):
        x = torch.randn(4, 6)
        same(steps[0](x), steps[1](x))
    same_state(eager, compiled)
    assert len(compiled.calls) == EAGER_CALLS


def test_reset():
    _, compiled = two(mlp)
    x = torch.randn(4, 6)
    for _ in range(5):
        compiled(x)
    torch.compile.reset()
    assert not compiled.forward.captures()
    for _ in range(5):
        compiled(x)
    assert len(compiled.calls) == 2 * EAGER_CALLS
