"""Runs the tests as on other processors, on more or fewer threads, in another order, on other Pythons.

    python tests/matrix.py                        all variants
    python tests/matrix.py --list                 their names, and what each sets
    python tests/matrix.py 'numpy*' python-3.13   some of them, by name or pattern
    python tests/matrix.py avx2 -- tests/kernels  what follows -- goes to pytest, before the variant's own

Prints a line for each variant and exits with 1 if one fails. A variant that the processor or the machine
cannot run is skipped with the reason.
"""

from __future__ import annotations

import argparse
import fnmatch
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Variant:
    """One way to run the tests.

    Attributes:
        name: as on the command line.
        variables: added to the environment.
        options: added to pytest's.
        needs: the instruction set, in NumPy's words, without which it cannot run.
        python: the version of another Python to run under, without PyTorch.
    """

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    needs: str = ""
    python: str = ""

    def __str__(self) -> str:
        words = [f"{variable}={value!r}" for variable, value in self.variables.items()]
        return " ".join([*words, *self.options])


def variants() -> Iterator[Variant]:
    """All variants. Each library takes its code by the processor; a variable of its own holds it to less."""
    yield Variant("default")

    dispatched = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    wide = [name for name in dispatched if name == "X86_V4" or name.startswith("AVX512")]
    numpy_avx2 = {"NPY_DISABLE_CPU_FEATURES": " ".join(wide)} if wide else {}
    numpy_lowest = {"NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)} if dispatched else {}

    # all libraries at once, as on a processor with AVX2 and on one with SSE 4.2
    yield Variant(
        "avx2",
        {
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "ATEN_CPU_CAPABILITY": "avx2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell",
            **numpy_avx2,
        },
        needs="AVX2",
    )
    yield Variant(
        "sse",
        {
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "ATEN_CPU_CAPABILITY": "default",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "OPENBLAS_CORETYPE": "Nehalem",
            **numpy_lowest,
        },
        needs="SSE42",
    )

    yield Variant("onednn-avx2", {"ONEDNN_MAX_CPU_ISA": "AVX2"}, needs="AVX2")
    yield Variant("onednn-avx512", {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, needs="AVX512_SKX")
    yield Variant("aten-default", {"ATEN_CPU_CAPABILITY": "default"})
    yield Variant("aten-avx2", {"ATEN_CPU_CAPABILITY": "avx2"}, needs="AVX2")
    yield Variant("aten-avx512", {"ATEN_CPU_CAPABILITY": "avx512"}, needs="AVX512_SKX")
    yield Variant("mkl-avx2", {"MKL_ENABLE_INSTRUCTIONS": "AVX2"}, needs="AVX2")
    yield Variant("numpy-avx2", numpy_avx2, needs="AVX512_SKX")
    yield Variant("numpy-lowest", numpy_lowest, needs="AVX2")
    cores = {"Nehalem": "SSE42", "Haswell": "AVX2", "Zen": "AVX2", "SkylakeX": "AVX512_SKX"}
    for core, needs in cores.items():
        yield Variant(f"openblas-{core.lower()}", {"OPENBLAS_CORETYPE": core}, needs=needs)
    yield Variant("threads-1", {"CNN_PHYSICS77_NUM_THREADS": "1"})
    yield Variant("threads-2", {"CNN_PHYSICS77_NUM_THREADS": "2"})
    yield Variant("order-reversed", options=("--order=reversed",))
    yield Variant("order-random", options=("--order=77",))
    yield Variant("hypothesis-seed", options=("--hypothesis-seed=77",))
    yield Variant("without-torch", options=("--without-torch",))
    for version in ("3.12", "3.13"):
        yield Variant(f"python-{version}", options=("--without-torch",), python=version)


def interpreter(version: str) -> str | None:
    """A Python of this version: of the path, else of pyenv, whose name on the path may lead nowhere."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in (f"python{version}", *glob.glob(f"{pyenv}/{version}.*/bin/python")):
        python = shutil.which(name)
        if python and subprocess.run([python, "--version"], capture_output=True).returncode == 0:
            return python
    return None


def reason_to_skip(variant: Variant) -> str:
    if variant.needs and not __cpu_features__.get(variant.needs):
        return f"the processor has no {variant.needs}"
    if variant.python and not interpreter(variant.python):
        return f"there is no Python {variant.python}"
    return ""


def environment_of(version: str, output: IO[str]) -> Path:
    """The interpreter of an environment of another Python, with all that the tests need but PyTorch."""
    home = ROOT / ".venv" / f"python-{version}"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter(version), "-m", "venv", home], stdout=output, stderr=output, check=True)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    needed = [
        requirement
        for extra in extras.values()
        for requirement in extra
        if not requirement.startswith(("torch=", "cnn_physics77["))
    ]
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-c", "constraints.txt"]
    subprocess.run([*pip, "-e", ".", *needed], cwd=ROOT, stdout=output, stderr=output, check=True)
    return python


def run(variant: Variant, options: list[str], log: Path) -> tuple[bool, dict[str, int]]:
    """Whether all went well, and the counts. What pip and pytest print goes to ``log``."""
    counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    report = log.with_suffix(".xml")
    with log.open("w") as output:
        try:
            python = environment_of(variant.python, output) if variant.python else sys.executable
        except subprocess.CalledProcessError:
            return False, counts
        command = [python, "-m", "pytest", "-q", "-n", "2", f"--junitxml={report}"]
        code = subprocess.run(
            [*command, *options, *variant.options],
            cwd=ROOT,
            env=os.environ | variant.variables,
            stdout=output,
            stderr=output,
        ).returncode
    if report.exists():
        suite = ElementTree.parse(report).getroot()[0]
        counts = {name: int(suite.get(name, 0)) for name in counts}
    return code == 0, counts


def main() -> int:
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=["*"], help="names or patterns of variants")
    parser.add_argument("--list", action="store_true", help="list the variants and run none")
    parsed = parser.parse_args(arguments[:cut])
    options = arguments[cut + 1 :]

    known = list(variants())
    for pattern in parsed.names:
        if not fnmatch.filter([variant.name for variant in known], pattern):
            parser.error(f"no variant is called {pattern!r}; --list prints their names")
    chosen = [v for v in known if any(fnmatch.fnmatch(v.name, pattern) for pattern in parsed.names)]

    if parsed.list:
        for variant in chosen:
            reason = reason_to_skip(variant)
            print(f"{variant.name:18} {variant}" + (f"  (skipped: {reason})" if reason else ""))
        return 0

    logs = Path(tempfile.mkdtemp(prefix="matrix-"))
    failed = False
    print(f"{'variant':18} {'passed':>7} {'failed':>7} {'skipped':>7} {'seconds':>8}", flush=True)
    for variant in chosen:
        if reason := reason_to_skip(variant):
            print(f"{variant.name:18} skipped: {reason}", flush=True)
            continue
        log = logs / f"{variant.name}.log"
        begin = time.monotonic()
        good, counts = run(variant, options, log)
        bad = counts["failures"] + counts["errors"]
        passed = counts["tests"] - bad - counts["skipped"]
        seconds = time.monotonic() - begin
        print(f"{variant.name:18} {passed:7} {bad:7} {counts['skipped']:7} {seconds:8.0f}", flush=True)
        if not good:
            failed = True
            lines = log.read_text().splitlines()
            summary = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
            print("\n".join([*(summary or lines[-1:]), f"see {log}"]), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
