"""PyTorch."""

import torch
import torch.nn.functional
import torch.optim

from .. import CNN_torch
from .base import Adapter

ADAPTER = Adapter("pytorch", torch, torch.nn.functional, torch.optim, CNN_torch)
