"""Right answers with one small change each: whatever makes a difference on some input must be rejected.

    python -m tests.mutants [--draws 2000] [ID ...]

Every worked answer and every other right answer is changed in one place of its syntax tree: a comparison, a
sign, a term, a constant, an axis, the order of two arguments, a copy, a bound. A mutant that the check
accepts is run on many more drawn inputs: it is *equivalent* if it is right on all of them, else *let pass*.
"""

from __future__ import annotations

import argparse
import ast
import copy
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.diagnoses import TooLong, fills, within
from tinynn.course.engine.call import Call, run_each
from tinynn.course.engine.evidence import Evidence
from tinynn.course.engine.exercise import Fill, source_of

Change = Callable[[ast.AST], ast.AST | None]
"""What to put in a node's place; None takes a statement out."""

SECONDS = 3.0
"""Of processor time for one mutant's calls: a changed bound may loop without end."""

COMPARED = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
COMPUTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div}
NAMES = {
    "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum", "sum": "mean", "mean": "sum",
    "std": "var", "zeros_like": "ones_like", "zeros": "ones", "empty": "zeros", "all": "any", "any": "all",
    "exp": "exp2", "log": "log2", "cos": "sin", "argsort": "argmax", "append": "remove", "sqrt": "cbrt",
    "where": "copysign", "normal": "uniform", "permutation": "arange", "default_rng": "RandomState",
}  # fmt: skip


class Mutant(NamedTuple):
    """One change: where it was made, and the function that came of it."""

    of: str
    line: int
    what: str
    function: Callable


# -- changing ------------------------------------------------------------------------------------------------


def changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be changed about one node, in words and as what is put in its place."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in COMPARED.get(type(node.ops[0]), ()):
            yield f"compared by {other.__name__}", lambda n, other=other: _with(n, ops=[other()])
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in COMPUTED:
        other = COMPUTED[type(node.op)]
        yield other.__name__, lambda n: _with(n, op=other())
    if isinstance(node, ast.BinOp):
        yield "left alone", lambda n: n.left
        yield "right alone", lambda n: n.right
        if not isinstance(node.op, (ast.Add, ast.Mult)):
            yield "sides swapped", lambda n: _with(n, left=n.right, right=n.left)
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        for value in _others(node.value):
            yield f"{node.value} is {value}", lambda n, value=value: ast.Constant(value)
    if isinstance(node, ast.UnaryOp):
        yield "no sign", lambda n: n.operand
    if isinstance(node, ast.BoolOp):
        yield "and is or", lambda n: _with(n, op=ast.Or() if isinstance(n.op, ast.And) else ast.And())
    if isinstance(node, ast.IfExp):
        yield "always so", lambda n: n.body
        yield "never so", lambda n: n.orelse
    if isinstance(node, ast.Call):
        yield from _calls(node)
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield f"{node.attr} is {NAMES[node.attr]}", lambda n: _with(n, attr=NAMES[n.attr])
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "not transposed", lambda n: n.value
    if isinstance(node, ast.Name) and node.id in ("max", "min") and isinstance(node.ctx, ast.Load):
        yield "max is min", lambda n: _with(n, id=NAMES[n.id])
    if isinstance(node, ast.Slice) and (node.lower or node.upper or node.step):
        yield "no bounds", lambda n: ast.Slice()
    if isinstance(node, ast.Tuple) and len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        yield "turned round", lambda n: _with(n, elts=n.elts[::-1])
    if isinstance(node, ast.AugAssign):
        yield "not added to", lambda n: ast.Assign([n.target], n.value, lineno=n.lineno)
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.If, ast.For)) or _acts(node):
        yield "left out", lambda n: None
    if isinstance(node, ast.If):
        yield "always", lambda n: _with(n, test=ast.Constant(True))


def _acts(node: ast.AST) -> bool:
    """Whether it is a line that does something, and no docstring."""
    return isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [value * 1.01 if value else 0.01, 0.0 if value else 1.0, float(f"{value:.1g}") + 0.5]


def _calls(node: ast.Call) -> Iterator[tuple[str, Change]]:
    if len(node.args) > 1 and not any(isinstance(a, ast.Starred) for a in node.args):
        yield "arguments swapped", lambda n: _with(n, args=[n.args[1], n.args[0], *n.args[2:]])
    for i, keyword in enumerate(node.keywords):
        yield f"without {keyword.arg}", lambda n, i=i: _with(n, keywords=n.keywords[:i] + n.keywords[i + 1 :])
    if isinstance(node.func, ast.Attribute) and not _module(node.func.value):
        yield f"without .{node.func.attr}()", lambda n: n.func.value
    if len(node.args) == 1:
        yield f"without {ast.unparse(node.func)}()", lambda n: n.args[0]
    if isinstance(node.func, ast.Name) and node.func.id == "range":
        less = lambda end: ast.BinOp(end, ast.Sub(), ast.Constant(1))
        yield "one fewer", lambda n: _with(n, args=[*n.args[:-1], less(n.args[-1])])
        if len(node.args) == 1:
            yield "from 1", lambda n: _with(n, args=[ast.Constant(1), *n.args])


