"""Containers against PyTorch's: the same calls, the same lists, names and reprs."""

from collections import OrderedDict

import pytest
import torch

import cnn_physics77 as ours

BOTH = (ours, torch)


def summary(container):
    return repr(container), [name for name, _ in container.named_modules()], list(container.state_dict())


def both(function):
    """What the function gives with either framework, and that it is the same."""
    mine, theirs = (function(f.nn, f) for f in BOTH)
    assert mine == theirs
    return mine


def linear(nn, n=1):
    return nn.Linear(n, n)


def test_sequential():
    def calls(nn, f):
        s = nn.Sequential(linear(nn), nn.ReLU())
        s.append(linear(nn, 2)).extend([nn.Tanh(), nn.ReLU()])
        s.insert(1, nn.Identity())
        s[0] = nn.Sigmoid()
        s[-1] = nn.Tanh()
        del s[2]
        out = [
            summary(s),
            len(s),
            type(s[1]).__name__,
            summary(s[1:3]),
            summary(s + nn.Sequential(nn.ReLU())),
        ]
        popped = s.pop(0)
        s += nn.Sequential(nn.ReLU())
        return [*out, repr(popped), summary(s), [type(m).__name__ for m in s]]

    both(calls)


@pytest.mark.parametrize("nn", [ours.nn, torch.nn])
@pytest.mark.parametrize(("index", "place"), [(-2, 0), (-1, 1), (0, 0), (2, 2), (-3, None), (3, None)])
def test_a_sequence_takes_a_module_at_its_ends_and_between(nn, index, place):
    s = nn.Sequential(nn.ReLU(), nn.Tanh())
    if place is None:
        with pytest.raises(IndexError, match=str(index)):
            s.insert(index, nn.ELU())
        assert len(s) == 2
    else:
        assert [type(m).__name__ for m in s.insert(index, nn.ELU())].index("ELU") == place


def test_sequential_by_name_and_in_nests():
    def calls(nn, f):
        s = nn.Sequential(
            OrderedDict([("first", linear(nn)), ("second", nn.Sequential(nn.ReLU(), nn.Flatten()))])
        )
        s.second.append(nn.Tanh())
        return [summary(s), summary(s[:1]), s(f.zeros(1, 1)).shape == (1, 1)]

    both(calls)
    assert ours.nn.Sequential()(3) == 3


def test_module_list():
    def calls(nn, f):
        m = nn.ModuleList([nn.ReLU(), nn.ReLU(), linear(nn)])
        m.append(nn.Tanh()).extend([nn.Tanh()])
        m += [nn.Tanh()]
        m.insert(0, linear(nn, 2))
        m[1] = nn.Sigmoid()
        out = [summary(m), summary(m[1:]), summary(m + [nn.ReLU()]), repr(m.pop(-1)), repr(nn.ModuleList())]
        del m[0]
        del m[-2:]
        return [*out, summary(m), len(m), [type(x).__name__ for x in m]]

    both(calls)


def test_module_dict():
    def calls(nn, f):
        m = nn.ModuleDict({"a": linear(nn), "b": nn.ReLU()})
        m["c"] = nn.Tanh()
        m.update([("b", nn.Sigmoid()), ("d", nn.Flatten())])
        out = [summary(m), len(m), list(m), list(m.keys()), "a" in m, "z" in m, repr(m.pop("d"))]
        out.append([(k, repr(v)) for k, v in m.items()])
        del m["a"]
        out.append([repr(v) for v in m.values()])
        m.clear()
        return [*out, repr(m)]

    both(calls)


def test_parameter_list():
    def calls(nn, f):
        p = nn.ParameterList([nn.Parameter(f.ones(2)), f.zeros(1, 3)])
        p.append(f.ones(1)).extend([nn.Parameter(f.ones(4))])
        p += [f.ones(5)]
        p[0] = f.ones(6)
        return [
            list(p.state_dict()),
            len(p),
            [type(x).__name__ for x in p],
            [tuple(x.shape) for x in p[1:3]],
            tuple(p[-1].shape),
        ]

    both(calls)


def test_text_of_parameters():
    def calls(nn, f):
        values = [f.ones(2, 3), f.ones(4).half(), f.ones(()).double(), "text"]
        named = nn.ParameterDict(dict(zip("abcd", values)))
        return [repr(nn.ParameterList(values)), repr(nn.ParameterList(values[:1])), repr(named)]

    both(calls)


def test_parameter_dict():
    def calls(nn, f):
        p = nn.ParameterDict({"a": f.ones(2), "b": nn.Parameter(f.ones(1))})
        p["c"] = f.zeros(3)
        p.update({"d": f.ones(4)})
        p.setdefault("e", f.ones(5))
        out = [list(p.state_dict()), len(p), "a" in p, p.get("z", 3), list(p.keys())]
        out.append([tuple(v.shape) for v in p.values()])
        out.append(tuple(p.pop("a").shape))
        out.append(p.popitem()[0])
        other = p.copy() | nn.ParameterDict({"z": f.ones(1)})
        out.append(sorted(other.keys()))
        p |= nn.ParameterDict({"y": f.ones(1)})
        out.append([k for k, _ in p.items()])
        del p["y"]
        p.clear()
        return [*out, len(p)]

    both(calls)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda nn, f: nn.Sequential(3), TypeError),
        (lambda nn, f: nn.Sequential(nn.ReLU())[3], IndexError),
        (lambda nn, f: nn.Sequential(nn.ReLU()) + 3, ValueError),
        (lambda nn, f: nn.Sequential().append(3), TypeError),
        (lambda nn, f: nn.ModuleList([3]), TypeError),
        (lambda nn, f: nn.ModuleList()[0], IndexError),
        (lambda nn, f: nn.ModuleDict()["a"], KeyError),
        (lambda nn, f: nn.ModuleDict({"a.b": nn.ReLU()}), KeyError),
        (lambda nn, f: nn.ModuleDict({"forward": nn.ReLU()}), KeyError),
        (lambda nn, f: nn.ParameterList()[0], IndexError),
    ],
)
def test_errors_are_pytorchs(make, error):
    for framework in BOTH:
        with pytest.raises(error):
            make(framework.nn, framework)


def test_a_missing_parameter_is_a_missing_key():
    with pytest.raises(KeyError):  # PyTorch looks among all attributes and raises AttributeError
        ours.nn.ParameterDict()["training"]


def test_sequential_repeated():
    """The same modules, so their parameters are counted once; as in PyTorch."""
    for m in (ours.nn, torch.nn):
        once = m.Sequential(m.Linear(2, 2), m.ReLU())
        thrice, also = once * 3, 3 * once
        assert [len(once), len(thrice), len(also), len(list(thrice.parameters()))] == [2, 6, 6, 2]
        assert thrice[4] is once[0]
        itself = once
        once *= 2
        assert once is itself
        assert list(once.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
        with pytest.raises(ValueError, match=r"once or more|Non-positive"):
            once * 0
        with pytest.raises(TypeError):
            once * 2.0
