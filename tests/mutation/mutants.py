"""The small mistakes that could be made in a Python module, one by one.

`mutants_of(source)` gives each as a `Mutant`: a span of the source and what stands there instead.
Left alone is what no test can tell: annotations, docstrings, what only a type checker reads, the
contents of `__all__`, and the inside of f-strings, whose places are not known before Python 3.12.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
OTHER_KEYWORDS: dict[type[ast.stmt], str] = {ast.Break: "continue", ast.Continue: "break"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
WHEN_LOADED = range(0)


@dataclass(frozen=True)
class Mutant:
    """In a line, bytes `start` to `end` of the source become `text`. One of `lines` has to run for
    a test to notice; where there are none, the module has to be loaded."""

    line: int
    start: int
    end: int
    original: str
    text: str
    lines: range

    def planted(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]

    def __str__(self) -> str:
        original, text = " ".join(self.original.split()), " ".join(self.text.split())
        return f"{self.line}: {original[:60]} -> {text[:60]}"


def mutants_of(source: bytes) -> list[Mutant]:
    """In order of their place; no two are the same."""
    found = {(m.start, m.end, m.text): m for m in _Finder(source).mutants(ast.parse(source))}
    return sorted(found.values(), key=lambda mutant: (mutant.start, mutant.end, mutant.text))


class _Finder:
    def __init__(self, source: bytes) -> None:
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def mutants(self, module: ast.Module) -> Iterator[Mutant]:
        yield from self._of_body(module, WHEN_LOADED)

    # --- Statements ---

    def _of_body(self, owner: ast.AST, function: range) -> Iterator[Mutant]:
        """Of the statements below a node; `function` are the lines of the one around them."""
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            for statement in getattr(owner, field, []):
                if not _is_untold(statement):
                    yield from self._of_statement(statement, function)

    def _of_statement(self, statement: ast.AST, function: range) -> Iterator[Mutant]:
        if isinstance(statement, FUNCTIONS):
            body = range(statement.body[0].lineno, (statement.end_lineno or 0) + 1)
            for default in [*statement.args.defaults, *statement.args.kw_defaults]:
                if default is not None:
                    yield from self._of_expression(default, body)
            yield from self._of_body(statement, body)
            return
        lines = _header(statement) if function else WHEN_LOADED
        yield from self._of_whole(statement, lines)
        for name, value in ast.iter_fields(statement):
            if name not in ("annotation", "decorator_list", "targets", "target", "returns"):
                for part in value if isinstance(value, list) else [value]:
                    if isinstance(part, (ast.expr, ast.keyword, ast.withitem)):
                        yield from self._of_expression(part, lines)
        yield from self._of_body(statement, function)

    def _of_whole(self, statement: ast.AST, lines: range) -> Iterator[Mutant]:
        if isinstance(statement, (ast.Break, ast.Continue)):
            yield self._mutant(statement, OTHER_KEYWORDS[type(statement)], lines)
        elif isinstance(statement, (ast.Raise, ast.AugAssign)) or (
            isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Yield)
        ):
            yield self._mutant(statement, "pass", lines)
        elif isinstance(statement, (ast.If, ast.While)):
            yield from self._negated(statement.test, lines)
        elif isinstance(statement, ast.ExceptHandler) and statement.type is not None:
            yield self._mutant(statement.type, "()", lines)
        elif isinstance(statement, (ast.Return, ast.Assign, ast.AnnAssign)):
            value = statement.value
            if value is not None and not isinstance(value, ast.Constant):
                yield self._mutant(value, "None", lines)

    # --- Expressions ---

    def _of_expression(self, root: ast.AST, lines: range) -> Iterator[Mutant]:
        if isinstance(root, ast.JoinedStr):
            return
        yield from self._of_node(root, lines)
        for part in ast.iter_child_nodes(root):
            if not isinstance(part, ast.arguments):
                yield from self._of_expression(part, lines)

    def _of_node(self, node: ast.AST, lines: range) -> Iterator[Mutant]:
        if isinstance(node, ast.Compare):
            yield from self._of_comparison(node, lines)
        elif isinstance(node, ast.BoolOp):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield self._mutant(node, _text(ast.BoolOp(other, node.values)), lines)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield self._mutant(node, _text(node.operand), lines)
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            other_operator = OPERATORS[type(node.op)]()
            changed = ast.BinOp(node.left, other_operator, node.right)
            yield self._mutant(node, _text(changed), lines)
        elif isinstance(node, ast.IfExp):
            yield from self._negated(node.test, lines)
        elif isinstance(node, ast.comprehension):
            for condition in node.ifs:
                yield from self._negated(condition, lines)
        elif isinstance(node, ast.Constant):
            yield from self._of_constant(node, lines)
        elif isinstance(node, ast.Call):
            yield from self._without_keywords(node, lines)

    def _of_comparison(self, node: ast.Compare, lines: range) -> Iterator[Mutant]:
        if len(node.ops) == 1:
            operands = _text(node.left), _text(node.comparators[0])
            text = f"({operands[0]} {COMPARISONS[type(node.ops[0])]} {operands[1]})"
            yield self._mutant(node, text, lines)

    def _of_constant(self, node: ast.Constant, lines: range) -> Iterator[Mutant]:
        value = node.value
        if isinstance(value, bool):
            yield self._mutant(node, str(not value), lines)
        elif isinstance(value, (int, float)):
            yield self._mutant(node, f"({value + 1!r})", lines)
        elif isinstance(value, str):
            yield self._mutant(node, repr(f"?{value[1:]}"), lines)

    def _without_keywords(self, node: ast.Call, lines: range) -> Iterator[Mutant]:
        for keyword in node.keywords:
            if keyword.arg is not None:
                others = [other for other in node.keywords if other is not keyword]
                yield self._mutant(node, _text(ast.Call(node.func, node.args, others)), lines)

    def _negated(self, condition: ast.expr, lines: range) -> Iterator[Mutant]:
        """What is a comparison or begins with `not` is turned round elsewhere."""
        is_known = isinstance(condition, ast.Compare) and len(condition.ops) == 1
        if not is_known and not (
            isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not)
        ):
            yield self._mutant(condition, f"(not {_text(condition)})", lines)

    def _mutant(self, node: ast.AST, text: str, lines: range) -> Mutant:
        start = self._offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        end = self._offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        original = self.source[start:end].decode()
        line: int = node.lineno  # type: ignore[attr-defined]
        return Mutant(line, start, end, original, text, lines)

    def _offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column


def _text(node: ast.expr) -> str:
    """In parentheses: whatever stands around it, it stays one expression, over lines too."""
    return f"({ast.unparse(ast.fix_missing_locations(node))})"


def _header(statement: ast.AST) -> range:
    """The lines of a statement, of one with a body those before it."""
    first: int = statement.lineno  # type: ignore[attr-defined]
    body = getattr(statement, "body", None)
    last: int = body[0].lineno - 1 if body else statement.end_lineno  # type: ignore[attr-defined]
    return range(first, max(last, first) + 1)


def _is_untold(statement: ast.AST) -> bool:
    """Whether no test can tell what stands there."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True  # A docstring, or `...`.
    if isinstance(statement, ast.If):
        return "TYPE_CHECKING" in ast.unparse(statement.test)
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0]) in ("__all__", "TYPE_CHECKING")
    if isinstance(statement, FUNCTIONS):
        return any("overload" in ast.unparse(one) for one in statement.decorator_list)
    return isinstance(statement, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal))
