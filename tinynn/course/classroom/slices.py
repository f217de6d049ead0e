"""The statements of a notebook that an answer needs, and no others.

A chapter trains networks and draws pictures; whoever grades two hundred copies wants the answer, what it is
made of and what it calls. So a notebook is taken apart into its top-level statements. An answer takes along
those that give values to the names it uses, those that give values to the names that these use, and so on.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator
from typing import Any, NamedTuple

from .cells import parsed

BUILTIN = frozenset(dir(builtins))
SHOWN = {
    "check",
    "hint",
    "solution",
    "progress",
    "opening",
    "predict",
    "display",
    "print",
    "use_mine",
    "badge",
}


class Statement(NamedTuple):
    """One top-level statement, and the names that it gives values to, changes the values of, and reads."""

    cell: int
    source: str
    defines: frozenset[str]
    changes: frozenset[str]
    reads: frozenset[str]
    imports: bool


def statements(notebook: dict[str, Any]) -> list[Statement]:
    """Every top-level statement of the code cells, in order; cells that are no Python are left out."""
    found = []
    for i, cell in enumerate(notebook["cells"]):
        tree = parsed(cell["source"]) if cell["cell_type"] == "code" else None
        found += [_statement(i, node) for node in (tree.body if tree else []) if not _only_shows(node)]
    return found


def needed(every: list[Statement], expression: str, cell: int) -> str:
    """The source of what gives `expression`, which stands in cell number `cell`, all that it needs.

    Statements below that cell count for names that nothing above defines: a notebook is not always run from
    top to bottom.
    """
    above = {name for s in every if s.cell <= cell for name in s.defines}
    useful = [s for s in every if s.cell <= cell or s.defines - above]
    modules = {name for s in every if s.imports for name in s.defines}
    names, taken = _names(expression), set[int]()
    while True:
        more = {i for i, s in enumerate(useful) if s.defines & names or s.changes & (names - modules)} - taken
        if not more:
            return "\n".join(useful[i].source for i in sorted(taken))
        taken |= more
        names |= {name for i in more for name in useful[i].reads} - BUILTIN


def _names(expression: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(expression, mode="eval")) if isinstance(n, ast.Name)} - BUILTIN


def _statement(cell: int, node: ast.stmt) -> Statement:
    source = ast.unparse(node)
    try:
        top = symtable.symtable(source, "cell", "exec")
    except SyntaxError:  # `return` outside of a function: a tree, but no program
        return Statement(cell, "", frozenset(), frozenset(), frozenset(), False)
    symbols = top.get_symbols()
    defines = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported() or s.is_namespace()}
    reads = {s.get_name() for s in symbols if s.is_referenced()} | set(_global_reads(top))
    changes = set(_changed(node))
    imports = isinstance(node, (ast.Import, ast.ImportFrom, ast.Try)) and all(
        s.is_imported() for s in symbols
    )
    return Statement(
        cell, source, frozenset(defines), frozenset(changes), frozenset(reads | changes), imports
    )


def _global_reads(table: symtable.SymbolTable) -> Iterator[str]:
    """Names that functions inside look up in the notebook, at any depth: not their own variables."""
    for child in table.get_children():
        yield from (s.get_name() for s in child.get_symbols() if s.is_global())
        yield from _global_reads(child)


def _changed(node: ast.stmt) -> Iterator[str]:
    """Names whose values a statement changes in place: ``d[0] = 1``, ``a.b = 2``, ``items.append(3)``."""
    todo: list[ast.AST] = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue  # what a function changes, it changes when it is called
        stored = isinstance(getattr(current, "ctx", None), (ast.Store, ast.Del))
        if isinstance(current, (ast.Attribute, ast.Subscript)) and stored:
            yield from _root(current)
        elif isinstance(current, ast.Call) and isinstance(current.func, ast.Attribute):
            yield from _root(current.func)
        todo += ast.iter_child_nodes(current)


def _root(node: ast.expr) -> list[str]:
    """The name that ``a.b[0].c`` begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return [node.id] if isinstance(node, ast.Name) else []


def _only_shows(node: ast.stmt) -> bool:
    """A statement whose only use is what it shows: a grader has nobody to show it to."""
    value = node.value if isinstance(node, ast.Expr) else None
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", None) in SHOWN
    return value is not None
