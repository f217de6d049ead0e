"""Steps of warps, drawn: words that say the same, labels beside the colours, sliders that move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from test_lens import copy, counted, floats, interleaved, row_sums, strided, zeros

from tinynn.course import plots
from tinynn.course.lens import WarpStepper, look, warp_stepper
from tinynn.course.plots.warp_parts import WAITS, WARPS, Names
from tinynn.errors import ArgumentError
from tinynn.gpu import cuda, float32
from tinynn.gpu.lens import Step


def drawn(report, array, nth=0):
    """The picture of a step of an array."""
    step = report.array(array).steps[nth]
    return plots.warp_step(step, report.lines[step.line].text, report.shapes.get(array, ()))


def texts(picture):
    return [text.get_text() for text in picture.axes[0].texts]


def hatched(picture):
    boxes = [p for p in picture.axes[0].patches if isinstance(p, Rectangle) and p.get_hatch()]
    return boxes[:-1] if boxes else []  # the last one explains the hatching


def lines(picture, colour):
    groups = [c for c in picture.axes[0].collections if isinstance(c, LineCollection)]
    return sum(len(c.get_segments()) for c in groups if to_hex(c.get_color()[0]) == colour) if groups else 0


def test_a_load_of_neighbours_fills_four_sectors_and_nothing_is_hatched():
    picture = drawn(look(copy, 1, 32, floats(32), zeros(32)), "x")
    assert texts(picture).count("32 of 32 B   x[0…7]") == 1 and len(hatched(picture)) == 0
    assert "Every byte that is moved is wanted." in texts(picture)
    assert picture.alt.startswith(
        "Warp 0 of block 0 reads 32 elements of x from 4 sectors: 128 of 128 bytes used. Coalesced"
    )
    assert "Sectors: x[0…7] by lanes 0 to 7; x[8…15] by lanes 8 to 15" in picture.alt
    assert lines(picture, WARPS[0]) == 32


def test_a_stride_of_eight_hatches_seven_cells_of_each_of_32_sectors():
    picture = drawn(look(strided, 1, 32, floats(256), zeros(32), 8), "x")
    boxes = hatched(picture)
    assert len(boxes) == 32 and len({round(box.get_width(), 6) for box in boxes}) == 1
    assert sum(text.startswith("4 of 32 B") for text in texts(picture)) == 32
    assert "hatched: moved for nobody, 896 of 1,024 bytes (87.5%)" in texts(picture)
    assert "1 of x[0…7] by lane 0" in picture.alt and "and 28 more" in picture.alt


def test_elements_of_a_matrix_are_called_by_row_and_column():
    picture = drawn(look(row_sums, 1, 32, floats(32, 8), zeros(32)), "a", nth=1)
    assert any(text.endswith("a[31, 0…7]") for text in texts(picture))
    assert any("round 1" in text for text in texts(picture))


@pytest.mark.parametrize(
    ("shape", "cells", "name"),
    [
        ((64,), range(8, 16), "x[8…15]"),
        ((4, 16), range(24, 32), "x[1, 8…15]"),
        ((4, 6), range(8, 16), "x[1, 2]…[2, 3]"),
        ((2, 3, 4), [17], "x[1, 1, 1]"),
        ((), range(8), "x[0…7]"),
        ((3, 0), [2], "x[2, 0]"),
    ],
)
def test_names_of_elements(shape, cells, name):
    assert Names("x", shape).range(cells) == name


def test_a_broadcast_shows_who_gets_the_cell():
    picture = drawn(look(strided, 1, 32, floats(8), zeros(32), 0), "x")
    assert "0–31" in texts(picture) and "✓ Broadcast: one cell serves several threads at once." in texts(
        picture
    )


def test_threads_that_sit_out_are_dashed_and_counted():
    picture = drawn(look(copy, 1, 32, floats(32), zeros(5)), "x")
    dashed = [p for p in picture.axes[0].patches if p.get_linestyle() not in ("solid", "-")]
    assert len(dashed) == 27 and "27 threads of the warp sit out." in picture.alt
    assert "warp 0 of block 0, threads 0–31: 5 at work" in texts(picture)


def test_atomics_that_wait_are_orange_dashed_and_numbered():
    report = look(counted, 1, 32, np.zeros(32, np.int32), zeros(4))
    picture = drawn(report, "bins")
    assert "×32" in texts(picture) and any("32 turns" in text for text in texts(picture))
    assert lines(picture, WAITS) == 32 and "32 turns, one after the other" in picture.alt


def column(width):
    """Thread t reads the first word of row t of a tile with rows of so many words."""
    cells = tuple(width * lane for lane in range(32))
    return Step(1, "shared", "load", "tile", 4, (0, 0, 0), 0, (), tuple(range(32)), cells)


def test_a_bank_conflict_is_orange_with_its_turns_and_padding_ends_it():
    picture = plots.warp_step(column(32))
    assert "×32" in texts(picture) and lines(picture, WAITS) == 32
    assert "Of 32 banks: 1 bank with 32 turns." in picture.alt
    picture = plots.warp_step(column(33))
    assert lines(picture, WAITS) == 0 and lines(picture, WARPS[0]) == 32
    assert "No bank is asked for more than one word at a time." in texts(picture)


@pytest.mark.parametrize(
    ("itemsize", "space", "kind"),
    [(1, "global", "atomic"), (2, "shared", "load"), (8, "global", "store"), (8, "shared", "atomic")],
)
def test_elements_of_every_size_are_drawn(itemsize, space, kind):
    cells = tuple(3 * lane % 41 for lane in range(32))
    step = Step(1, space, kind, "x", itemsize, (2, 1, 0), 3, (), tuple(range(32)), cells)
    picture = plots.warp_step(step, "x[3 * i % 41] $ 1 $")
    assert "of block (2, 1)" in picture.alt
    assert kind != "atomic" or picture.png(40)


def test_no_text_leaves_the_page():
    far = tuple(999 * lane for lane in range(32))
    for step in (column(32), replace(column(32), space="global", cells=far)):
        picture = plots.warp_step(step, "y[i] = x[i * k] * float32(2) + float32(1)")
        page, renderer = picture.bbox, FigureCanvasAgg(picture).get_renderer()
        for text in picture.axes[0].texts:
            box = text.get_window_extent(renderer)
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text


def test_local_memory_has_no_picture():
    step = Step(1, "local", "load", "x", 4, (0, 0, 0), 0, (), (0,), (0,))
    with pytest.raises(ArgumentError, match="expected one in global or shared memory"):
        plots.warp_step(step)


# -- the slider --------------------------------------------------------------------------------------------


@cuda.jit
def idle(x):
    pass


@cuda.jit
def private(x):
    mine = cuda.local.array(1, float32)
    mine[0] = float32(1)


def test_it_begins_at_the_step_to_look_at_first():
    walk = warp_stepper(look(strided, 2, 64, floats(1024), zeros(128), 8))
    assert walk.warps == [((b, 0, 0), w) for b in (0, 1) for w in (0, 1)]
    assert walk.step.array == "x" and walk.position == 0 and walk.last == 1
    assert repr(walk) == (
        "Step 1 of 2 of warp 0 of block 0. Warp 0 of block 0 reads 32 elements of x from 32 sectors: "
        "128 of 1,024 bytes used."
    )
    assert isinstance(walk, WarpStepper)


def test_it_goes_to_other_steps_and_warps_and_stays_within():
    walk = warp_stepper(look(copy, 2, 64, floats(128), zeros(128)))
    assert walk.go(1).startswith("Warp 0 of block 0 writes")
    assert walk.go(99, warp=((1, 0, 0), 1)).startswith("Warp 1 of block 1 writes") and walk.position == 1
    assert walk.go(-3).startswith("Warp 1 of block 1 reads")
    assert walk.picture().alt.startswith("Step 1 of 2 of warp 1 of block 1.")


@pytest.fixture
def shown(page):
    """A stepper on a page: the stepper, its widgets, and what stands in each place, newest last."""
    pytest.importorskip("ipywidgets")
    walk = warp_stepper(look(interleaved, 1, 256, floats(256), zeros(1)))
    walk._ipython_display_()
    return walk, walk._panel, page.places


def test_the_sliders_move_the_walk_and_what_is_shown(shown):
    walk, panel, (_, picture, words) = shown
    panel.slider.value = 1
    assert walk.position == 0 and len(picture) == 2 and picture[1]["image/png"] != picture[0]["image/png"]
    assert words[-1]["text/plain"].startswith("Step 1 of ")
    panel.slider.value = panel.slider.max
    assert walk.position == walk.last
    panel.warp.value = ((0, 0, 0), 5)
    assert walk.warp[1] == 5 and panel.slider.max == walk.last + 1 == 2  # it loads and stores once
    assert "Warp 5 of block 0" in words[-1]["text/plain"]
    assert len(picture) == len(words) == 4  # one picture a move, the first included
    walk.go(2, warp=((0, 0, 0), 0))
    assert panel.slider.value == 3 and panel.warp.value == ((0, 0, 0), 0)


def test_picture_and_words_outlive_the_sliders(shown):
    _, panel, (sliders, *others) = shown
    view = "application/vnd.jupyter.widget-view+json"
    assert view in sliders[0] and "Run this cell" in sliders[0]["text/html"]
    assert not any(view in place[0] for place in others)
    assert {panel.slider.description, panel.warp.description} == {"step", "warp"}


def test_one_warp_with_one_step_has_one_slider_that_stands_still(page):
    pytest.importorskip("ipywidgets")
    walk = warp_stepper(look(cuda.jit(store_once), 1, 1, zeros(1)))
    walk._ipython_display_()
    assert walk._panel.slider.disabled and list(walk._panel.box.children) == [walk._panel.slider]


def store_once(y):
    y[0] = float32(1)


def test_what_cannot_be_walked_through_is_refused():
    with pytest.raises(ArgumentError, match=r"got int; expected a report of look.*Try: warp_stepper\(look"):
        warp_stepper(3)
    for kernel in (idle, private):
        with pytest.raises(ArgumentError, match="no warp touched an array"):
            warp_stepper(look(kernel, 1, 32, zeros(1)))
    walk = warp_stepper(look(copy, 1, 32, floats(32), zeros(32)))
    with pytest.raises(ArgumentError, match=r"one of \(\(0, 0, 0\), 0\)"):
        walk.go(0, warp=((0, 0, 0), 7))
