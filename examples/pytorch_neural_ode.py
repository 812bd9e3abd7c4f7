"""A neural ordinary differential equation, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_neural_ode.py
    python -m cnn_physics77.as_torch examples/pytorch_neural_ode.py

A network f learns the law dx/dt = f(x) from a trajectory x(t) that spirals inwards (the spiral of R. T. Q.
Chen et al., Neural ordinary differential equations, NeurIPS 2018). The solver is the classical Runge-Kutta
method with fixed step, and the gradient goes through its steps. The same seed draws the same weights and
pieces in both; everything is computed in float64.
"""

import argparse

import torch
from torch import nn

LAW = [[-0.1, 2.0], [-2.0, -0.1]]


def runge_kutta(f, x, dt, steps):
    """x at the times 0, dt, ..., steps dt: stacked along a new first dimension."""
    path = [x]
    for _ in range(steps):
        k1 = f(x)
        k2 = f(x + dt / 2 * k1)
        k3 = f(x + dt / 2 * k2)
        k4 = f(x + dt * k3)
        x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        path.append(x)
    return torch.stack(path)


class Law(nn.Module):
    """f(x), with the cubes of x as input, as these are what drives the spiral."""

    def __init__(self, hidden=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 2))

    def forward(self, x):
        return self.net(x**3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--length", type=int, default=8, help="of the pieces, in time steps")
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    dt, points = 0.025, 400
    with torch.no_grad():
        law = torch.tensor(LAW)
        truth = runge_kutta(lambda x: x**3 @ law, torch.tensor([2.0, 0.0]), dt, points)
    model = Law()
    print(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    for step in range(1, args.steps + 1):
        starts = torch.randperm(points - args.length)[: args.batch_size]
        pieces = torch.stack([truth[starts + i] for i in range(args.length + 1)])
        loss = (runge_kutta(model, pieces[0], dt, args.length) - pieces).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 40 == 0:
            print(f"step {step:3d}, loss {loss.item():.8f}")

    with torch.no_grad():
        found = runge_kutta(model, truth[0], dt, points)
    for i in range(0, points + 1, 80):
        learned, true = (", ".join(f"{v:7.4f}" for v in path[i].tolist()) for path in (found, truth))
        print(f"t = {i * dt:4.1f}: learned ({learned}), true ({true})")


if __name__ == "__main__":
    main()
