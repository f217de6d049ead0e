"""A kernel rewritten so that it tells, as it runs, which lines each thread executes and what it computes.

The interpreter says which cells are touched. Who was there, in which round of which loop, and how much
arithmetic was done, only the kernel's own text can say. So its syntax tree is compiled once more, with a
call before every statement and around every operation; line numbers stay. Nothing global is touched: no
tracing, no profiling.

What counts as arithmetic: ``+ - * / // % **`` whose result is a floating-point number, one each; so does a
function of `math`, called as ``math.exp``, a device function that the interpreter computes in its own way,
``min``, ``max``, ``abs`` and an atomic; ``cuda.fma`` is two. Not counted: comparisons, conversions, signs,
and whole numbers, which compute addresses. It is the arithmetic that the text asks for: a compiler may
merge or drop some of it.
"""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

from ..kernel import Kernel
from .trace import Recording


def rewritten(kernel: Kernel, recording: Recording) -> Kernel:
    """The kernel that tells `recording` what it does; the same kernel, if its text is not to be had."""
    return _Rewriter(kernel, recording).kernel(kernel)


class _Rewriter:
    def __init__(self, kernel: Kernel, recording: Recording) -> None:
        self._file, self._recording = kernel.function.__code__.co_filename, recording
        self._done: dict[int, Kernel] = {}
        recording.files[""] = self._file

    def kernel(self, kernel: Kernel) -> Kernel:
        if id(kernel) not in self._done:
            self._done[id(kernel)] = kernel  # a function that calls itself is left as it is there
            function = self._function(kernel)
            if function is None:
                self._recording.opaque.append(kernel.function.__name__)
            else:
                self._done[id(kernel)] = Kernel(function, device=kernel.device, **kernel.options)
            code = (function or kernel.function).__code__
            self._recording.codes.setdefault(self._prefix(kernel.function), []).append(code)
        return self._done[id(kernel)]

    def _function(self, kernel: Kernel) -> FunctionType | None:
        f: Any = kernel.function
        tree = definition(f)
        if tree is None:
            return None
        code = compiled(told(tree, self._prefix(f) if kernel.device else None), f)
        names = dict(f.__globals__)
        names |= {name: self._known(names[name]) for name in f.__code__.co_names if name in names}
        names["__lens_tracker"] = self._recording.tracker
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or ()))
        closure = tuple([CellType(self._known(cells[name].cell_contents)) for name in code.co_freevars])
        copied = FunctionType(code, names, f.__name__, f.__defaults__, closure or None)
        copied.__qualname__, copied.__module__ = f.__qualname__, f.__module__
        return copied

    def _prefix(self, f: Any) -> str:
        file = f.__code__.co_filename
        prefix = "" if file == self._file else f.__module__.rpartition(".")[2]
        self._recording.files[prefix] = file
        return prefix

    def _known(self, value: Any) -> Any:
        """What stands for a name of the kernel: device functions rewritten, all else as it is."""
        if not isinstance(value, Kernel) or not value.device:
            return value
        if type(value).__call__ is Kernel.__call__:
            return self.kernel(value)
        return self._counted(value)

    def _counted(self, function: Callable) -> Callable:
        """A function that the interpreter computes in its own way counts as one operation, like math's."""

        def call(*args: Any) -> Any:
            tracker = self._recording.tracker()
            return tracker.op(tracker.line, function(*args))

        return call


def definition(f: Callable) -> ast.FunctionDef | None:
    """The syntax tree of a function, with its own line numbers and columns; None without its text."""
    try:
        source = inspect.getsource(f)
    except (OSError, TypeError):
        return None
    inside = source[:1].isspace()  # a function in a factory: "if" takes the indentation, and columns stay
    try:
        tree = ast.parse(f"if True:\n{source}" if inside else source)
    except SyntaxError:
        return None
    ast.increment_lineno(tree, f.__code__.co_firstlineno - 1 - inside)
    if f.__name__ == "<lambda>":
        return _unfolded([n for n in ast.walk(tree) if isinstance(n, ast.Lambda)])
    found = next((n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)), None)
    return found if found is not None and found.name == f.__name__ else None


def _unfolded(lambdas: list[ast.Lambda]) -> ast.FunctionDef | None:
    """A lambda as a definition, if it is the only one of its statement."""
    if len(lambdas) != 1:
        return None
    only = lambdas[0]
    found = ast.parse("def name(): return None").body[0]
    assert isinstance(found, ast.FunctionDef)
    found.name, found.args, found.body = "<lambda>", only.args, [_at(ast.Return(only.body), only.body)]
    return _at(found, only)


def compiled(tree: ast.FunctionDef, f: Any) -> Any:
    """The code of the definition, with the names around it as free as they are in `f`."""
    free = [ast.arg(name) for name in f.__code__.co_freevars]
    none = ast.arguments(posonlyargs=[], args=free, kwonlyargs=[], kw_defaults=[], defaults=[])
    outer = ast.parse("def factory(): return None").body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.args, outer.body = none, [tree, ast.Return(ast.Name(tree.name, ast.Load()))]
    module = ast.fix_missing_locations(ast.Module([outer], []))
    names: dict[str, Any] = {}
    exec(compile(module, f.__code__.co_filename, "exec"), names)
    return names["factory"](*[None] * len(free)).__code__


