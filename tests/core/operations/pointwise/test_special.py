"""Special functions against SciPy and against values of 40 digits, their derivatives, and their edges.

The values are mpmath's, rounded to double precision.
"""

import numpy as np
import pytest
import scipy.special

import cnn_physics77 as torch
from cnn_physics77 import special
from cnn_physics77.core.errors import GradientError
from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck

INF, NAN = np.inf, np.nan
EPSILON = 2.0**-52


def of(function, *values):
    return function(*(torch.tensor(v, dtype=torch.float64) for v in values)).numpy()


def spread(low, high, n=200):
    """Numbers spread evenly in the logarithm."""
    return np.exp(np.random.default_rng(0).uniform(np.log(low), np.log(high), n))


COMPARED = [
    # function, SciPy's, arguments, error of both together in units in the last place
    ("gammaln", "gammaln", spread(1e-8, 1e8), 200),  # SciPy's error near its zeros
    ("digamma", "digamma", spread(1e-8, 1e8), 30),
    ("erfcx", "erfcx", np.linspace(-2, 40, 200), 20),
    ("ndtr", "ndtr", np.linspace(-15, 8, 200), 400),  # SciPy rounds x / √2 first
    ("log_ndtr", "log_ndtr", np.linspace(-50, 2, 200), 30),
    ("ndtri", "ndtri", np.linspace(0.001, 0.999, 200), 60),
    ("erfinv", "erfinv", np.linspace(-0.999, 0.999, 200), 30),
    ("i0", "i0", spread(1e-5, 700), 20),
    ("i0e", "i0e", spread(1e-5, 1e6), 20),
    ("i1", "i1", spread(1e-5, 700), 20),
    ("i1e", "i1e", spread(1e-5, 1e6), 20),
    ("modified_bessel_k0", "k0", spread(1e-5, 600), 20),
    ("modified_bessel_k1", "k1", spread(1e-5, 600), 20),
    ("scaled_modified_bessel_k0", "k0e", spread(1e-5, 1e6), 20),
    ("scaled_modified_bessel_k1", "k1e", spread(1e-5, 1e6), 20),
]


@pytest.mark.parametrize(
    ("name", "theirs", "x", "ulps"), COMPARED, ids=lambda v: v if isinstance(v, str) else ""
)
def test_against_scipy(name, theirs, x, ulps):
    np.testing.assert_allclose(
        of(getattr(special, name), x), getattr(scipy.special, theirs)(x), rtol=ulps * EPSILON
    )


@pytest.mark.parametrize(("name", "theirs"), [("j0",) * 2, ("j1",) * 2, ("y0",) * 2, ("y1",) * 2])
def test_oscillating_functions_against_scipy(name, theirs):
    x = np.concatenate([spread(1e-3, 1, 50), spread(1, 25), spread(25, 1e3)])
    found, expected = of(getattr(special, f"bessel_{name}"), x), getattr(scipy.special, theirs)(x)
    np.testing.assert_allclose(found, expected, rtol=10 * EPSILON, atol=20 * EPSILON)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_polygamma_and_zeta_against_scipy(n):
    x = spread(1e-2, 1e4)
    found = torch.polygamma(n, torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, scipy.special.polygamma(n, x), rtol=1e-14)
    np.testing.assert_allclose(of(special.zeta, n + 0.5, x), scipy.special.zeta(n + 0.5, x), rtol=1e-14)


def test_incomplete_gamma_functions_against_scipy():
    rng = np.random.default_rng(1)
    a = spread(1e-3, 1e5, 300)
    x = a + np.sqrt(a) * rng.uniform(-3, 3, 300)
    a, x = a[x > 0], x[x > 0]
    for ours, theirs in ((special.gammainc, "gammainc"), (special.gammaincc, "gammaincc")):
        expected = getattr(scipy.special, theirs)(a, x)
        np.testing.assert_allclose(of(ours, a, x), expected, rtol=2e-12)


