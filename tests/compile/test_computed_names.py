"""Which names of attributes a function says, and which it computes."""

import pytest

from cnn_physics77.compile.capture.names import computes_names


@pytest.mark.parametrize(
    ("code", "computes"),
    [
        ("getattr(o, 'x')", False),
        ("getattr(o.y(1)[0], 'x', f(1, 2) + 1)", False),
        ("hasattr(f(o), 'x') and getattr(o, 'x')", False),
        ("operator.attrgetter('x.y')(o)", False),
        ("o.x + f('x')", False),
        ("getattr(o, x)", True),
        ("getattr(o, x or 'y')", True),
        ("getattr(o, x or 'y', f(1))", True),
        ("getattr(o, 'x' + x, None)", True),
        ("getattr(o, f'x{x}')", True),
        ("getattr(o, x.y)", True),
        ("hasattr(o, 'x') and getattr(o, x)", True),
        ("map(getattr, o, x)", True),
        ("operator.attrgetter(x)(o)", True),
        ("vars(o)", True),
    ],
)
def test_names_of_attributes_that_code_computes(code, computes):
    """An object whose attributes are named is not compared as a whole: it may count its calls."""
    assert computes_names(compile(code, "", "eval")) is computes
