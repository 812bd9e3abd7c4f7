"""The boundary layer of a flat plate, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_blasius_pinn.py
    python -m cnn_physics77.as_torch examples/pytorch_blasius_pinn.py

Blasius' equation is of third order: f''' + f f'' / 2 = 0, with f = f' = 0 at the wall and f' = 1 far away. A
network is trained to fulfil it (Lagaris et al. 1998; Raissi et al. 2019), first by Adam, then by L-BFGS. The
shear at the wall, f''(0), is known to be 0.332057. The same seed draws the same weights in both; everything
is in float64.
"""

import argparse

import torch
from torch import nn

FAR = 8.0
WALL_SHEAR = 0.332057


class Stream(nn.Module):
    """f(x) = x² exp N(x) has f(0) = f'(0) = 0 and no reversed flow, whatever the network N is."""

    def __init__(self, hidden):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1)
        )

    def forward(self, x):
        return x**2 * self.network(x / FAR).exp()


def derivative(y, x):
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]


def loss_of(model, x):
    """The mean square of the equation at the points x, and the square of the condition at the last one."""
    f = model(x)
    f1 = derivative(f, x)
    f2 = derivative(f1, x)
    f3 = derivative(f2, x)
    return (f3 + f * f2 / 2).square().mean() + (f1[-1] - 1).square().sum()


def wall_shear(model):
    x = torch.zeros(1, 1, requires_grad=True)
    return derivative(derivative(model(x), x), x).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--adam", type=int, default=200, help="steps of Adam")
    parser.add_argument("--lbfgs", type=int, default=300, help="iterations of L-BFGS, at most")
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(77)
    model = Stream(hidden=12)
    x = torch.linspace(0, FAR, 41).unsqueeze(1).requires_grad_()

    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(1, args.adam + 1):
        optimizer.zero_grad()
        loss = loss_of(model, x)
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"Adam, step {step}: loss {loss.item():.6f}, shear at the wall {wall_shear(model):.6f}")

    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=args.lbfgs, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = loss_of(model, x)
        loss.backward()
        return loss

    optimizer.step(closure)
    shear = wall_shear(model)
    print(f"L-BFGS: loss below 1e-5: {closure().item() < 1e-5}, shear at the wall {shear:.3f}")
    print(f"within 0.001 of Blasius' {WALL_SHEAR}: {abs(shear - WALL_SHEAR) < 1e-3}")


if __name__ == "__main__":
    main()
