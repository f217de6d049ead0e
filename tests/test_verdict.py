"""How a verdict is shown: in a glance, as text and as HTML."""

from __future__ import annotations

import numpy as np

from tests.test_diagnose import cubed, elementwise, fill, judged, linear
from tinynn.course.engine.call import Call, plain
from tinynn.course.engine.exercise import case
from tinynn.course.engine.verdict import Code, Table, Text, Verdict


def test_the_first_line_is_the_verdict_then_input_values_diagnosis_look() -> None:
    text = str(judged(linear, linear.mistakes["dw_transposed"].function))
    parts = [
        "✗ Look again at `dw`",
        "The smallest input that fails",
        "received",
        "The mistake: ",
        "Look at: ",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_expected_values_of_large_arrays_are_shown_only_where_they_differ() -> None:
    exercise = fill(8, "f(x)", "y", lambda rng: iter([case(rng.normal(size=(40, 30)))] * 2), np.sin)

    def one_wrong(x):
        y = np.sin(x)
        y[7, 3] += 1
        return y

    text = str(judged(exercise, one_wrong))
    assert "[7, 3]" in text and "1 of 1200 numbers differ" in text and len(text) < 1500


def test_enough_digits_are_shown_to_see_the_difference() -> None:
    table = next(
        b for b in judged(elementwise, lambda x, dy: cubed(x, dy) + 1e-6).blocks if isinstance(b, Table)
    )
    assert all(row[1] != row[2] for row in table.rows)


def test_html_is_escaped_has_scopes_and_no_colour_of_its_own() -> None:
    table = Table(("", "expected"), (("[0]", "<b>"),), "`x` <i>")
    shown = Verdict("look", "`a < b`", "Look", (Text("<b>", "Why"), Code("<u>"), table))._repr_html_()
    assert 'scope="col"' in shown and 'scope="row"' in shown and 'role="heading"' in shown
    assert not any(tag in shown for tag in ("<b>", "<i>", "<u>"))
    assert "background: transparent" in shown and "background: #" not in shown


def test_a_plain_verdict_is_one_line() -> None:
    assert str(Verdict("look", "Try again.", "Not yet")) == "✗ Not yet. Try again."
    assert str(Verdict("right")) == "✓ Right."


def test_odd_values_do_not_raise() -> None:
    class Strange:
        def __repr__(self) -> str:
            raise RuntimeError

    for value in (Strange(), {"a": 1}, "text", [[1], [2, 3]], object, 1j, np.array(["a"]), {1, 2}, b"x"):
        said = judged(elementwise, lambda x, dy, value=value: value)
        assert said.kind == "look" and str(said) and said._repr_html_()
        assert judged(linear, lambda dy, x, w, value=value: (value, value, value)).kind == "look"


def test_plain_values_of_the_calls_stay_as_they_are() -> None:
    assert plain(np.float64(2)).shape == () and Call((1,)).kwargs == {}
