"""A folder of two hundred submissions, honest, wrong, broken and hostile, and what each deserves.

python tests/submissions.py FOLDER [COUNT]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tinynn.course.engine.exercise import Fill, find, source_of

IDS = ("03.1", "03.2", "03.3")


class Expected(NamedTuple):
    """What grading must say: each exercise's mark, mistakes to be named, a word of the problem."""

    kinds: dict[str, str]
    names: dict[str, str] = {}
    problem: str = ""


def code(source: str, id: str = "") -> dict:
    return {
        "cell_type": "code", "id": id or f"c{abs(hash(source)) % 10**8}", "metadata": {}, "source": source,
        "outputs": [], "execution_count": None,
    }  # fmt: skip


def book(*sources: str) -> str:
    cells = [code(source, f"c{i}") for i, source in enumerate(sources)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


FIRST = "import numpy as np\n\nimport tinynn\nfrom tinynn.course.check import check, hint"


def fill(id: str) -> Fill:
    exercise = find(id)
    assert isinstance(exercise, Fill)
    return exercise


def cell(id: str, source: str | None = None) -> str:
    """An exercise's cell with an answer; without one, the worked answer."""
    return f'{source or fill(id).solution()}\n\n\ncheck("{id}", {fill(id).name})'


def stub(id: str) -> str:
    return cell(id, f"def {fill(id).signature}:\n    return None")


def alone(function: Callable) -> bool:
    """Whether a function needs nothing of the file it stands in but NumPy."""
    return set(function.__code__.co_names) & set(function.__globals__) <= {"np"}


def renamed(exercise: Fill, function: Callable) -> str:
    """The source of one of a declaration's functions under the name that the student gives it."""
    return source_of(function).replace(f"def {function.__name__}(", f"def {exercise.name}(", 1)


ALL_RIGHT = dict.fromkeys(IDS, "right")


def with_first(source: str) -> str:
    """A notebook whose first exercise is answered by `source`, the others rightly."""
    return book(FIRST, cell(IDS[0], source), *map(cell, IDS[1:]))


def first(kind: str, **more) -> Expected:
    return Expected({**ALL_RIGHT, IDS[0]: kind}, **more)


NAME = "def linear_backward(dy, x, w):\n"

HOSTILE: dict[str, tuple[str, Expected]] = {
    "endless": (with_first(NAME + "    while True:\n        pass"), first("look")),
    "swallows": (
        with_first(NAME + "    while True:\n        try:\n            while True: pass\n"
                   "        except BaseException: pass"),
        first("look"),
    ),
    "forks": (
        with_first("import os, subprocess, sys\n\n\n" + NAME + "    while True:\n"
                   "        subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"),
        first("look"),
    ),
    "deletes": (
        with_first("import os, shutil\n\n\n" + NAME +
                   "    for root in ('..', os.path.expanduser('~'), os.getcwd(), '/work'):\n"
                   "        shutil.rmtree(root, ignore_errors=True)\n    return None"),
        first("look"),
    ),
    "prints": (
        with_first(NAME + "    for _ in range(20):  # in all calls, a gigabyte\n"
                   "        print('x' * 1_000_000)\n"
                   "    return dy @ w, dy.T @ x, dy.sum(0)"),
        first("right"),
    ),
    "patches": (
        book(
            FIRST, "import tinynn.course.check as c\nimport tinynn.course.engine.compare as m\n"
            "c.check = lambda *a: True\nm.agree = lambda *a, **k: True\ncheck = c.check",
            cell(IDS[0], NAME + "    return c.check, m.agree, 0"), *map(cell, IDS[1:]),
        ),
        first("look"),
    ),
    "exits": (with_first("import os\n\n\n" + NAME + "    os._exit(0)"), first("look")),
    "memory": (
        with_first(NAME + "    big = []\n    while True:\n        big.append(bytearray(10**7))"),
        first("look"),
    ),
    "network": (
        with_first("import socket\n\n\n" + NAME + "    socket.create_connection(('192.0.2.1', 80), 1)\n"
                   "    return dy @ w, dy.T @ x, dy.sum(0)"),
        first("look"),
    ),
    "reads the answers": (
        with_first("def linear_backward(dy, x, w):\n    from tinynn.course.engine.exercise import find\n"
                   "    return find('03.1').true(dy, x, w)"),
        first("look"),
    ),
    "writes frames": (
        with_first("import os\n\n\n" + NAME + "    for fd in range(3, 64):\n"
                   "        try: os.write(fd, b'{}' * 999)\n"
                   "        except OSError: pass\n    return None"),
        first("look"),
    ),
    "no python": (with_first(NAME + "    return (dy @ w"), first("look")),
    "wrong import": (with_first("import nowhere\n\n\n" + NAME + "    return nowhere.f(dy)"), first("look")),
}  # fmt: skip


def honest() -> Iterator[tuple[str, str, Expected]]:
    """Answers as a class hands them in: right, untried, and one banked mistake each."""
    yield "right", book(FIRST, *map(cell, IDS)), Expected(ALL_RIGHT)
    yield "untouched", book(FIRST, *map(stub, IDS)), Expected(dict.fromkeys(IDS, "open"))
    for id in IDS:
        exercise = fill(id)
        own = [(name, m) for name, m in exercise.mistakes.items() if alone(m.function)]
        for name, mistake in own[:8]:
            cells = [cell(i, renamed(exercise, mistake.function) if i == id else None) for i in IDS]
            yield f"mistake {name}", book(FIRST, *cells), Expected({**ALL_RIGHT, id: "look"}, {id: name})
        for i, right in enumerate(filter(alone, exercise.rights)):
            cells = [cell(k, renamed(exercise, right) if k == id else None) for k in IDS]
            yield f"other answer {i}", book(FIRST, *cells), Expected(ALL_RIGHT)
    half = book(FIRST, cell(IDS[0]), "# I will do the others tomorrow")
    yield "half", half, Expected({IDS[0]: "right", IDS[1]: "missing", IDS[2]: "missing"})
    helper = "def times(a, b):\n    return a @ b"
    own = NAME + "    return times(dy, w), times(dy.T, x), dy.sum(0)"
    yield "helper", book(FIRST, helper, cell(IDS[0], own), *map(cell, IDS[1:])), Expected(ALL_RIGHT)
    magic = book("%matplotlib inline\n!ls\n" + FIRST, "%%time\n1 + 1", *map(cell, IDS), "np.nothing")
    yield "magics", magic, Expected(ALL_RIGHT)


def older() -> tuple[str, Expected]:
    """A notebook of an older release: cells in another order, other ids, an exercise that is gone."""
    cells = [cell(id).replace(f'"{id}"', f'"{id.lstrip("0")}"') for id in reversed(IDS)]
    gone = 'def old(x):\n    return x\n\n\ncheck("03.99", old)'
    return book("import numpy as np\nfrom tinynn.course import *", gone, *cells), Expected(ALL_RIGHT)


NO_NOTEBOOKS = {
    "bytes": b"\x00\xff\xfe" * 400,
    "empty": b"",
    "other json": b'{"a": [1, 2]}',
    "deep json": b"[" * 100_000,
}


def make(folder: Path, count: int = 200) -> dict[str, Expected]:
    """Write `count` submissions into `folder` and return what each deserves, by student."""
    folder.mkdir(parents=True, exist_ok=True)
    expected: dict[str, Expected] = {}

    def add(student: str, content: str | bytes, wanted: Expected) -> None:
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        (folder / f"{student}.ipynb").write_bytes(data)
        expected[student] = wanted

    for name, (content, wanted) in HOSTILE.items():
        add(f"hostile, {name}", content, wanted)
    for name, data in NO_NOTEBOOKS.items():
        add(f"broken, {name}", data, Expected(dict.fromkeys(IDS, "missing"), problem="notebook"))
    add("older", *older())
    kinds = list(honest())
    for i in range(count - len(expected)):
        name, content, wanted = kinds[i % len(kinds)]
        add(f"student {i:03}, {name}", content, wanted)
    return expected


if __name__ == "__main__":
    made = make(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
    print(f"{len(made)} submissions")