VALUES = [
    # name, arguments, mpmath's value, error in units in the last place
    ("gammaln", (1e-10,), 23.025850929882736, 5),
    ("gammaln", (0.9999,), 5.7729791561193866e-05, 5),
    ("gammaln", (1.4616,), -0.12148629003589732, 5),
    ("gammaln", (2.0001,), 4.2281658112919945e-05, 5),
    ("gammaln", (7.3,), 7.147892523022248, 5),
    ("gammaln", (10000000000.0,), 220258509288.81058, 5),
    ("digamma", (0.001,), -1000.5755719318103, 3),
    ("digamma", (1.4616321449683622,), -9.241265521729427e-17, 3),
    ("digamma", (1.4616,), -3.110625123034165e-05, 3),
    ("digamma", (5.5,), 1.6110931485817512, 3),
    ("digamma", (123.456,), 4.811829323828985, 3),
    ("zeta", (1.001, 1.0), 1000.5772884760116, 4),
    ("zeta", (3.0, 0.01), 1000001.1701993385, 4),
    ("zeta", (2.5, 1000.0), 2.1097669044166766e-05, 4),
    ("zeta", (3.0, -1.5), 0.1181020258208637, 40),
    ("ndtr", (-30.1,), 2.4226672179857586e-199, 4),
    ("ndtr", (-13.37,), 4.527042512134821e-41, 4),
    ("ndtr", (-5.53,), 1.6011539388090922e-08, 4),
    ("ndtr", (-1.13,), 0.12923811224001786, 4),
    ("ndtr", (-30.0,), 4.906713927148187e-198, 4),
    ("ndtr", (-5.5,), 1.8989562465887718e-08, 4),
    ("ndtr", (-1.1,), 0.13566606094638264, 4),
    ("ndtr", (0.3,), 0.6179114221889527, 4),
    ("log_ndtr", (-100.0,), -5005.524208694205, 7),
    ("log_ndtr", (-3.3,), -7.634616148071127, 7),
    ("log_ndtr", (0.1,), -0.6165050101150263, 7),
    ("log_ndtr", (2.0,), -0.02301290932896349, 7),
    ("erfcx", (-5.0,), 144009798674.66104, 4),
    ("erfcx", (0.4,), 0.6707877852947615, 4),
    ("erfcx", (3.9,), 0.14031418160068973, 4),
    ("erfcx", (50.0,), 0.011281536265323773, 4),
    ("ndtri", (1e-200,), -30.20559417957964, 4),
    ("ndtri", (0.01,), -2.326347874040841, 4),
    ("ndtri", (0.4,), -0.2533471031357997, 4),
    ("erfinv", (1e-20,), 8.86226925452758e-21, 6),
    ("erfinv", (0.5,), 0.4769362762044699, 6),
    ("erfinv", (0.9999,), 2.75106390571208, 6),
    ("i0", (0.5,), 1.0634833707413236, 8),
    ("i1e", (0.5,), 0.1564208031848717, 10),
    ("i0", (10.0,), 2815.7166284662544, 8),
    ("i1e", (10.0,), 0.12126268138445552, 10),
    ("i0", (24.9,), 5235629675.804422, 8),
    ("i1e", (24.9,), 0.07872879488210313, 10),
    ("i0", (25.1,), 6369018573.803502, 8),
    ("i1e", (25.1,), 0.07842431517836841, 10),
    ("i0", (300.0,), 4.475847367935052e128, 8),
    ("i1e", (300.0,), 0.02300412204026895, 10),
    ("scaled_modified_bessel_k0", (1e-06,), 13.931456005075459, 6),
    ("scaled_modified_bessel_k1", (1e-06,), 1000000.9999932843, 6),
    ("scaled_modified_bessel_k0", (0.99,), 1.1494128703415314, 6),
    ("scaled_modified_bessel_k1", (0.99,), 1.6477055552521314, 6),
    ("scaled_modified_bessel_k0", (1.01,), 1.1395785704889894, 6),
    ("scaled_modified_bessel_k1", (1.01,), 1.6248142221175983, 6),
    ("scaled_modified_bessel_k0", (30.0,), 0.22788666561625373, 6),
    ("scaled_modified_bessel_k1", (30.0,), 0.2316541293777118, 6),
    ("scaled_modified_bessel_k0", (1000.0,), 0.03962832160075422, 6),
    ("scaled_modified_bessel_k1", (1000.0,), 0.03964813081296021, 6),
    ("bessel_j0", (0.5,), 0.9384698072408129, 30),
    ("bessel_j1", (0.5,), 0.2422684576748739, 30),
    ("bessel_y0", (0.5,), -0.44451873350670656, 30),
    ("bessel_y1", (0.5,), -1.471472392670243, 30),
    ("bessel_j0", (7.5,), 0.2663396578803784, 30),
    ("bessel_j1", (7.5,), 0.1352484275797055, 30),
    ("bessel_y0", (7.5,), 0.11731328614820863, 30),
    ("bessel_y1", (7.5,), -0.25912851048611624, 30),
    ("bessel_j0", (20.0,), 0.16702466434058316, 30),
    ("bessel_j1", (20.0,), 0.06683312417585005, 30),
    ("bessel_y0", (20.0,), 0.06264059680938383, 30),
    ("bessel_y1", (20.0,), -0.1655116143625213, 30),
    ("bessel_j0", (24.9,), 0.0832459683530155, 30),
    ("bessel_j1", (24.9,), -0.13485569953140886, 30),
    ("bessel_y0", (24.9,), -0.13649918399676522, 30),
    ("bessel_y1", (24.9,), -0.08600255759555425, 30),
    ("bessel_j0", (25.1,), 0.10827567149994945, 30),
    ("bessel_j1", (25.1,), -0.11463478413442257, 30),
    ("bessel_y0", (25.1,), -0.11676770763803694, 30),
    ("bessel_y1", (25.1,), -0.11062223322783099, 30),
    ("bessel_j0", (1000000.0,), 0.00033104301373987376, 30),
    ("bessel_j1", (1000000.0,), -0.000725968356813763, 30),
    ("bessel_y0", (1000000.0,), -0.0007259685223351791, 30),
    ("bessel_y1", (1000000.0,), -0.00033104337672417626, 30),
    ("airy_ai", (-1000000.0,), -0.0021912611413430574, 8),
    ("airy_ai", (-1234.5,), 0.0847327393708121, 8),
    ("airy_ai", (-40.1,), 0.09277856564930317, 8),
    ("airy_ai", (-7.25,), 0.32374057321118616, 8),
    ("airy_ai", (-1.3,), 0.512272006041031, 8),
    ("airy_ai", (-0.7,), 0.5110003975750101, 8),
    ("airy_ai", (-0.2,), 0.40628418744480144, 8),
    ("airy_ai", (0.3,), 0.2788064819550049, 8),
    ("airy_ai", (0.71,), 0.18717051724987332, 8),
    ("airy_ai", (1.6,), 0.06253690796893195, 8),
    ("airy_ai", (4.2,), 0.0006274958683091631, 8),
    ("airy_ai", (17.0,), 7.050197298388614e-22, 8),
    ("airy_ai", (90.5,), 4.937753926954073e-251, 8),
    ("gammainc", (0.001, 0.5), 0.9994399333435292, 60),
    ("gammaincc", (0.001, 0.5), 0.0005600666564707498, 60),
    ("gammainc", (0.5, 3.0), 0.9856941215645704, 60),
    ("gammaincc", (0.5, 3.0), 0.01430587843542964, 60),
    ("gammainc", (5.0, 4.0), 0.37116306482012645, 60),
    ("gammaincc", (5.0, 4.0), 0.6288369351798735, 60),
    ("gammainc", (50.0, 60.0), 0.9155933189063081, 60),
    ("gammaincc", (50.0, 60.0), 0.08440668109369183, 60),
    ("gammainc", (1000.0, 1010.0), 0.6276789447369947, 60),
    ("gammaincc", (1000.0, 1010.0), 0.3723210552630053, 60),
    ("gammainc", (1000000.0, 999000.0), 0.15865521357430365, 60),
    ("gammaincc", (1000000.0, 999000.0), 0.8413447864256963, 60),
]


