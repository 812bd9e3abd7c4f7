"""REINFORCE, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_reinforce.py
    python -m cnn_physics77.as_torch examples/pytorch_reinforce.py

A cart with friction is pushed left, right or not at all, until it stands at the origin. The policy is a
categorical distribution that a network computes from place and velocity; its gradient is that of R log p of
the actions (R. J. Williams, Machine Learning 8 (1992) 229), less the mean of R over the episodes. The same
seed draws the same weights, starts and actions in both; everything is computed in float64.
"""

import argparse

import torch
from torch import nn
from torch.distributions import Categorical

PUSHES = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)


def step(place, velocity, action):
    """The cart a tenth of a second later, and the reward."""
    velocity = 0.95 * velocity + 0.3 * PUSHES[action]
    place = place + 0.1 * velocity
    return place, velocity, -(place**2 + 0.1 * velocity**2)


def play(network, episodes, length):
    """Rewards, log-probabilities and entropies, each (length, episodes)."""
    place = 2 * torch.rand(episodes) - 1
    velocity = torch.zeros(episodes)
    rewards, log_probs, entropies = [], [], []
    for _ in range(length):
        policy = Categorical(logits=network(torch.stack([place, velocity], dim=-1)))
        action = policy.sample()
        place, velocity, reward = step(place, velocity, action)
        rewards.append(reward)
        log_probs.append(policy.log_prob(action))
        entropies.append(policy.entropy())
    return torch.stack(rewards), torch.stack(log_probs), torch.stack(entropies)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=48)
    parser.add_argument("--episodes", type=int, default=32)
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    network = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for update in range(1, args.updates + 1):
        rewards, log_probs, entropies = play(network, args.episodes, length=30)
        returns = rewards.flip(0).cumsum(0).flip(0)  # of each action: the rewards after it
        advantage = returns - returns.mean(dim=1, keepdim=True)
        loss = -(advantage.detach() * log_probs).mean() - 0.01 * entropies.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if update % max(1, args.updates // 6) == 0:
            print(
                f"update {update:3d}, return {rewards.sum(0).mean().item():8.4f}, "
                f"entropy {entropies.mean().item():.6f}"
            )
    with torch.no_grad():
        states = torch.tensor([[-0.5, 0.0], [0.0, 0.0], [0.5, 0.0]])
        for (place, _), probs in zip(states.tolist(), Categorical(logits=network(states)).probs.tolist()):
            print(f"at {place:4.1f}: " + ", ".join(f"{p:.4f}" for p in probs) + " for left, none, right")


if __name__ == "__main__":
    main()
