"""A separate process for a framework, and the pipe over which it is controlled.

The parent starts the child's program with the thread variables set, and writes requests to its standard
input: one JSON object per line, ``{"do": name, ...}``. The child answers each request with one line,
``{"reply": ...}`` or ``{"error": text}``. Any number of ``{"progress": count}`` lines may come before it. A
child without a request waits on the pipe and uses no processor time, so two children can take turns. It ends
when the pipe closes.

The programs, `EXPERIMENT` and `SPEED`, are started by name and not imported: they lie in higher rooms.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...results import ParameterShape
from .. import INSTALL, INSTALL_JAX
from ..instruments.measure import thread_environment

EXPERIMENT = "cnn_physics77.benchmarks.experiment.child"
"""The program of a process that trains a network."""

SPEED = "cnn_physics77.benchmarks.speed.child"
"""The program of a process that runs the cases of the speed suite."""


class WorkerError(RuntimeError):
    """A worker reported an error, or died.

    Attributes:
        frameworks: of the worker, by the names of `results.FRAMEWORKS`.
    """

    def __init__(self, text: str, frameworks: Sequence[str] = ()) -> None:
        super().__init__(f"{' and '.join(frameworks)}: {text}" if frameworks else text)
        self.frameworks = tuple(frameworks)


def parameter_shapes(rows: list[dict[str, Any]]) -> list[ParameterShape]:
    """Parameter records from their JSON form."""
    return [ParameterShape(**row) for row in rows]


# ----------------------------------------------------------------------------------------- the parent's side


class Worker:
    """The parent's handle on a child. As a context manager it ends the child on exit.

    Args:
        frameworks: what the child imports, by the names of `results.FRAMEWORKS`; exactly one where anything
            is timed.
        threads: how many threads its native libraries, and the framework, may use.
        program: the module that the child runs; it calls `serve`.
    """

    def __init__(self, frameworks: list[str], threads: int, program: str) -> None:
        self.frameworks = frameworks
        root = str(Path(__file__).resolve().parents[3])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._process = subprocess.Popen(
            [sys.executable, "-m", program, *frameworks],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | thread_environment(threads) | {"PYTHONPATH": os.pathsep.join(paths)},
            encoding="utf-8",
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, do: str, on_progress: Callable[[int], None] | None = None, **fields: Any) -> Any:
        """Send one request and wait for its reply.

        Args:
            do: name of the request.
            on_progress: called with each count that the child reports before its reply.
            fields: the request's arguments.
        Raises:
            WorkerError: the child reported an error or died.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do} | fields) + "\n")
            self._process.stdin.flush()
        except OSError:  # the pipe is closed: reading finds out why
            pass
        for line in self._process.stdout:
            answer = json.loads(line)
            if "progress" in answer:
                if on_progress is not None:
                    on_progress(answer["progress"])
                continue
            if "error" in answer:
                raise WorkerError(answer["error"], self.frameworks)
            return answer["reply"]
        code = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        how = f"signal {-code} (perhaps out of memory)" if code < 0 else f"status {code}"
        raise WorkerError(
            f"the process ended with {how} during the request {do!r}" + (f": {last[0]}" if last else ""),
            self.frameworks,
        )

    def close(self) -> None:
        """End the child: close the pipe if it is idle, else kill it."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # closing flushes data that the child no longer reads
                pass
        try:
            process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also after another Ctrl-C during the wait
            process.kill()  # does nothing if the child has ended
            process.wait()
            self._errors.close()


# ----------------------------------------------------------------------------------------- the child's side


def serve(frameworks: list[str], kind: Callable[..., Any]) -> None:
    """Answer requests from standard input until it closes.

    Args:
        frameworks: names of the frameworks, from the command line.
        kind: class of the child, called as ``kind(frameworks, send)``; a request calls its method of that
            name.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this process
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a library's own output must not mix with the replies

    def send(answer: dict[str, Any]) -> None:
        replies.write(json.dumps(answer) + "\n")
        replies.flush()

    child = kind(frameworks, send)
    try:
        for line in sys.stdin:
            request = json.loads(line)
            method = getattr(child, request.pop("do"))
            try:
                answer = {"reply": method(**request)}
            except ImportError as error:
                remedy = INSTALL_JAX if error.name in ("jax", "jaxlib") else INSTALL
                answer = {"error": f"the package {error.name or error} is missing: {remedy}"}
            except Exception as error:  # one line for the parent, which decides what to do with the run
                answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
            send(answer)
    except BrokenPipeError:  # the parent is gone
        os._exit(1)
