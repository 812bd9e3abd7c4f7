"""This package, by the names that its users import."""

import cnn_physics77 as torch
from cnn_physics77 import optim
from cnn_physics77.core import model
from cnn_physics77.nn import functional

from .base import Adapter

ADAPTER = Adapter("numpy77", torch, functional, optim, model)
