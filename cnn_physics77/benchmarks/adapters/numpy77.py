"""This package."""

import cnn_physics77.nn.functional as functional

import cnn_physics77 as torch
import cnn_physics77.optim as optim

from ...core import model as models
from .base import Adapter

ADAPTER = Adapter("numpy77", "numpy", torch, functional, optim, models)
