"""Rules for cpp/: the floor plan's directions, who may name which system, sizes, no dead code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rules.source import MAX_FUNCTION_LINES

FLOORS = {
    "core": 0,
    "kernels": 1,
    "cuda": 1,
    "text": 2,
    "similarity": 2,
    "cluster": 2,
    "topics": 2,
    "encode": 2,
    "bindings": 3,
}


def room_of(name: str) -> str:
    """``cpp/text/counts.cpp`` -> ``text``."""
    return name.split("/")[1]


def wrong_includes(name: str, text: str) -> list[str]:
    """Project includes that point up, sideways, or are not written from cpp/ down."""
    room, problems = room_of(name), []
    for included in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE):
        other = included.split("/")[0]
        if other not in FLOORS or ".." in included:
            problems.append(f'"{included}" must be written as "room/file"')
        elif other != room and FLOORS[other] >= FLOORS[room]:
            problems.append(f"{room} (floor {FLOORS[room]}) includes {included} (floor {FLOORS[other]})")
    return problems


def wrong_links(room: str, text: str) -> list[str]:
    """The same directions in a room's CMakeLists.txt."""
    linked = re.findall(r"\bcoterie_(\w+)", without_cmake_comments(text))
    return [f"{room} links to {x}" for x in linked if x != room and FLOORS.get(x, -1) >= FLOORS[room]]


def without_cmake_comments(text: str) -> str:
    return re.sub(r"#.*", "", text)


def wrong_systems(name: str, text: str) -> list[str]:
    """pybind11 outside bindings, the CUDA runtime outside cuda, intrinsics outside kernels."""
    room, code, problems = room_of(name), without_comments(text), []
    if room != "bindings" and re.search(r"pybind11|\bPython\.h\b|\bpy::", code):
        problems.append("only bindings may name pybind11 or Python")
    is_cuda = room == "cuda" or name.endswith("_cuda.cu")
    if not is_cuda and re.search(r"\bcuda\w*\.h\b|\bcublas|\bcuda[A-Z]\w*\(|__global__|<<<", code):
        problems.append("only cuda/ and *_cuda.cu may name the CUDA runtime")
    if not is_cuda and re.search(r"^\s*#\s*(if|ifdef|ifndef|elif)\b.*CUDA", code, re.MULTILINE):
        problems.append("callers do not ask whether CUDA was compiled in")
    if room != "kernels" and re.search(
        r"\b\w*intrin\.h\b|arm_neon\.h|\b_(mm|tile)\d*_\w+\(|\b__m(128|256|512)", code
    ):
        problems.append("only kernels/ may use intrinsics")
    if re.search(r"^\s*#\s*define\b(?!\s+COTERIE_(INSTANTIATE\(|HOST_DEVICE\b))", code, re.MULTILINE):
        problems.append(
            "a function or a constant serves instead of #define (instantiation and __device__ apart)"
        )
    return problems


def docstrings(name: str, text: str) -> list[str]:
    """Documentation strings in the bindings; they belong to the Python functions that call them."""
    if room_of(name) != "bindings":
        return []
    found = re.findall(r'(?<!\w)R"\w*\(|"[^"\n]{60,}"', without_comments(text))
    return [
        f"string {s[:40]}... in a binding" for s in found if not name.endswith(("module.cpp", "errors.cpp"))
    ]


def commented_out(text: str) -> list[str]:
    """Comment lines that are statements."""
    statement = re.compile(
        r"^\s*//\s*(#\s*(include|if|endif|define)\b"
        r"|(return|if|for|while|auto|const|int|float|double|std::\w+)\b[^.]*[;{]$"
        r"|[\w:.\->\[\]]+(\(.*\)|\s*[-+*/]?=[^=].*);$|[{}]+;?$)"
    )
    return [
        f"line {n}: {line.strip()}" for n, line in enumerate(text.splitlines(), 1) if statement.match(line)
    ]


def without_comments(text: str) -> str:
    """The text with comments blanked out; lines stay where they are."""

    def blank(match: re.Match[str]) -> str:
        found = match.group(0)
        return re.sub(r"[^\n]", " ", found) if found.startswith("/") else found

    return re.sub(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.DOTALL
    )


def _without_strings(code: str) -> str:
    raw = re.sub(
        r'R"(\w*)\(.*?\)\1"', lambda m: '"' + "\n" * m.group(0).count("\n") + '"', code, flags=re.DOTALL
    )
    return re.sub(r'"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])\'', '""', raw)


@dataclass
class Function:
    head: str
    line: int
    n_lines: int


_SCOPE = re.compile(r"\b(namespace|struct|class|union|enum|extern)\b(?!.*\))", re.DOTALL)
_FUNCTION = re.compile(
    r"\)\s*((const|noexcept|override|final|mutable|&&?|->[^{;]*|requires[^{;]*)\s*)*(:[^:].*)?$", re.DOTALL
)
_MEMBER_INIT = re.compile(r"\)\s*(noexcept\s*)?:[^:].*[\w>]$", re.DOTALL)


def functions(text: str) -> list[Function]:
    """Functions with a body, by counting braces; a lambda counts to the function it is in."""
    code = _without_strings(re.sub(r"^\s*#.*(\\\n.*)*$", "", without_comments(text), flags=re.MULTILINE))
    found: list[Function] = []
    stack: list[str] = []
    head, start, line, first = "", 1, 1, 1
    for char in code:
        line += char == "\n"
        inside = "function" in stack
        if char == "{":
            kind = "inner" if inside else _kind(head)
            stack.append(kind)
            if kind == "function":
                first, function_head = start, " ".join(head.split())
            if kind != "init":
                head = ""
        elif char == "}":
            kind = stack.pop() if stack else "scope"
            if kind == "function":
                found.append(Function(function_head, first, line - first + 1))
            if kind != "init":
                head = ""
        elif char == ";" and "init" not in stack:
            head = ""
        elif not inside and "init" not in stack:
            if not head.strip():
                start = line
            head += char
    return found


def _kind(head: str) -> str:
    """What an opening brace opens: a function body, a scope, data, or an initialiser within a longer head."""
    head = head.rstrip()
    if head.count("(") > head.count(")"):
        return "init"
    if _MEMBER_INIT.search(head) and not head.endswith(")"):
        return "init"
    if _FUNCTION.search(head):
        return "function"
    return "scope" if _SCOPE.search(head) else "data"


def long_functions(text: str, limit: int = MAX_FUNCTION_LINES) -> list[str]:
    return [
        f"line {f.line}: {f.n_lines} lines (limit {limit}): {f.head[-70:]}"
        for f in functions(text)
        if f.n_lines >= limit
    ]
