"""A teacher's own exercises and mistakes: a Python file of declarations, its words in a TOML file beside it.

# mine.py
from tinynn.course.engine.exercise import Fill, case, find

@find("03.1").mistake                 # one more known mistake of an exercise of the course
def halved(dy, x, w): ...

E = Fill("90.1", "f(x)", returns="y", level=1, minutes=5)    # an exercise: chapters 90 to 99 are yours
...

# mine.toml
["03.1".mistakes.halved]
means = "..."
look = "..."
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ...errors import FileError
from ..engine.texts import add_words


def load(path: Path) -> None:
    """Run the declarations in `path`: it is the teacher's own code, and trusted."""
    spec = importlib.util.spec_from_file_location(f"tinynn_bank_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise FileError("grade", f"bank {path}", "a Python file of declarations", "--bank mine.py")
    if path.with_suffix(".toml").is_file():
        add_words(path.with_suffix(".toml"))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise FileError(
            "grade", f"bank {path} ({type(problem).__name__}: {problem})", "a file that runs"
        ) from problem
