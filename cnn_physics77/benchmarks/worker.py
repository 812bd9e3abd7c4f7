"""A process of its own for a framework, and the pipe by which it is told what to do.

The parent starts ``python -m cnn_physics77.benchmarks.worker`` with the thread variables set, and writes
requests to its standard input: one JSON object a line, ``{"do": name, ...}``. The child answers each with
one line, ``{"reply": ...}`` or ``{"error": text}``, before which may come any number of
``{"progress": count}``. A child that is asked for nothing waits on the pipe and uses no processor, so two of
them can take turns. It ends when the pipe closes.

Requests: ``open`` (import the framework, set threads, load the data), ``build``, ``load`` (weights, warm-up),
``epoch`` (timed), ``finish``; ``memory`` and ``replay`` for the untimed process; ``build_both`` and ``prove``
for a process that holds both frameworks.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import performance
from ..results import Config, MemoryRecord, ParameterShape
from .exchange import Exchange, digest
from .measure import MemoryRuler, check_threads, environment, thread_environment, thread_pools

INSTALL = 'pip install "cnn_physics77[bench]"'


class WorkerError(RuntimeError):
    """What a worker reported, or that it ended before its time."""


def parameter_shapes(rows: list[dict[str, Any]]) -> list[ParameterShape]:
    """Parameters as they came over the pipe."""
    return [ParameterShape(**row) for row in rows]


# ----------------------------------------------------------------------------------------- the parent's side


class Worker:
    """The parent's handle on a child. Use it as a context: the child has ended when the context is left.

    Args:
        frameworks: what the child imports, by the names of `results.FRAMEWORKS`; one where anything is timed.
        threads: how many its native libraries, and the frameworks, may use.
        module: what the child runs; its main calls `serve` with a class of its own.
    """

    def __init__(self, frameworks: list[str], threads: int, module: str = f"{__package__}.worker") -> None:
        self.frameworks = frameworks
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *frameworks],
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
            on_progress: called with each count that the child reports meanwhile.
            fields: the request's arguments.
        Raises:
            WorkerError: the child reported an error or ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do} | fields) + "\n")
            self._process.stdin.flush()
        except OSError:  # the pipe is closed: reading tells why
            pass
        for line in self._process.stdout:
            answer = json.loads(line)
            if "progress" in answer:
                if on_progress is not None:
                    on_progress(answer["progress"])
                continue
            if "error" in answer:
                raise WorkerError(f"{' and '.join(self.frameworks)}: {answer['error']}")
            return answer["reply"]
        code = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        how = f"signal {-code}, perhaps for want of memory" if code < 0 else f"status {code}"
        raise WorkerError(
            f"{' and '.join(self.frameworks)}: the process ended with {how} while asked to {do}"
            + (f": {last[0]}" if last else "")
        )

    def close(self) -> None:
        """End the child: by closing the pipe if it is idle, else by force."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # closing flushes what the child no longer reads
                pass
        try:
            process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when another Ctrl-C comes while it waits
            process.kill()  # does nothing to a child that has ended
            process.wait()
            self._errors.close()


# ----------------------------------------------------------------------------------------- the child's side


