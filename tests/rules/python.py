"""Rules for Python: nothing runs at import, thin ``__init__`` files, short functions, tests that can fail."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rules.source import MAX_FUNCTION_LINES

_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_EFFECTS = {"open", "read_text", "read_bytes", "load", "loads", "run", "Popen", "Thread", "start"}


def _line(node: ast.AST) -> str:
    return f"line {getattr(node, 'lineno', '?')}"


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def work_at_import(tree: ast.Module) -> list[str]:
    """Module statements other than imports, definitions and constants, and constants that read or start."""
    problems = []
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            called = {_called_name(n) for n in ast.walk(node) if isinstance(n, ast.Call)}
            problems += [f"{_line(node)}: {name}() at import" for name in sorted(called & _EFFECTS)]
        elif not (
            isinstance(node, (*_IMPORTS, *_DEFINITIONS)) or _is_docstring(node) or _is_type_checking(node)
        ):
            problems.append(f"{_line(node)}: {ast.unparse(node).splitlines()[0]}")
    return problems


def _called_name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def logic_in_init(tree: ast.Module) -> list[str]:
    """Anything in a package's ``__init__`` but a table of contents.

    Allowed are the docstring, imports, literal constants and, for names that are loaded when first used, the
    two hooks of PEP 562.
    """
    problems = []
    for node in tree.body:
        is_literal = isinstance(node, ast.Assign) and _is_literal(node.value)
        is_hook = isinstance(node, ast.FunctionDef) and node.name in {"__getattr__", "__dir__"}
        known = isinstance(node, _IMPORTS) or _is_docstring(node) or _is_type_checking(node)
        if not (known or is_literal or is_hook):
            problems.append(f"{_line(node)}: {ast.unparse(node).splitlines()[0]}")
    return problems


def _is_literal(value: ast.expr) -> bool:
    return not any(isinstance(n, ast.Call | ast.Attribute | ast.Subscript) for n in ast.walk(value))


def guarded_imports(tree: ast.Module) -> list[str]:
    """``try`` around an import: an optional dependency goes through ``require_extra``."""
    return [
        f"{_line(node)}: import inside try"
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any(isinstance(n, _IMPORTS) for n in node.body)
    ]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the signature to the end, without the docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if _is_docstring(first):
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def long_functions(tree: ast.Module, limit: int = MAX_FUNCTION_LINES) -> list[str]:
    return [
        f"{_line(f)}: {f.name} has {body_lines(f)} lines (limit {limit})"
        for f in functions(tree)
        if body_lines(f) >= limit
    ]


def tests_that_cannot_fail(tree: ast.Module) -> list[str]:
    """``test_*`` functions without an assertion, an expected error or a call to a helper that has one."""
    checks = ("assert", "check", "expect", "raises", "warns", "validate", "fail")
    able: set[str] = set()

    def can_fail(f: ast.AST) -> bool:
        for n in ast.walk(f):
            if isinstance(n, ast.Assert) and not _is_constant_truth(n.test):
                return True
            if isinstance(n, ast.Call):
                called = _called_name(n)
                if called in able or called.lstrip("_").startswith(checks):
                    return True
        return False

    while found := {f.name for f in functions(tree) if can_fail(f)} - able:
        able |= found
    tests = [f for f in functions(tree) if f.name.startswith("test")]
    return [f"{_line(f)}: {f.name} asserts nothing" for f in tests if f.name not in able]


def _is_constant_truth(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant | ast.Tuple)


def timed_assertions(tree: ast.Module) -> list[str]:
    """Assertions on a clock, which fail on a busy machine and prove nothing on a quiet one."""
    clocks = {"perf_counter", "monotonic", "process_time", "perf_counter_ns"}
    return [
        f"{_line(n)}: {ast.unparse(n)[:80]}"
        for n in ast.walk(tree)
        if isinstance(n, ast.Assert)
        and clocks & {_called_name(c) for c in ast.walk(n) if isinstance(c, ast.Call)}
    ]


def names_of_stub(tree: ast.Module) -> set[str]:
    """Functions and classes that a ``.pyi`` declares."""
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