def _module(node: ast.expr) -> bool:
    return ast.unparse(node) in ("np", "np.random", "np.linalg", "math", "np.add")


def _with(node: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


class _Put(ast.NodeTransformer):
    """`change` applied to one node."""

    def __init__(self, node: ast.AST, change: Change) -> None:
        self.node, self.change = node, change

    def visit(self, node: ast.AST) -> Any:
        return self.change(node) if node is self.node else self.generic_visit(node)


def mutants(function: Callable) -> Iterator[Mutant]:
    """The function with one change each, wherever one can be made."""
    tree = ast.parse(source_of(function))
    for place, node in enumerate(ast.walk(tree)):
        for what, change in changes(node):
            changed = copy.deepcopy(tree)
            target = next(n for i, n in enumerate(ast.walk(changed)) if i == place)
            made = _compiled(_Put(target, change).visit(changed), function)
            if made is not None:
                yield Mutant(function.__name__, getattr(node, "lineno", 0), what, made)


def _compiled(tree: ast.AST, function: Callable) -> Callable | None:
    """The mutant, in the surroundings of the function it is made from; None where it is no program."""
    names = dict(function.__globals__)
    try:
        exec(compile(ast.fix_missing_locations(tree), "mutant", "exec"), names)
    except (SyntaxError, ValueError, TypeError):
        return None
    return names[function.__name__]


# -- judging -------------------------------------------------------------------------------------------------


def wider(exercise: Fill, count: int) -> Fill:
    """The same exercise, asking `count` inputs that the check does not draw."""
    wide = copy.copy(exercise)
    for name in ("asked", "wanted", "known"):
        wide.__dict__.pop(name, None)
    wide.__dict__["all_inputs"] = [*exercise.draws(count), *exercise.inputs[:1]]
    wide.__dict__["asked"] = [wide.call_of(c) for c in wide.all_inputs]
    return wide


def accepts(exercise: Fill, function: Callable, step: int = 100) -> bool:
    """Whether nothing fails; after the first that does, nothing more is asked."""
    outcomes: list[Any] = []
    start = time.monotonic()
    while len(outcomes) < len(exercise.all_inputs):
        more = _in_time(function, exercise.asked[len(outcomes) : len(outcomes) + (step if outcomes else 12)])
        outcomes += more
        if not more or Evidence(exercise, outcomes).failing:
            return False
        if time.monotonic() - start > 20:
            break
    return True


def _in_time(function: Callable, calls: list[Call]) -> list[Any]:
    """The outcomes; none where it takes too long, or ends the program."""
    try:
        with within(SECONDS):
            return run_each(function, calls)
    except (TooLong, SystemExit, KeyboardInterrupt):
        return []


class Tally(NamedTuple):
    """What became of one exercise's mutants."""

    exercise: Fill
    rejected: int
    equivalent: list[Mutant]
    let_pass: list[Mutant]


def tally(exercise: Fill, count: int = 2000) -> Tally:
    """Every mutant of every right answer, checked; those accepted checked on `count` more inputs."""
    answers = [f for f in (exercise.worked_answer, *exercise.rights) if f is not None]
    made = [m for answer in answers for m in mutants(answer)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        left = [m for m in made if accepts(exercise, m.function)]
        wide = wider(exercise, count) if left else exercise
        equal = [m for m in left if accepts(wide, m.function)]
    passed = [m for m in left if not any(m is one for one in equal)]
    return Tally(exercise, len(made) - len(left), equal, passed)


def report(count: int, ids: list[str], verbose: bool) -> Iterator[str]:
    """A line an exercise, the sums, and each mutant that is let pass."""
    sums: Counter[str] = Counter()
    for exercise in fills():
        if ids and exercise.id not in ids:
            continue
        one = tally(exercise, count)
        numbers = {"rejected": one.rejected, "equivalent": len(one.equivalent), "let pass": len(one.let_pass)}
        numbers = {"mutants": sum(numbers.values())} | numbers
        sums.update(numbers)
        yield f"{exercise.id:6} " + "  ".join(f"{name}: {n:4}" for name, n in numbers.items())
        shown = one.let_pass + (one.equivalent if verbose else [])
        kinds = [*["let pass"] * len(one.let_pass), *["equivalent"] * len(one.equivalent)]
        yield from (f"         {kind}  {m.of}, line {m.line}: {m.what}" for kind, m in zip(kinds, shown))
    yield "all    " + "  ".join(f"{name}: {n:4}" for name, n in sums.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=2000, help="inputs that decide what is equivalent")
    parser.add_argument("--all", action="store_true", help="show the equivalent ones too")
    parser.add_argument("ids", nargs="*", metavar="ID")
    given = parser.parse_args()
    for line in report(given.draws, given.ids, given.all):
        print(line, flush=True)


if __name__ == "__main__":
    main()
