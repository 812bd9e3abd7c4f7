"""What the README and the pages of docs/ show runs, prints what they say, and stands in the code."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_physics77.core.operations.base.operation import OPERATIONS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
ENGINE = ROOT / "docs" / "engine.md"
COMPILE = ROOT / "docs" / "compile.md"
AS_TORCH = ROOT / "docs" / "as_torch.md"


def blocks(language, page=README):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("page", [README, ENGINE, COMPILE], ids=lambda page: page.name)
def test_examples_print_what_the_page_says(page):
    try:
        results = doctest.testfile(
            str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        )
    finally:
        OPERATIONS.pop("page_cube", None)  # declared by an example
    assert results.attempted >= 5
    assert results.failed == 0


def python(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_the_page_on_scripts_prints_what_it_says(tmp_path):
    """In processes of their own: in this one, torch is PyTorch."""
    done = python("-m", "doctest", "-o", "NORMALIZE_WHITESPACE", AS_TORCH)
    assert (done.returncode, done.stdout) == (0, "")
    assert doctest.DocTestParser().get_examples(AS_TORCH.read_text(encoding="utf-8"))
    (script,) = [block for block in blocks("python", AS_TORCH) if block.startswith("# line.py")]
    (tmp_path / "line.py").write_text(script)
    done = python("-m", "cnn_physics77.as_torch", tmp_path / "line.py")
    assert f"    {done.stdout}" in AS_TORCH.read_text(encoding="utf-8") and done.stdout, done.stderr


def test_code_that_the_page_on_the_engine_quotes_stands_in_its_file():
    quoted = [block for block in blocks("python", ENGINE) if block.startswith("# core/")]
    assert len(quoted) >= 4
    for block in quoted:
        path, _, code = block.removeprefix("# ").partition("\n")
        assert code in (ROOT / "cnn_physics77" / path).read_text(encoding="utf-8"), code


def test_the_script_at_the_top_trains():
    (script,) = [block for block in blocks("python") if "class Net" in block]
    names: dict = {}
    exec(compile(script, str(README), "exec"), names)
    assert all(p.grad is not None for p in names["model"].parameters())
    assert 2.0 < names["loss"].item() < 2.7  # about ln 10 before any training


def test_every_file_that_the_readme_names_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target


def test_the_table_of_flags_is_that_of_the_command():
    from cnn_physics77 import arguments

    shown = set(re.findall(r"^\| `(--\w+)`", README.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert shown <= set(re.findall(r"--\w+", arguments.build_parser().format_help()))
