"""Imports point down only, and importing the package is cheap."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent

STAIRCASE = [
    {"errors"},
    {"memory", "atomic"},
    {"gpu"},
    {"backends", "random"},
    {"threads"},
    {"ops"},
    {"wrappers", "tensor"},
    {"functional", "gradcheck"},
    {"nn"},
    {"optim"},
    {"data", "metrics", "history", "safefile"},
    {"diverged", "evaluate", "models", "warm"},
    {"step", "checkpoint", "interop"},
    {"train"},
    {"recipes"},
    {"predict"},
    {""},  # the package itself gathers what it offers
    {"course"},
    {"__main__"},
]
STEP = {name: step for step, names in enumerate(STAIRCASE) for name in names}

UPWARD = {  # inside functions only: each with its reason
    ("tensor", "functional"): "apply hands functional to the composition of a fused op",
    ("checkpoint", ""): "the version that stands in every file",
}


class Import(NamedTuple):
    source: str
    target: str
    lazy: bool  # inside a function
    line: int


def modules() -> dict[str, Path]:
    """Dotted names below the package, "" for the package itself."""
    found = {}
    for path in sorted((ROOT / "tinynn").rglob("*.py")):
        parts = path.relative_to(ROOT / "tinynn").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[Import]:
    """The imports of one module of the package, without those that only a type checker sees."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, lazy = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += [(child, lazy) for child in node.orelse]
            continue
        lazy = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        todo += [(child, lazy) for child in ast.iter_child_nodes(node)]
        for target in targets(node, package):
            yield Import(name, target, lazy, getattr(node, "lineno", 0))


