"""Gradients for each sample, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_per_sample_gradients.py
    python -m cnn_physics77.as_torch examples/pytorch_per_sample_gradients.py

A network learns to tell two rings apart, with differential privacy: the gradient of each sample is cut to a
norm of at most 1 before the mean, and noise is added to it (M. Abadi et al., *Deep learning with differential
privacy*, CCS 2016). The first step also measures how much the samples agree: the mean of their gradients
against their spread. The same seed draws the same weights, data and noise in both; everything is computed in
float64.
"""

import argparse

import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import binary_cross_entropy_with_logits


def rings(count):
    """Points (count, 2) on two rings with noise, and 0 or 1 for the ring."""
    labels = torch.randint(2, (count,)).double()
    angle = 2 * torch.pi * torch.rand(count)
    radius = 1 + labels + 0.2 * torch.randn(count)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parameters, x, y):
        """Of one sample."""
        return binary_cross_entropy_with_logits(functional_call(model, parameters, (x,))[0], y)

    gradients_of_samples = vmap(grad(loss), in_dims=(None, 0, 0))
    new = rings(200)
    for step in range(1, args.steps + 1):
        x, y = rings(args.batch_size)
        gradients = gradients_of_samples(parameters, x, y)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients.values()]).norm(dim=0)
        if step == 1:
            for name, g in gradients.items():
                agreement = g.mean(dim=0).norm() / g.std(dim=0).norm()
                print(f"{name:9s} {tuple(g.shape)!s:12s} mean / spread {agreement.item():.6f}")
        scale = (1 / norms).clamp(max=1)
        for name, g in gradients.items():
            cut = (g * scale.view(-1, *[1] * (g.ndim - 1))).mean(dim=0)
            noise = 0.5 / args.batch_size * torch.randn_like(cut)
            parameters[name] = parameters[name] - 0.5 * (cut + noise)
        if step % 20 == 0:
            x, y = new
            logits = functional_call(model, parameters, (x,))[:, 0]
            right = ((logits > 0) == (y > 0.5)).double().mean()
            print(
                f"step {step:3d}, largest norm {norms.max().item():.6f}, new points: "
                f"loss {binary_cross_entropy_with_logits(logits, y).item():.6f}, right {right.item():.3f}"
            )


if __name__ == "__main__":
    main()
