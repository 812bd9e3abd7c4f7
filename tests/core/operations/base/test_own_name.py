"""An error names the function that the user called, not one of those that it is made of."""

import pytest

import cnn_physics77 as torch
import cnn_physics77.nn.functional as F

TWO, THREE = torch.ones(2), torch.ones(3)
A, B = torch.ones(2, 3), torch.ones(2, 4)

BROADCAST = {
    "addcdiv": lambda: torch.addcdiv(TWO, THREE, TWO),
    "addcmul": lambda: torch.addcmul(TWO, THREE, TWO, value=2),
    "allclose": lambda: torch.allclose(TWO, THREE),
    "clamp": lambda: torch.clamp(TWO, THREE),
    "clamp_max": lambda: torch.clamp_max(TWO, THREE),
    "clamp_min": lambda: TWO.clamp_min(THREE),
    "clip": lambda: TWO.clip(THREE),
    "cosine_embedding_loss": lambda: F.cosine_embedding_loss(A, B, TWO),
    "cross": lambda: torch.cross(A, torch.ones(3, 3)),
    "dist": lambda: torch.dist(TWO, THREE),
    "float_power": lambda: torch.float_power(TWO, THREE),
    "gaussian_nll_loss": lambda: F.gaussian_nll_loss(TWO, THREE, TWO),
    "hinge_embedding_loss": lambda: F.hinge_embedding_loss(TWO, THREE),
    "kl_div": lambda: F.kl_div(TWO, THREE, reduction="batchmean"),
    "lerp": lambda: torch.lerp(TWO, TWO, THREE),
    "margin_ranking_loss": lambda: F.margin_ranking_loss(TWO, THREE, TWO),
    "pairwise_distance": lambda: F.pairwise_distance(A, B),
    "poisson_nll_loss": lambda: F.poisson_nll_loss(TWO, THREE),
    "rsub": lambda: torch.rsub(TWO, THREE),
    "soft_margin_loss": lambda: F.soft_margin_loss(TWO, THREE),
    "triplet_margin_loss": lambda: F.triplet_margin_loss(A, B, A),
}

OTHERS = {
    "addcmul": (lambda: torch.addcmul(TWO, "a", TWO), "expected tensors or numbers, found str"),
    "addmm": (lambda: torch.addmm(TWO, A, A), r"found \(2, 3\) @ \(2, 3\)"),
    "aminmax": (lambda: torch.aminmax(TWO, dim=3), "Dimension out of range"),
    "baddbmm": (lambda: torch.baddbmm(TWO, A[None], A[None]), r"found \(1, 2, 3\) @ \(1, 2, 3\)"),
    "chain_matmul": (lambda: torch.chain_matmul(A, A), "inner sizes"),
    "clip": (lambda: torch.clip(TWO), "At least one of 'min' or 'max' must not be None"),
    "embedding_bag": (lambda: F.embedding_bag(torch.tensor([[3]]), A), "found 3 to 3"),
    "lerp": (lambda: torch.lerp(TWO, TWO, "a"), "expected a tensor or a number, found str"),
    "msort": (lambda: torch.msort("a"), "found str"),
    "put": (lambda: TWO.put_(torch.tensor([2]), torch.ones(1)), "index 2 is out of bounds"),
    "softsign": (lambda: F.softsign("a"), "expected a tensor, found str"),
    "take": (
        lambda: torch.take(A, torch.tensor([-7])),
        "index -7 is out of bounds for dimension 0 with size 6",
    ),
    "tanhshrink": (lambda: F.tanhshrink("a"), "found str"),
    "vdot": (lambda: torch.vdot(TWO, THREE), r"found \(2,\) @ \(3,\)"),
}


@pytest.mark.parametrize("name", BROADCAST)
def test_shapes_that_do_not_broadcast(name):
    with pytest.raises(RuntimeError, match=f"^{name}: expected shapes that broadcast"):
        BROADCAST[name]()


@pytest.mark.parametrize("name", OTHERS)
def test_other_errors(name):
    call, text = OTHERS[name]
    with pytest.raises(RuntimeError, match=rf"^{name}: .*{text}"):
        call()
