"""Entries are checked in another process, so that one that hangs or crashes costs nothing else."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from typing import Any


def in_turn(names: list[str], work: Callable[[str], Any], limit: float) -> Iterator[tuple[str, Any]]:
    """``(name, work(name))`` for each name, or ``(name, text)`` where the work took longer than ``limit``
    seconds or ended its process; the others go on in a new one."""
    context = multiprocessing.get_context("fork")
    left = list(names)
    while left:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_serve, args=(sender, left, work))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, which wait
            process.start()
        sender.close()
        try:
            while left:
                if not receiver.poll(limit):
                    yield left.pop(0), f"takes more than {limit:g} seconds"
                    break
                result = receiver.recv()
                yield left.pop(0), result
        except EOFError:
            yield left.pop(0), "ends its process"
        finally:
            process.kill()
            process.join()
            receiver.close()


def _serve(sender: Any, names: list[str], work: Callable[[str], Any]) -> None:
    for name in names:
        sender.send(work(name))
