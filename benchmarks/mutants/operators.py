"""What a mutant is: one expression or statement of a module replaced by another that a person might have written.

Left alone: text and messages, annotations, decorators, what only type checkers read, and `strict=` of `zip`.
"""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

_BOUNDARIES: dict[type[ast.cmpop], str] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
_OPPOSITES: dict[type[ast.cmpop], str] = {
    ast.Lt: ">=", ast.LtE: ">", ast.Gt: "<=", ast.GtE: "<", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.FloorDiv(), ast.Div: ast.Mult(), ast.FloorDiv: ast.Mult(),
    ast.Mod: ast.FloorDiv(), ast.LShift: ast.RShift(), ast.RShift: ast.LShift(), ast.Pow: ast.Mult(),
    ast.BitAnd: ast.BitOr(), ast.BitXor: ast.BitAnd(),
}  # fmt: skip
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}
_SILENT = frozenset({"_log", "done", "checked", "warnings"})
"""What is called to tell people of progress."""
_TYPING = frozenset({"TypeVar", "TypeAdapter", "NewType", "cast", "ConfigDict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a piece of source text lies: lines from 1, columns in bytes from 0."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A module with one change."""

    module: str
    """Path below the root, with forward slashes."""
    operator: str
    place: Place
    source: str
    """The whole module, unchanged."""
    replacement: str
    """What stands at the place instead."""
    scope: tuple[int, int] | None
    """First and last line of the innermost function around it; None where there is none."""

    @property
    def is_outside(self) -> bool:
        """Whether it is run while the module is imported: a default is, too."""
        return self.scope is None or self.place.line <= self.scope[0]

    @cached_property
    def mutated(self) -> str:
        """The whole module, changed."""
        lines = [line.encode() for line in self.source.splitlines(keepends=True)]
        first, last = self.place.line - 1, self.place.end_line - 1
        before = lines[first][: self.place.column]
        behind = lines[last][self.place.end_column :]
        changed = [*lines[:first], before + self.replacement.encode() + behind, *lines[last + 1 :]]
        return b"".join(changed).decode()

    @cached_property
    def diff(self) -> tuple[str, str]:
        """The lines that go and those that come, each without its margins."""
        changes = list(difflib.unified_diff(self.source.splitlines(), self.mutated.splitlines(), lineterm="", n=0))[2:]
        return _joined(changes, "-"), _joined(changes, "+")

    def __str__(self) -> str:
        return f"{self.module}:{self.place.line} ({self.operator})\n    - {self.diff[0]}\n    + {self.diff[1]}"


def mutants_of(root: Path, module: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its text; those that would change nothing are left out."""
    source = (root / module).read_text()
    tree = ast.parse(source)
    tests = {id(test) for node in ast.walk(tree) for test in _tests(node)}
    found = {}
    for node, scope in _reachable(tree):
        for operator, replacement in chain(_replacements(node), _answers(node, tests)):
            mutant = Mutant(
                module=module,
                operator=operator,
                place=_place(node),
                source=source,
                replacement=replacement,
                scope=scope,
            )
            if ast.unparse(ast.parse(replacement)) != ast.unparse(node):
                found[mutant.place, replacement] = mutant
    return sorted(found.values(), key=lambda one: (one.place.line, one.place.column, one.operator, one.replacement))


def _joined(changes: list[str], sign: str) -> str:
    return " ⏎ ".join(line[1:].strip() for line in changes if line.startswith(sign))


def _place(node: ast.expr | ast.stmt) -> Place:
    end_line, end_column = node.end_lineno, node.end_col_offset
    if end_line is None or end_column is None:
        raise ValueError(f"{ast.dump(node)} has no end")  # what `ast.parse` makes always has one
    return Place(line=node.lineno, column=node.col_offset, end_line=end_line, end_column=end_column)


def _reachable(
    tree: ast.AST, scope: tuple[int, int] | None = None
) -> Iterator[tuple[ast.expr | ast.stmt, tuple[int, int] | None]]:
    """The nodes that may be replaced, each with the lines of the function around it."""
    for node in _children(tree):
        if isinstance(node, ast.expr | ast.stmt):
            yield node, scope
        own = scope
        if isinstance(node, ast.FunctionDef):
            own = (node.lineno, node.end_lineno or node.lineno)
        yield from _reachable(node, own)


def _children(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that may be changed."""
    match node:
        case ast.FunctionDef(name="__repr__" | "__str__" | "_repr_html_"):
            return []
        case ast.FunctionDef(decorator_list=decorators, returns=returns):
            left_out: list[ast.AST | None] = [*decorators, returns]
        case ast.ClassDef(decorator_list=decorators, bases=bases, keywords=keywords):
            left_out = [*decorators, *bases, *keywords]
        case ast.AnnAssign(annotation=annotation):
            left_out = [annotation]
        case _:
            left_out = []
    return [] if _is_left_alone(node) else [child for child in ast.iter_child_nodes(node) if child not in left_out]


def _is_left_alone(node: ast.AST) -> bool:
    """Whether nothing within a node is changed: messages, types, text, and what nobody runs."""
    match node:
        case ast.arg() | ast.JoinedStr() | ast.Raise() | ast.Assert() | ast.Import() | ast.ImportFrom():
            return True
        case ast.keyword(arg="strict" | "kw_only" | "init" | "repr") | ast.Expr(value=ast.Constant()):
            return True
        case ast.Subscript():
            return _is_type(node)
        case ast.Call(func=func):
            return _name(func) in _TYPING or _root(func) in _SILENT
        case ast.If(test=test):
            return "TYPE_CHECKING" in ast.unparse(test)
    return False


def _replacements(node: ast.AST) -> Iterator[tuple[str, str]]:
    """What may stand in a node's place: the kind of the change, and the new text."""
    for changes in (_logic, _numbers, _calls, _statements):
        yield from changes(node)


def _logic(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Comparisons, and what joins and turns them."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=right):
            for number, op in enumerate(ops):
                for operator, table in (("boundary", _BOUNDARIES), ("comparison", _OPPOSITES)):
                    if type(op) in table:
                        symbols = [_SYMBOLS[type(one)] for one in ops]
                        symbols[number] = table[type(op)]
                        pairs = zip(symbols, right, strict=True)
                        yield operator, " ".join([_part(left), *(f"{sign} {_part(one)}" for sign, one in pairs)])
        case ast.BoolOp(op=op, values=values):
            other = " or " if isinstance(op, ast.And) else " and "
            yield "boolean", f"({other.join(map(_part, values))})"
            for number in range(len(values)):
                yield "condition", f"({ast.unparse(ast.BoolOp(op, values[:number] + values[number + 1 :]))})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "boolean", f"({ast.unparse(operand)})"
        case ast.IfExp(body=body, orelse=other):
            yield "condition", f"({ast.unparse(body)})"
            yield "condition", f"({ast.unparse(other)})"


def _numbers(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Arithmetic and constants."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "arithmetic", ast.unparse(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC and not _is_text(left, right):
            yield "arithmetic", f"({ast.unparse(ast.BinOp(left, _ARITHMETIC[type(op)], right))})"
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in _ARITHMETIC and not _is_text(value):
            yield "arithmetic", ast.unparse(ast.AugAssign(target, _ARITHMETIC[type(op)], value))
        case ast.Constant(value=bool(value)):
            yield "constant", str(not value)
        case ast.Constant(value=int(value)):
            yield "constant", str(value + 1)
        case ast.Constant(value=float(value)):
            yield "constant", str(value * 2 or 1.0)
        case ast.Constant(value="left" | "right" as side):
            yield "boundary", repr("left" if side == "right" else "right")


def _calls(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Functions that have a twin."""
    match node:
        case ast.Call(func=ast.Name(id="sorted"), args=[first, *_]):
            yield "order", f"list({ast.unparse(first)})"
        case ast.Call(func=func) if _name(func) in _TWINS:
            yield "bound", _renamed(node, _TWINS[_name(func)])


def _statements(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Calls for what they do, answers, and jumps."""
    match node:
        case ast.Expr(value=ast.Call(func=func)) if _root(func) not in _SILENT:
            yield "call", "pass"
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield "return", "return None"
        case ast.Continue():
            yield "jump", "break"
        case ast.Break():
            yield "jump", "pass"


def _tests(node: ast.AST) -> list[ast.expr]:
    """What decides whether a part of a node is run at all."""
    if isinstance(node, ast.If | ast.While):
        return [node.test]
    return node.ifs if isinstance(node, ast.comprehension) else []


def _answers(node: ast.AST, tests: set[int]) -> Iterator[tuple[str, str]]:
    """The two answers of a test."""
    if id(node) in tests and not isinstance(node, ast.Constant):
        yield from (("condition", "False"), ("condition", "True"))


def _part(node: ast.expr) -> str:
    """An expression that stands between others."""
    text = ast.unparse(node)
    return f"({text})" if isinstance(node, ast.BoolOp | ast.Compare | ast.IfExp | ast.Lambda | ast.NamedExpr) else text


def _renamed(call: ast.AST, name: str) -> str:
    """A call of another function."""
    copy = ast.parse(ast.unparse(call), mode="eval").body
    if isinstance(copy, ast.Call) and isinstance(copy.func, ast.Name):
        copy.func.id = name
    elif isinstance(copy, ast.Call) and isinstance(copy.func, ast.Attribute):
        copy.func.attr = name
    return ast.unparse(copy)


def _name(node: ast.expr) -> str:
    """The last part of a name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    """The first part of a name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(*nodes: ast.expr) -> bool:
    """Whether one of them is text or a list: those are joined by `+`, and are not numbers."""
    return any(
        isinstance(node, ast.JoinedStr | ast.List) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        for node in nodes
    )


def _is_type(node: ast.Subscript) -> bool:
    """Whether it is a type: `Callable[[int], str]`, `dict[str, int]()`."""
    name = _name(node.value)
    return name[:1].isupper() or name in ("dict", "list", "tuple", "set", "frozenset", "type", "array")