def targets(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        inside = [a.name for a in node.names if a.name.split(".")[0] == "tinynn"]
        return [name.removeprefix("tinynn").removeprefix(".") for name in inside]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        kept = package.split(".") if package else []
        kept = kept[: len(kept) - (node.level - 1)]
        base = ".".join([*kept, *([base] if base else [])])
    elif base.split(".")[0] != "tinynn":
        return []
    else:
        base = base.removeprefix("tinynn").removeprefix(".")
    whole = [".".join(filter(None, (base, a.name))) for a in node.names]
    return [w if w in MODULES else base for w in whole]


ALL = [found for name in MODULES for found in imports(name)]


def floor(name: str) -> str:
    return name.split(".")[0]


def test_every_module_has_its_step():
    missing = {floor(name) for name in MODULES} - STEP.keys()
    assert not missing, f"put {missing} on a step of STAIRCASE"


def test_imports_point_down_only():
    wrong = []
    for i in ALL:
        source, target = floor(i.source), floor(i.target)
        if source != target and STEP.get(target, 99) >= STEP.get(source, -1):
            if not (i.lazy and (source, target) in UPWARD):
                wrong.append(f"{i.source}:{i.line} imports {i.target or 'the package'}")
    assert not wrong


def test_the_exceptions_are_still_needed():
    used = {(floor(i.source), floor(i.target)) for i in ALL if i.lazy}
    assert UPWARD.keys() <= used


def test_no_import_cycles():
    """Within a package too, counting what runs when a module is imported."""
    below = {name: {i.target for i in ALL if i.source == name and not i.lazy} - {name} for name in MODULES}
    for packages in [name for name in MODULES if MODULES[name].name == "__init__.py"]:
        below[packages] = {t for t in below[packages] if not t.startswith(packages)}  # gathers its own parts
    done: set[str] = set()
    while len(done) < len(below):
        free = {name for name, targets in below.items() if name not in done and targets <= done}
        assert free, f"a cycle among {sorted(set(below) - done)}"
        done |= free


def test_ops_know_no_tensor_and_nothing_but_the_command_line_knows_the_course():
    assert not [
        i for i in ALL if floor(i.source) == "ops" and floor(i.target) in ("tensor", "functional", "")
    ]
    course = [i for i in ALL if floor(i.target) == "course" and floor(i.source) != "course"]
    assert all(i.source == "__main__" and i.lazy for i in course)


def test_the_reference_pairs_need_numpy_alone():
    """Compiled functions live in modules that end in _numba or begin with kernel."""
    for name, path in MODULES.items():
        if floor(name) != "ops" or name.endswith("_numba") or name.startswith("ops.kernel"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {n.split(".")[0] for n in named} & {"numba", "scipy", "llvmlite", "threadpoolctl"}, (
                name
            )


# -- what an import costs ----------------------------------------------------------------------------


def python(code: str, **env: str) -> subprocess.CompletedProcess:
    settings = {k: v for k, v in os.environ.items() if not k.startswith("TINYNN_")}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, env=settings | env, capture_output=True, text=True, encoding="utf-8", check=True
    )


HEAVY = "numba llvmlite scipy matplotlib ipywidgets IPython jupyterlab cupy torch sklearn pandas".split()


def test_importing_tinynn_imports_nothing_heavy():
    code = f"import tinynn, sys; print([m for m in {HEAVY} if m in sys.modules])"
    assert python(code).stdout.strip() == "[]"


def test_the_first_import_of_every_part_below_the_course_is_light_too():
    names = [n for n in MODULES if n and floor(n) not in ("course", "__main__")]
    # named after what they are written in, which they load: for Numba, for PyTorch
    names = [n for n in names if not n.endswith(("_numba", "_torch")) and not n.startswith("ops.kernel")]
    code = f"""if True:
        import importlib, sys
        for name in {names}:
            importlib.import_module("tinynn." + name)
        print([m for m in {HEAVY} if m in sys.modules])"""
    assert python(code).stdout.strip() == "[]"


def test_declarations_of_exercises_load_no_pictures_and_no_compiler():
    """Every chapter's opening questions read all of them."""
    code = "from tinynn.course.engine.exercise import catalogue; import sys; catalogue();"
    code += f" print([m for m in {HEAVY} if m in sys.modules])"
    assert python(code).stdout.strip() == "[]"


def test_importing_tinynn_costs_at_most_015_s_more_than_numpy():
    code = """if True:
        import time, numpy
        start = time.process_time(); import tinynn  # a busy machine makes others wait, not this clock
        print(time.process_time() - start)"""
    best = min(float(python(code).stdout) for _ in range(5))
    assert best < 0.15, f"{best:.3f} s"  # about 0.03 s on a quiet machine, so this is slack enough


# -- without Numba ------------------------------------------------------------------------------------------

BLOCKED = """if True:
    import sys
    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in ("numba", "llvmlite"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.meta_path.insert(0, Blocker())
"""
NONE = "import sys; sys.modules['numba'] = None\n"
WORK = """if True:
    import numpy as np, tinynn
    from tinynn import functional as F
    x = tinynn.tensor(np.ones((4, 3)), dtype=np.float32, requires_grad=True)
    w = tinynn.tensor(np.ones((2, 3)), dtype=np.float32, requires_grad=True)
    for _ in range(3):
        loss = F.cross_entropy(F.linear(x, w).relu(), np.array([0, 1, 1, 0]))
        loss.backward()
    print(tinynn.current_backend(), round(loss.item(), 4), x.grad.shape)
    assert {line.split()[-1] for line in str(tinynn.ops.table()).splitlines()[1:]} == {"numpy"}
    try:
        tinynn.backend("numba")
    except tinynn.errors.DeviceError as error:
        print(error)
"""


@pytest.mark.parametrize("block", [BLOCKED, NONE], ids=["not installed", "None in sys.modules"])
def test_without_numba_the_numpy_pairs_run_and_that_is_said_once(block):
    done = python(block + WORK)
    first, second = done.stdout.strip().splitlines()
    assert first == "numpy 0.6931 (4, 3)"
    assert "not installed" in second and "Try:" in second
    assert done.stderr.count("Numba is not installed") == 1
    assert not python(block + WORK, TINYNN_QUIET="1").stderr


def test_kernels_that_do_not_load_are_a_clear_error():
    """As when Numba is too old for the NumPy beside it."""
    code = """if True:
        import tinynn, tinynn.ops as ops
        ops.relu.kernels = {"numba": "tinynn.ops.nowhere_numba"}
        ops.relu.pairs = {"numpy": ops.relu.pairs["numpy"]}
        tinynn.backend("numba")
        try:
            tinynn.tensor([1.0]).relu()
        except tinynn.errors.DeviceError as error:
            print(error)
        tinynn.backend("numpy")
        tinynn.tensor([1.0]).relu()"""
    assert 'Try: backend("numpy")' in python(code).stdout


def test_the_environment_chooses_the_first_backend():
    code = "import tinynn; print(tinynn.current_backend())"
    assert python(code, TINYNN_BACKEND="numpy").stdout.strip() == "numpy"
    wrong = "import tinynn\ntry: tinynn.current_backend()\nexcept ValueError as e: print(e)"
    assert "'cuda'" in python(wrong, TINYNN_BACKEND="cuda").stdout
