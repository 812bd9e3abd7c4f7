"""``torch.distributed``: not available. There is one process, without a group.

>>> import cnn_physics77 as torch
>>> torch.distributed.is_available(), torch.distributed.is_initialized()
(False, False)
"""

from __future__ import annotations

from typing import Any

from cnn_physics77 import _lacking


def is_available() -> bool:
    """Whether several processes can compute together: no."""
    return False


def is_initialized() -> bool:
    """Whether there is a group of processes: no."""
    return False


def is_torchelastic_launched() -> bool:
    """Whether the process was launched by torchrun: no."""
    return False


def is_gloo_available() -> bool:
    """Whether the backend Gloo is there: no."""
    return False


def is_mpi_available() -> bool:
    """Whether the backend MPI is there: no."""
    return False


def is_nccl_available() -> bool:
    """Whether the backend NCCL is there: no."""
    return False


def _needs_group(name: str) -> Any:
    return _lacking.refusing(
        f"distributed.{name}",
        ValueError,
        "expected a process group, found none, and none can be made; ask torch.distributed.is_available() "
        "first",
    )


all_gather = _needs_group("all_gather")
all_gather_object = _needs_group("all_gather_object")
all_reduce = _needs_group("all_reduce")
barrier = _needs_group("barrier")
broadcast = _needs_group("broadcast")
broadcast_object_list = _needs_group("broadcast_object_list")
destroy_process_group = _needs_group("destroy_process_group")
gather = _needs_group("gather")
get_backend = _needs_group("get_backend")
get_rank = _needs_group("get_rank")
get_world_size = _needs_group("get_world_size")
init_process_group = _needs_group("init_process_group")
new_group = _needs_group("new_group")
recv = _needs_group("recv")
reduce = _needs_group("reduce")
reduce_scatter = _needs_group("reduce_scatter")
scatter = _needs_group("scatter")
send = _needs_group("send")


__all__ = [
    "all_gather",
    "all_gather_object",
    "all_reduce",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "destroy_process_group",
    "gather",
    "get_backend",
    "get_rank",
    "get_world_size",
    "init_process_group",
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "new_group",
    "recv",
    "reduce",
    "reduce_scatter",
    "scatter",
    "send",
]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "FileStore HashStore ProcessGroup ReduceOp Store TCPStore group init_device_mesh",
    "there is one process; ask torch.distributed.is_available() first",
)
