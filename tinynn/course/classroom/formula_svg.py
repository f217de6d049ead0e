"""A formula as a picture inside the page: what MathJax draws in JupyterLab, without asking a network."""

from __future__ import annotations

from html import escape, unescape
from typing import Any

SIZE = 20  # the pixels in an em of the drawing; the page scales it with its text


def formula(tex: str, block: bool = False) -> str:
    """The TeX formula as an SVG whose text alternative is the TeX itself.

    A formula that Matplotlib cannot draw stays readable as code.
    """
    words = " ".join(unescape(tex).split())
    try:
        picture = _svg(words)
    except ValueError:
        picture = f"<code>{escape(words)}</code>"
    return f'<p class="formula">{picture}</p>\n' if block else picture


def _svg(tex: str) -> str:
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    font = FontProperties(size=SIZE, math_fontfamily="stix")  # type: ignore[arg-type]
    drawn = MathTextParser("path").parse(f"${tex}$", prop=font)
    width, height, depth = (float(number) for number in drawn[:3])
    marks = "".join(map(_glyph, drawn.glyphs)) + "".join(map(_rule, drawn.rects))
    style = f"width:{width / SIZE:.3f}em;height:{height / SIZE:.3f}em;vertical-align:{-depth / SIZE:.3f}em"
    box = f"0 {depth - height:.2f} {width:.2f} {height:.2f}"
    return (
        f'<svg class="formula" role="img" aria-label="{escape(tex)}" style="{style}" viewBox="{box}">'
        f"{marks}</svg>"
    )


def _glyph(glyph: tuple[Any, ...]) -> str:
    from matplotlib.ft2font import LoadFlags
    from matplotlib.path import Path

    font, size, *number, x, y = glyph  # a character; since Matplotlib 3.11 the glyph's own number follows it
    font.set_size(size, 72)
    load = font.load_glyph if number[1:] else font.load_char
    load(number[-1], flags=LoadFlags.NO_HINTING)
    steps = [
        {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}.get(code, "Z")
        + ("" if code == Path.CLOSEPOLY else " ".join(f"{x + a:.2f},{-y - b:.2f}" for a, b in points))
        for points, code in _segments(Path(*font.get_path()))
    ]
    return f'<path d="{"".join(steps)}"/>'


def _segments(path: Any) -> list[tuple[Any, Any]]:
    """The path's curves, each with its own points in pairs."""
    return [(p.reshape(-1, 2), code) for p, code in path.iter_segments(simplify=False, curves=True)]


def _rule(rect: tuple[Any, ...]) -> str:
    x, y, width, height = map(float, rect)
    return f'<rect x="{x:.2f}" y="{-y - height:.2f}" width="{width:.2f}" height="{height:.2f}"/>'
