"""What editors and type checkers are told of Tensor is what it is."""

import ast
import inspect
import types

import pytest
from mypy import api

import cnn_physics77 as ours
from cnn_physics77.testing import stub


@pytest.fixture(scope="module")
def written():
    """The class as it stands in the file: name -> definition."""
    (tensor,) = [n for n in ast.parse(stub.PATH.read_text()).body if isinstance(n, ast.ClassDef)]
    return {
        n.name: n for n in reversed(tensor.body) if isinstance(n, ast.FunctionDef)
    }  # of properties the getter


def test_the_file_is_what_the_command_writes():
    assert stub.PATH.read_text() == stub.text(), "run python -m cnn_physics77.testing.stub"


def test_every_method_is_there_and_nothing_else(written):
    """Compared with the class itself, without the command."""
    static = {n: inspect.getattr_static(ours.Tensor, n) for n in dir(ours.Tensor)}
    members = {n for n, found in static.items() if isinstance(found, types.FunctionType | property)}
    assert set(written) == members | {"__hash__", "__new__"}
    assert len(members) > 400


def test_parameters_are_those_of_the_methods(written):
    compared = 0
    for name, definition in written.items():
        member = inspect.getattr_static(ours.Tensor, name)
        if isinstance(member, property) or name == "__hash__":
            continue
        parameters = list(inspect.signature(member).parameters.values())[1:]
        if any(p.kind is p.VAR_POSITIONAL and p.name == "args" for p in parameters) and name.endswith("_"):
            parameters = list(inspect.signature(getattr(ours.Tensor, name[:-1])).parameters.values())[1:]
        given = definition.args
        names = [
            a.arg
            for a in (*given.posonlyargs, *given.args[1:], given.vararg, *given.kwonlyargs, given.kwarg)
            if a
        ]
        assert names == [p.name for p in parameters], name
        defaults = len(given.defaults) + sum(d is not None for d in given.kw_defaults)
        assert defaults == sum(p.default is not p.empty for p in parameters), name
        compared += 1
    assert compared > 400


def test_a_type_checker_knows_tensors(tmp_path):
    code = (
        "import cnn_physics77 as torch\n"
        "x = torch.zeros(2).exp().add_(1)[0] + 1\n"
        "reveal_type(x)\n"
        "reveal_type(x.max(0))\n"
        "reveal_type(x.shape)\n"
        "reveal_type(x.sort().values)\n"
        "x.expp()\n"
        "x.sum(keepdims=True)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    out, _, status = api.run(
        ["--config-file=", "--cache-dir", str(tmp_path), "--follow-imports=silent", str(script)]
    )
    revealed = [line.partition(": note: ")[2] for line in out.splitlines() if "Revealed type" in line]
    tensor = "cnn_physics77.core.tensor.Tensor"
    size = "cnn_physics77.core.backend.size.Size"
    assert [text.split('"')[1] for text in revealed] == [tensor, "Any", size, tensor], out
    assert status == 1
    assert '"Tensor" has no attribute "expp"' in out and '"keepdims" for "sum"' in out