@pytest.mark.parametrize(("name", "arguments", "expected", "ulps"), VALUES)
def test_values(name, arguments, expected, ulps):
    found = of(getattr(special, name), *arguments)
    assert abs(found - expected) <= ulps * np.spacing(abs(expected))


@pytest.mark.parametrize(
    "name",
    [
        *("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_k0", "modified_bessel_k1"),
        *("scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "i0", "i1", "i0e", "i1e"),
        *("spherical_bessel_j0", "sinc", "entr", "erfcx", "log_ndtr", "ndtr", "gammaln", "digamma"),
    ],
)
def test_derivatives(name):
    x = torch.tensor([0.3, 1.7, 6.2, 27.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(getattr(special, name), x)
    assert gradgradcheck(getattr(special, name), x)


def test_derivatives_of_the_airy_function():
    """The second is x y, so the third is y plus x times the first, also where it oscillates."""
    x = torch.tensor([-30.1, -4.2, -0.3, 0.0, 0.6, 1.9], dtype=torch.float64, requires_grad=True)
    assert gradcheck(special.airy_ai, x)
    derivatives = [special.airy_ai(x)]
    for _ in range(3):
        derivatives += torch.autograd.grad(derivatives[-1].sum(), x, create_graph=True)
    at, (y, first, second, third) = x.detach().numpy(), (d.detach().numpy() for d in derivatives)
    np.testing.assert_allclose(second, at * y, rtol=1e-14)
    np.testing.assert_allclose(third, y + at * first, rtol=1e-13)


@pytest.mark.parametrize("name", [n for n in dir(special) if "polynomial" in n and n[0] != "_"])
def test_derivatives_of_polynomials(name):
    x = torch.tensor([[-0.4], [0.3], [1.2]], dtype=torch.float64, requires_grad=True)
    n = torch.tensor([0, 1, 2, 4])
    assert gradcheck(lambda x: getattr(special, name)(x, n), x)
    assert gradgradcheck(lambda x: getattr(special, name)(x, 4), x)


def test_derivatives_at_zero():
    """The limits of J_1(x)/x, I_1(x)/x and sin x / x, and of their derivatives."""
    for name, first, second in (
        *(("bessel_j0", 0, -0.5), ("bessel_j1", 0.5, 0), ("i0", 0, 0.5), ("i1", 0.5, 0)),
        *(("sinc", 0, -(np.pi**2) / 3), ("spherical_bessel_j0", 0, -1 / 3)),
    ):
        x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        (g,) = torch.autograd.grad(getattr(special, name)(x), x, create_graph=True)
        (h,) = torch.autograd.grad(g, x)
        np.testing.assert_allclose([g.item(), h.item()], [first, second], atol=1e-15)


def test_derivatives_of_sinc_without_cancellation():
    """The sixth derivative of sin u / u, by its recurrence and by its series: they meet at u = 7."""
    values = []
    for x in (6.999999, 7.000001):
        x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        y = special.spherical_bessel_j0(x)
        for _ in range(6):
            (y,) = torch.autograd.grad(y, x, create_graph=True)
        values.append(y.item())
    np.testing.assert_allclose(values[0], values[1], rtol=1e-5)


def test_derivatives_of_sinc_near_zero():
    """f' = -x/3 + x³/30 and f'' = -1/3 + x²/10, which the recurrence would lose to cancellation."""
    x = torch.tensor([1e-4, 1e-2], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(special.spherical_bessel_j0(x).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    u = x.detach().numpy()
    np.testing.assert_allclose(g.detach().numpy(), -u / 3 + u**3 / 30 - u**5 / 840, rtol=1e-13)
    np.testing.assert_allclose(h.numpy(), -1 / 3 + u**2 / 10 - u**4 / 168, rtol=1e-12)


def test_what_has_no_derivative_says_so():
    a = torch.tensor([2.0], requires_grad=True)
    for function in (special.gammainc, special.gammaincc, special.zeta):
        y = function(a, torch.tensor([1.0]))
        with pytest.raises(GradientError, match="is not implemented"):
            y.backward()


EDGES = [
    ("gammaln", [0.0, -3.0, INF, -INF], [INF, INF, INF, INF]),
    ("digamma", [0.0, -0.0, -1.0, INF], [-INF, INF, NAN, INF]),
    ("bessel_j0", [INF, -INF, 0.0], [0, 0, 1]),
    ("bessel_y1", [INF, 0.0, -1.0], [0, -INF, NAN]),
    ("modified_bessel_k0", [INF, 0.0, -1.0], [0, INF, NAN]),
    ("airy_ai", [INF, -INF, 1e300], [0, NAN, 0]),
    ("i0", [INF, -INF, 800.0], [INF, INF, INF]),
    ("i1", [INF, -INF], [INF, -INF]),
    ("i1e", [INF, -INF, 1e300], [0, 0, 0]),
    ("erfcx", [INF, -INF, -30.0], [0, INF, INF]),
    ("ndtr", [INF, -INF], [1, 0]),
    ("log_ndtr", [INF, -INF, -1e200], [0, -INF, -INF]),
    ("ndtri", [0.0, 1.0, 1.5], [-INF, INF, NAN]),
    ("sinc", [0.0], [1]),
]


@pytest.mark.parametrize(("name", "x", "expected"), EDGES)
def test_edges(name, x, expected):
    np.testing.assert_allclose(of(getattr(special, name), [*x, NAN]), [*expected, NAN], atol=1e-140)


def test_incomplete_gamma_functions_at_edges():
    a = np.array([0, 0, 0, 1, INF, INF, INF, 1, -1, 1, 200, 1e308])
    x = np.array([0, 1, INF, INF, 1, 0, INF, 0, 1, -1, 1e-300, 1e308])
    p = np.array([NAN, 1, 1, 1, 0, 0, NAN, 0, NAN, NAN, 0, 0.5])
    np.testing.assert_allclose(of(special.gammainc, a, x), p, rtol=1e-12)
    np.testing.assert_allclose(of(special.gammaincc, a, x), 1 - p, rtol=1e-12)
    assert of(special.gammainc, [], []).shape == (0,)


def test_float32_is_the_rounded_result():
    x = torch.tensor([0.1, 1.0, 20.0, 80.0])
    for name in ("gammaln", "i0e", "modified_bessel_k0", "bessel_j1", "erfcx"):
        function = getattr(special, name)
        assert torch.equal(function(x), function(x.double()).float())
