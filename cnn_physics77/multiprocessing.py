"""``torch.multiprocessing``: Python's ``multiprocessing``. A tensor that is sent is copied; one after
``share_memory_()`` is shared with processes that are forked.
"""

from __future__ import annotations

import multiprocessing as _python
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from multiprocessing import connection as _connection
from typing import Any

__all__ = [
    *_python.__all__,
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]


def get_all_sharing_strategies() -> set[str]:
    """The ways in which processes share tensors: none, they are copied.

    >>> get_all_sharing_strategies()
    {'copy'}
    """
    return {"copy"}


def get_sharing_strategy() -> str:
    """``"copy"``: see :func:`get_all_sharing_strategies`."""
    return "copy"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted: a tensor that is sent is copied, with any of PyTorch's strategies."""
    if new_strategy not in ("copy", "file_descriptor", "file_system"):
        raise ValueError(
            "set_sharing_strategy: expected 'copy', 'file_descriptor' or 'file_system', found "
            f"{new_strategy!r}"
        )


def spawn(
    fn: Callable,
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> list[Any] | None:
    """Run ``fn(i, *args)`` in processes i = 0 ... nprocs - 1.

    Args:
        fn: a function at the top level of a module, as ``multiprocessing`` asks for.
        join: wait for all of them; else return the list of processes.

    Raises:
        RuntimeError: a process ended with an error, which it has printed; the others are terminated.
    """
    context = _python.get_context(start_method)
    processes = [
        context.Process(target=fn, args=(i, *args), daemon=daemon)  # type: ignore[attr-defined]
        for i in range(nprocs)
    ]
    for process in processes:
        process.start()
    if not join:
        return processes
    running = {process.sentinel: i for i, process in enumerate(processes)}
    while running:
        for sentinel in _connection.wait(list(running)):
            number = running.pop(sentinel)
            processes[number].join()
            if processes[number].exitcode != 0:
                for other in processes:
                    other.terminate()
                raise RuntimeError(
                    f"spawn: expected process {number} to end without an error, found exit code "
                    f"{processes[number].exitcode}; its traceback is above"
                )
    return None


start_processes = spawn
