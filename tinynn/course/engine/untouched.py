"""Whether an answer has been begun: a function whose body is still the one that the chapter gave."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any


def source(function: Any) -> str:
    """The lines of a function of the student's; "" where there are none to be had."""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, IndentationError):
        return ""


def untouched(function: Callable) -> bool:
    """Whether the body does nothing yet: a docstring, ``pass``, ``...``, ``return None``, an exception."""
    body = _body(function)
    return body is not None and all(map(_does_nothing, body))


def gap(function: Callable) -> str:
    """The first line with a ``...`` that stands for something to be filled in; "" if there is none.

    ``x[..., None]`` is no such line: there the dots mean something.
    """
    lines = source(function).splitlines()
    numbers = [found.lineno for statement in _body(function) or [] for found in _gaps(statement)]
    return lines[min(numbers) - 1].strip() if numbers else ""


def same_code(function: Callable, stub: str) -> bool:
    """Whether `function` is the code in `stub`, layout and comments apart."""
    try:
        return ast.dump(ast.parse(source(function))) == ast.dump(ast.parse(textwrap.dedent(stub)))
    except SyntaxError:
        return False


def _body(function: Callable) -> list[ast.stmt] | None:
    """The statements of a ``def``; None where the source is not known or is something else, as a lambda."""
    try:
        first = ast.parse(source(function)).body[0]
    except (SyntaxError, ValueError, IndexError):
        return None
    return first.body if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef)) else None


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Return):
        return statement.value is None or _is_nothing(statement.value)
    if isinstance(statement, ast.Raise):
        return "NotImplementedError" in ast.dump(statement)
    return isinstance(statement, ast.Pass)


def _is_nothing(value: ast.expr) -> bool:
    if isinstance(value, ast.Tuple):
        return all(map(_is_nothing, value.elts))
    return isinstance(value, ast.Constant) and value.value in (None, ...)


def _gaps(statement: ast.stmt) -> Iterator[ast.Constant]:
    """Each ``...`` that is a whole value: of a name, of a line, of what is returned, of an argument."""
    for node in ast.walk(statement):
        values = _values(node)
        yield from (v for v in values if isinstance(v, ast.Constant) and v.value is ...)


def _values(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)):
        whole = [node.value] if node.value is not None else []
        return [e for v in whole for e in (v.elts if isinstance(v, ast.Tuple) else [v])]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return list(node.args) if isinstance(node, ast.Call) else []
