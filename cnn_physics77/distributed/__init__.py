"""``torch.distributed``: not available. There is one process, without a group.

>>> import cnn_physics77 as torch
>>> torch.distributed.is_available(), torch.distributed.is_initialized()
(False, False)
"""

from __future__ import annotations

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


_NEED_GROUP = _lacking.refuse(
    globals(),
    "all_gather all_gather_object all_reduce barrier broadcast broadcast_object_list "
    "destroy_process_group gather get_backend get_rank get_world_size init_process_group new_group recv "
    "reduce reduce_scatter scatter send",
    ValueError,
    "expected a process group, found none, and none can be made; ask torch.distributed.is_available() first",
)


__all__ = [
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    *_NEED_GROUP,
]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "FileStore HashStore ProcessGroup ReduceOp Store TCPStore group init_device_mesh",
    "there is one process; ask torch.distributed.is_available() first",
)
