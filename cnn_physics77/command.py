"""The command: its modes, the screen.

A mode runs an `ExperimentConfig`, prints its tables, and writes logs and figures. An error that a user can
mend is one line on standard error and a nonzero exit status.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from . import datasets
from .analysis import visuals
from .analysis.report import as_text, report
from .arguments import PROGRAM
from .benchmarks import INSTALL
from .benchmarks.experiment.experiment import Experiment, Progress
from .benchmarks.helper import ExperimentConfig
from .benchmarks.instruments.measure import MeasurementError
from .benchmarks.process.worker import WorkerError
from .benchmarks.speed import profile as step_profile
from .core.errors import DataError
from .results import LogError, RunLog, write_atomically


class UsageError(Exception):
    """An error that the user can mend, described in one line."""


# ----------------------------------------------------------------------------------------- the screen


class Screen(Progress):
    """Permanent lines above a progress bar, by rich.

    The bar is redrawn only when it is updated, which never happens while an epoch is timed.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task: Any = None

    def __enter__(self) -> Screen:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def stage(self, title: str, total: int) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(title, total=total)
        self._bars.refresh()

    def advance(self, done: int) -> None:
        self._bars.update(self._task, completed=done, refresh=True)

    def note(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """A highlighted line."""
        self.console.print(text, style="bold black on yellow", highlight=False, markup=False, soft_wrap=True)


class _Download:
    """A stage of the screen with the methods that pooch expects of a progress bar."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._done = 0
        self.total = 0

    def update(self, size: int) -> None:
        if self._done == 0:
            self._screen.stage("downloading (bytes)", self.total)
        self._done += size
        self._screen.advance(self._done)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        self._done = 0


# ----------------------------------------------------------------------------------------- modes


def compare(settings: ExperimentConfig, screen: Screen) -> None:
    """Train what the mode lists in both frameworks, and show the comparison."""
    data = datasets.load(settings.dataset, settings.data_dir, progress=_Download(screen))
    for note in data.notes:
        (screen.warn if data.fallback else screen.note)(note)
    experiment = Experiment(settings, data, screen)
    screen.note(
        f"{data.title}: {experiment.train_size} training and {experiment.test_size} test images "
        f"from {data.source}"
    )
    if data.fallback:
        screen.warn(f"THE FIGURES BELOW ARE NOT MNIST'S: {data.title}")
    try:
        logs = experiment.run()
    except BaseException:  # an error or an interruption, reported by the caller
        if experiment.logs:
            screen.note(f"logs of what had finished: {settings.log_dir}/{experiment.group}_*")
        raise
    show(logs, settings, screen)


def profile(settings: ExperimentConfig, screen: Screen) -> None:
    """Take one training step of the network apart, in both frameworks."""
    found = step_profile.compare_profiles(
        settings.model,
        settings.batch_size,
        settings.optimizer,
        settings.dtype,
        settings.threads,
        sizes={name: getattr(settings, name) for name in ("channels", "kernel_size", "hidden")},
        captured=settings.engine != "eager",
    )
    name = f"profile_{settings.model}_{settings.optimizer}_batch{settings.batch_size}.json"
    step_profile.show(found, Path(settings.log_dir) / name, Path(settings.fig_dir), screen.console)


MODES: dict[str, Callable[[ExperimentConfig, Screen], None]] = {
    "basic": compare,
    "grid": compare,
    "frontier": compare,
    "profile": profile,
}
"""What runs each mode of `arguments.MODES`."""


def _figures(settings: ExperimentConfig) -> list[str]:
    """Names of the plots of `analysis.visuals` that belong to an experiment."""
    if settings.mode == "frontier":
        return ["efficiency_frontier"]
    names = ["efficiency_frontier", "training_curves", "gradient_norms", "speed_bars", "memory_bars"]
    if settings.diagnostics:
        names += ["step_losses", "layer_gradient_norms", "confusion_matrices"]
    return names


def show(logs: Sequence[RunLog], settings: ExperimentConfig, screen: Screen) -> None:
    """Print the table, write it as text beside the logs, and draw the figures."""
    group = logs[0].group
    content = report(logs)
    screen.console.print(content)  # first: a full disk may stop what follows
    write_atomically(Path(settings.log_dir) / f"{group}_report.txt", as_text(content))
    names = _figures(settings)
    screen.stage("figures", len(names))
    drawn = []
    for number, name in enumerate(names, 1):
        try:
            figure = getattr(visuals, name)(logs)
        except ValueError as error:  # nothing to draw, for example because no run trained
            screen.note(f"not drawn: {error}")
            continue
        visuals.save(figure, settings.fig_dir, f"{group}_{name}")
        drawn.append(name)
        screen.advance(number)
    screen.note(f"logs    {Path(settings.log_dir) / group}_*")
    if drawn:
        screen.note(f"figures {Path(settings.fig_dir) / group}_*: {', '.join(drawn)}")


# ----------------------------------------------------------------------------------------- the command


_ROOM = 1 << 20  # bytes: about what an experiment writes into a folder


def _check_folder(name: str, folder: str) -> None:
    """Find out before hours of training that a folder cannot be written, or that its disk is full."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
            file.flush()
    except OSError as error:
        raise UsageError(f"--{name}: cannot write to {folder}: {error.strerror or error}") from None


def _terminated(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


def run(settings: ExperimentConfig) -> int:
    """Run what the arguments ask for; the exit status: 0, 1 for an error, 130 after Ctrl-C."""
    previous = signal.signal(signal.SIGTERM, _terminated)  # so that children end and logs are kept
    try:
        for name in ("log_dir", "fig_dir"):
            _check_folder(name, getattr(settings, name))
        console = Console()
        if not console.is_terminal:  # a file or pipe has no width; tables fit into this one
            console.width = 118
        for stream in (sys.stdout, sys.stderr):  # question marks where the encoding lacks a character
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        with Screen(console) as screen:
            MODES[settings.mode](settings, screen)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ImportError as error:  # an installed package that is damaged, or lacks another
        print(f"{PROGRAM}: error: {' '.join(str(error).split())}: {INSTALL}", file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"{PROGRAM}: error: out of memory: {error}", file=sys.stderr)
        return 1
    except (UsageError, DataError, MeasurementError, WorkerError, LogError, OSError) as error:
        print(f"{PROGRAM}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, previous)
    return 0
