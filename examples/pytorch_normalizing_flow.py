"""A normalizing flow, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_normalizing_flow.py
    python -m cnn_physics77.as_torch examples/pytorch_normalizing_flow.py

RealNVP (L. Dinh, J. Sohl-Dickstein and S. Bengio, ICLR 2017) learns the density of two moons: each layer
leaves one coordinate and moves and stretches the other, by networks of the first, so its inverse and its
Jacobian determinant are simple. The density integrates to 1, and samples come out by running it forward.
The same seed draws the same weights, data and samples in both; everything is computed in float64.
"""

import argparse

import torch
from torch import nn
from torch.distributions import Independent, Normal, TransformedDistribution, constraints
from torch.distributions.transforms import Transform


class Coupling(Transform):
    """y = x where the mask is 1, and x exp(s) + t elsewhere; s and t are functions of what is kept."""

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, network, mask):
        super().__init__(cache_size=1)
        self.network, self.mask = network, mask

    def parts(self, kept):
        s, t = self.network(kept * self.mask).chunk(2, dim=-1)
        return torch.tanh(s) * (1 - self.mask), t * (1 - self.mask)

    def _call(self, x):
        s, t = self.parts(x)
        return x * s.exp() + t

    def _inverse(self, y):
        s, t = self.parts(y)
        return (y - t) * (-s).exp()

    def log_abs_det_jacobian(self, x, y):
        return self.parts(x)[0].sum(-1)


def moons(count):
    """Points (count, 2) on two half circles, with noise."""
    angle, upper = torch.pi * torch.rand(count), torch.randint(2, (count,)) == 1
    x = torch.where(upper, angle.cos(), 1 - angle.cos()) - 0.5
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin()) - 0.25
    return 2 * torch.stack([x, y], dim=1) + 0.15 * torch.randn(count, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--layers", type=int, default=6)
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    networks = nn.ModuleList(
        nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 4)) for _ in range(args.layers)
    )
    masks = [torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])]
    layers = [Coupling(network, masks[i % 2]) for i, network in enumerate(networks)]
    noise = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    flow = TransformedDistribution(noise, layers)

    optimizer = torch.optim.Adam(networks.parameters(), lr=0.01)
    new = moons(500)
    for step in range(1, args.steps + 1):
        optimizer.zero_grad()
        loss = -flow.log_prob(moons(128)).mean()
        loss.backward()
        optimizer.step()
        if step % max(1, args.steps // 5) == 0:
            with torch.no_grad():
                print(f"step {step:3d}, -log p of new points {-flow.log_prob(new).mean().item():.6f}")

    with torch.no_grad():
        ticks = torch.linspace(-5, 5, 120)
        grid = torch.stack(torch.meshgrid(ticks, ticks, indexing="ij"), dim=-1).reshape(-1, 2)
        area = (ticks[1] - ticks[0]) ** 2
        print(f"integral of the density {(flow.log_prob(grid).exp().sum() * area).item():.4f}")
        x = flow.sample((500,))
        means, spreads = x.mean(dim=0).tolist(), x.std(dim=0).tolist()
        print("samples:", ", ".join(f"{m:.4f} ± {s:.4f}" for m, s in zip(means, spreads)))
        means, spreads = new.mean(dim=0).tolist(), new.std(dim=0).tolist()
        print("data:   ", ", ".join(f"{m:.4f} ± {s:.4f}" for m, s in zip(means, spreads)))


if __name__ == "__main__":
    main()
