"""What a teacher wants to know of an answer besides whether it is right: is its code borrowed?"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..engine.exercise import Exercise, Fill, source_of

LIBRARIES = {"tinynn", "torch", "tensorflow", "jax", "keras", "sklearn", "scipy"}


def marks(source: str, exercise: Exercise) -> tuple[str, ...]:
    """Notes for the teacher on the code of an answer: no verdict, since both can be innocent."""
    found = []
    borrowed = libraries(source)
    if borrowed:
        found.append(f"uses {', '.join(borrowed)}")
    if isinstance(exercise, Fill) and equals_worked(source, exercise):
        found.append("is the worked answer, apart from names")
    return tuple(found)


def libraries(source: str) -> list[str]:
    """What the code imports that could answer for it: ``tinynn.ops``, ``torch``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return sorted(n for n in found if n.split(".")[0] in LIBRARIES and not n.startswith("tinynn.course"))


def equals_worked(source: str, exercise: Fill) -> bool:
    """Whether a function in `source` is the worked answer of three lines or more, whatever its names are."""
    worked: Callable | None = exercise.worked_answer
    if worked is None:
        return False
    (truth,) = _functions(source_of(worked))
    long = len(truth.body) > 2 or len(ast.unparse(truth)) > 200  # `return dy * (x > 0)` is nobody's property
    return long and any(_shape(f) == _shape(truth) for f in _functions(source))


def _functions(source: str) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]


def _shape(function: ast.FunctionDef) -> str:
    """The function without docstrings and annotations, its own names numbered in the order they appear."""
    tree = ast.parse(ast.unparse(function)).body[0]
    own = {a.arg for a in ast.walk(tree) if isinstance(a, ast.arg)}
    own |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    numbers: dict[str, str] = {}

    class Renamed(ast.NodeTransformer):
        def visit_arg(self, node: ast.arg) -> ast.arg:
            return ast.arg(numbers.setdefault(node.arg, f"v{len(numbers)}"))

        def visit_Name(self, node: ast.Name) -> ast.Name:
            if node.id in own:
                node.id = numbers.setdefault(node.id, f"v{len(numbers)}")
            return node

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
            node.name, node.returns = "f", None
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            self.generic_visit(node)
            return node

    return ast.unparse(Renamed().visit(tree))