def told(tree: ast.FunctionDef, prefix: str | None) -> ast.FunctionDef:
    """The definition with a call before every statement; `prefix` is None for the kernel itself."""
    tree = copy.deepcopy(tree)
    tree.decorator_list, tree.returns = [], None
    tree.args.defaults, tree.args.kw_defaults = [], []
    for arg in [*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs]:
        arg.annotation = None
    body = _Teller(device=prefix is not None).statements(tree.body)
    start = "__lens = __lens_tracker()\n__base = " + ("0" if prefix is None else f"__lens.call({prefix!r})")
    end = "" if prefix is None else "__lens.back(__base)"
    tree.body = [*_parsed(start, tree.lineno), *body, *_parsed(end, tree.lineno)]
    return tree


def _parsed(source: str, line: int) -> list[ast.stmt]:
    """Statements, all said to stand in one line."""
    body = ast.parse(source).body
    for node in [n for statement in body for n in ast.walk(statement)]:
        if "lineno" in node._attributes:
            node.lineno = node.end_lineno = line  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    return body


COUNTED = {"cuda.fma": 2, "min": 1, "max": 1, "abs": 1}
ATOMICS = ("add", "sub", "max", "min")


class _Teller(ast.NodeTransformer):
    def __init__(self, device: bool) -> None:
        self._device, self._depth = device, 0

    # -- statements ----------------------------------------------------------------------------------------

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in body:
            silent = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not silent and not isinstance(statement, ast.While):  # a loop tells of each of its rounds
                done += _parsed(f"__lens.at({statement.lineno})", statement.lineno)
            new = self.visit(statement)
            done += new if isinstance(new, list) else [new]
        return done

    def visit_If(self, node: ast.If) -> ast.If:
        node.test = _call("test", node.test, self.visit(node.test))
        node.body, node.orelse = self.statements(node.body), self.statements(node.orelse)
        return node

    def visit_While(self, node: ast.While) -> list[ast.stmt]:
        start = ast.parse(f"__lens.round(__base + {self._depth}, {node.lineno})", mode="eval").body
        test = _call("test", node.test, self.visit(node.test))
        node.test = ast.copy_location(ast.BoolOp(ast.And(), [_at(start, node), test]), node.test)
        return self._loop(node)

    def visit_For(self, node: ast.For) -> list[ast.stmt]:
        node.iter = self.visit(node.iter)
        return self._loop(node, _parsed(f"__lens.round(__base + {self._depth}, {node.lineno})", node.lineno))

    def _loop(self, node: ast.While | ast.For, first: list[ast.stmt] | None = None) -> list[ast.stmt]:
        depth = f"__base + {self._depth}"
        self._depth += 1
        node.body = [*(first or []), *self.statements(node.body)]
        self._depth -= 1
        node.orelse = self.statements(node.orelse)
        before = _parsed(f"__lens.loop({depth})", node.lineno)
        return [*before, node, *_parsed(f"__lens.leave({depth})", node.lineno)]

    def visit_Return(self, node: ast.Return) -> ast.Return:
        value = self.visit(node.value) if node.value else ast.Constant(None)
        if self._device:
            base = ast.Name("__base", ast.Load())
            back = ast.Call(
                ast.Attribute(ast.Name("__lens", ast.Load()), "back", ast.Load()), [base, value], []
            )
            value = _at(back, node)
        node.value = value
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        """``a[i] += v`` as ``k = i; a[k] = a[k] + v``: the same loads and stores, and the sum can be seen."""
        before: list[ast.stmt] = []
        target: Any = self.visit(node.target)
        if isinstance(target, ast.Subscript) and not isinstance(target.slice, (ast.Name, ast.Constant)):
            index = ast.Name("__lens_index", ast.Store())
            before = [_at(ast.Assign([index], target.slice), node)]
            target.slice = ast.Name("__lens_index", ast.Load())
        old = copy.deepcopy(target)
        old.ctx = ast.Load()
        total = ast.copy_location(ast.BinOp(old, node.op, self.visit(node.value)), node)
        return [*before, _at(ast.Assign([target], _call("op", total, total)), node)]

    # -- expressions ---------------------------------------------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return node  # the compiler's work
        return _call("op", node, node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        count = _counts_as(ast.unparse(node.func))
        return _call("op", node, node, count) if count else node


def _counts_as(name: str) -> int:
    """Floating-point operations that a call of this name counts as."""
    if name.startswith("math."):
        return 1
    if name in [f"cuda.atomic.{kind}" for kind in ATOMICS]:
        return 1
    return COUNTED.get(name, 0)


def _call(method: str, place: ast.expr, value: ast.expr, count: int = 1) -> ast.expr:
    """``__lens.method(line, value)``, in the place of an expression."""
    more: list[ast.expr] = [ast.Constant(count)] if count != 1 else []
    function = ast.Attribute(ast.Name("__lens", ast.Load()), method, ast.Load())
    return _at(ast.Call(function, [ast.Constant(place.lineno), value, *more], []), place)


def _at(node: Any, place: Any) -> Any:
    """The node and its new parts in the place of another."""
    ast.copy_location(node, place)
    ast.fix_missing_locations(node)
    return node