class Child:
    """What the child does on each request: one method for one name."""

    def __init__(self, frameworks: list[str], send: Callable[[dict[str, Any]], None]) -> None:
        self._frameworks = frameworks
        self._send = send
        self.sides: list[Any] = []

    def open(self, config: dict[str, Any], exchange: str, classes: int) -> dict[str, Any]:
        """Import the frameworks, set their threads, load the data."""
        from .train import Side

        settings, place = Config(**config), Exchange(exchange)
        self.sides = []
        if "numpy77" in self._frameworks:
            performance.apply()  # as a user of this package would
        for name in self._frameworks:
            adapter = importlib.import_module(f".adapters.{name}", __package__).ADAPTER
            check_threads(thread_pools(), adapter.set_threads(settings.threads), settings.threads)
            self.sides.append(Side(adapter, settings, classes, place))
        self.side = self.sides[0]
        return {}

    def build(self) -> dict[str, Any]:
        """Make the network; its parameters and how the framework prints it."""
        parameters = [dataclasses.asdict(parameter) for parameter in self.side.build()]
        return {"parameters": parameters, "description": repr(self.side.model)}

    def load(
        self, weights: str, warmup_steps: int, started: str, command_line: list[str], commit: str | None
    ) -> dict[str, Any]:
        """Load the weights, assert them bit for bit, warm up, begin again; the record of this process."""
        held = self.side.reset(weights)
        self.side.warm_up(warmup_steps, weights)
        adapter = self.side.adapter
        threads = adapter.torch.get_num_threads()
        record = environment(started, command_line, commit, threads, adapter.denormals())
        check_threads(record.thread_pools, threads, self.side.config.threads)
        return {"sha256": held, "environment": dataclasses.asdict(record)}

    def epoch(self, epoch: int) -> dict[str, Any]:
        """One timed epoch; then, off the clock, the test set."""
        times = self.side.train(self.side.batches(epoch))
        result = self.side.evaluate()
        self._predictions = result.predictions
        return {
            "seconds": times.total,
            "steps": times.steps,
            "test_loss": result.loss,
            "test_accuracy": result.accuracy,
        }

    def finish(self) -> dict[str, Any]:
        """What the network holds and says after the last epoch."""
        return {
            "sha256": digest(self.side.adapter.parameters(self.side.model)),
            "labels": self.side.test_labels.tolist(),
            "predictions": self._predictions.tolist(),
        }

    def memory(self, weights: str, steps: int) -> dict[str, Any]:
        """The peak of memory over `steps` training steps, network and optimizer included, without the code
        that the framework loads on its first step."""
        self.side.adapter.rehearse(self.side.config)
        self._ruler = MemoryRuler()
        self._ruler.start()
        self.side.build()
        self.side.reset(weights)
        self.side.train(self.side.batches_endless(steps))
        peak = self._ruler.peak()
        record = MemoryRecord(self._ruler.baseline, peak, steps, self._ruler.name, self.side.kept_bytes())
        self._baseline = self._ruler.baseline
        self.side.reset(weights)
        return dataclasses.asdict(record)

    def replay(self, epoch: int, diagnostics: bool) -> dict[str, Any]:
        """An epoch again, untimed, with the loss and the gradient's norm of every step."""
        losses: list[float] = []
        norms: list[float] = []
        layers: dict[str, list[float]] = {}
        self._ruler.start()

        def record(number: int, loss: Any) -> None:
            losses.append(loss.item())
            found = self.side.gradient_norms()
            norms.append(sum(value * value for value in found.values()) ** 0.5)
            if diagnostics:
                for name, value in found.items():
                    layers.setdefault(name, []).append(value)
            if number % 50 == 49:
                self._send({"progress": number + 1})

        self.side.train(self.side.batches(epoch), record)
        return {
            "loss": losses,
            "gradient_norm": norms,
            "layer_gradient_norm": layers,
            "peak_memory_bytes": self._ruler.peak() - self._baseline,
            "sha256": digest(self.side.adapter.parameters(self.side.model)),
        }

    def build_both(self, config: dict[str, Any], exchange: str, classes: int) -> dict[str, Any]:
        """Open both frameworks and make the network in each; the parameters, which must be the same."""
        self.open(config, exchange, classes)
        ours, theirs = (side.build() for side in self.sides)
        if ours != theirs:
            raise WorkerError(f"the networks differ: {ours} in one framework, {theirs} in the other")
        return {"parameters": [dataclasses.asdict(parameter) for parameter in ours]}

    def prove(self, weights: str, steps: int) -> dict[str, Any]:
        """Compare both frameworks step by step."""
        from .lockstep import compare

        return dataclasses.asdict(compare(self.sides, weights, steps))


def serve(frameworks: list[str], kind: Callable[..., Any] = Child) -> None:
    """Answer requests from standard input until it closes, with the methods of a `kind(frameworks, send)`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this process
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not get between the replies

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
                answer = {"error": f"the package {error.name or error} is missing: {INSTALL}"}
            except Exception as error:  # one line for the parent, which decides what becomes of the run
                answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
            send(answer)
    except BrokenPipeError:  # the parent is gone; nobody is left to tell
        os._exit(1)


if __name__ == "__main__":
    serve(sys.argv[1:])
