"""The house keeps to its floor plan. The rules are in tests/rules; each is shown inputs that break it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import coterie
from coterie import _core
from rules import cpp, python, source, stems
from rules.source import ROOT, name_of, source_files

# Files that break a rule on purpose: {rule: {file: reason}}. An entry that is no longer needed is a failure.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "op": {
        "cpp/cluster/data_range.hpp": "maxima and exact sums for shards: tested in test_partial_step.py",
        "cpp/cluster/filter_choice.hpp": "the names of the filters that assign_labels takes",
        "cpp/cluster/kmeans.hpp": "a loop of assign_labels and update_centroids; tested with their references",
        "cpp/similarity/device_top_k.hpp": "cosine and Jaccard on a device; compared with the CPU in tests/device",
        "cpp/similarity/identical_rows.hpp": "exact equality; tested through near_duplicates and minhash",
        "cpp/similarity/minhash.hpp": "its answer is verified pairs; test_minhash.py compares with near_duplicates",
        "cpp/text/hash_features.hpp": "its reference is scikit-learn: tests/text/test_estimators.py",
    },
    "file length": {},
    "function length": {},
    "systems": {},
    "import": {"python/coterie/__main__.py": "python -m coterie runs it"},
}

CPP = (".cpp", ".hpp", ".cu", ".cuh")
Check = Callable[[str, str], list[str]]


def broken(rule: str, paths: Iterable[Path], check: Check) -> list[str]:
    """Problems of each file, less the listed exceptions; an exception without a problem is a problem."""
    allowed = EXCEPTIONS.get(rule, {})
    found = {name_of(p): check(name_of(p), p.read_text(encoding="utf-8")) for p in paths}
    problems = [f"{name}: {text}" for name, texts in found.items() if name not in allowed for text in texts]
    return problems + [
        f"{name}: listed as an exception for nothing" for name in allowed if not found.get(name)
    ]


def python_tree(check: Callable[[ast.Module], list[str]]) -> Check:
    return lambda name, text: check(ast.parse(text, filename=name))


def test_the_rules_look_at_the_whole_house() -> None:
    names = {name_of(p) for p in source_files()}
    assert {"cpp/core/types.hpp", "cpp/bindings/module.cpp", "python/coterie/__init__.py"} <= names
    assert {"tests/test_codebase.py", ".ci/run"} <= names


def test_every_room_is_on_a_floor() -> None:
    rooms = {p.name for p in (ROOT / "cpp").iterdir() if p.is_dir()}
    assert rooms <= set(cpp.FLOORS)


def test_includes_point_down() -> None:
    assert not broken("includes", source_files(*CPP, folders=("cpp",)), cpp.wrong_includes)


def test_links_point_down() -> None:
    files = list((ROOT / "cpp").rglob("CMakeLists.txt"))
    assert not broken("links", files, lambda name, text: cpp.wrong_links(cpp.room_of(name), text))


def test_each_system_is_named_in_its_room_only() -> None:
    assert not broken("systems", source_files(*CPP, folders=("cpp",)), cpp.wrong_systems)


def test_documentation_is_in_python() -> None:
    assert not broken("docstrings", source_files(*CPP, folders=("cpp",)), cpp.docstrings)


def test_no_commented_out_code() -> None:  # Python's is found by ruff (ERA)
    assert not broken(
        "dead code", source_files(*CPP, folders=("cpp",)), lambda _, text: cpp.commented_out(text)
    )


def test_nothing_is_left_for_later() -> None:
    files = [
        p for p in source_files() if name_of(p) not in {"tests/rules/source.py", "tests/test_codebase.py"}
    ]
    assert not broken("unfinished", files, lambda _, text: source.unfinished(text))


def test_no_paths_of_one_machine() -> None:
    files = [
        p for p in source_files() if name_of(p) not in {"tests/rules/source.py", "tests/test_codebase.py"}
    ]
    assert not broken("machine", files, lambda _, text: source.machine_paths(text))


def test_test_files_have_names_of_their_own() -> None:
    """pytest imports them by their base names."""
    names = [p.name for p in source_files() if p.name.startswith("test_") and p.suffix == ".py"]
    assert sorted(n for n in set(names) if names.count(n) > 1) == []


def test_files_are_short() -> None:
    files = [p for p in source_files() if p.suffix not in {".md", ".txt"} or p.name == "CMakeLists.txt"]
    assert not broken("file length", files, lambda _, text: source.too_long(text))
    assert not source.too_long((ROOT / "CMakeLists.txt").read_text(), limit=120)


def test_functions_are_short() -> None:
    def check(name: str, text: str) -> list[str]:
        return python.long_functions(ast.parse(text)) if name.endswith(".py") else cpp.long_functions(text)

    assert not broken("function length", source_files(".py", *CPP), check)


def test_one_stem_one_story() -> None:
    headers = stems.op_headers(ROOT)
    assert len(headers) >= 10
    assert not broken("op", headers, lambda name, _: stems.missing_parts(ROOT, ROOT / name))


def test_every_header_is_reached_from_python() -> None:
    assert not stems.unreached_headers(ROOT)


def test_nothing_runs_at_import() -> None:
    files = source_files(".py", folders=("python",))
    assert not broken("import", files, python_tree(python.work_at_import))


def test_init_files_hold_imports_only() -> None:
    files = (ROOT / "python").rglob("__init__.py")
    assert not broken("init", files, python_tree(python.logic_in_init))


def test_names_loaded_when_first_used_are_those_promised() -> None:
    for name in coterie.__all__:
        assert name in dir(coterie)
        assert getattr(coterie, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'k_means'"):
        coterie.k_means  # noqa: B018


def test_optional_imports_are_not_guessed() -> None:
    assert not broken("try", source_files(".py"), python_tree(python.guarded_imports))


def test_every_test_can_fail() -> None:
    files = list((ROOT / "tests").rglob("test_*.py"))
    assert not broken("tests", files, python_tree(python.tests_that_cannot_fail))
    assert not broken("clocks", files, python_tree(python.timed_assertions))


def test_stub_declares_what_the_extension_has() -> None:
    stubs = [ROOT / f"python/coterie/{name}.pyi" for name in ("_core", "_core_device")]
    declared = set().union(*(python.names_of_stub(ast.parse(stub.read_text())) for stub in stubs))
    assert declared == {name for name in vars(_core) if not name.startswith("_")}


# ---- each rule is shown what it must refuse and what it must let pass ----

CPP_REFUSED = [
    (cpp.wrong_includes, "cpp/core/a.hpp", '#include "text/b.hpp"\n'),
    (cpp.wrong_includes, "cpp/text/a.cpp", '#include "cluster/b.hpp"\n'),
    (cpp.wrong_includes, "cpp/text/a.cpp", '#include "bindings/b.hpp"\n'),
    (cpp.wrong_includes, "cpp/text/a.cpp", '#include "../core/b.hpp"\n'),
    (cpp.wrong_includes, "cpp/text/a.cpp", '#include "a.hpp"\n'),
    (cpp.wrong_systems, "cpp/text/a.cpp", "#include <pybind11/pybind11.h>\n"),
    (cpp.wrong_systems, "cpp/text/a.cpp", "py::array a;\n"),
    (cpp.wrong_systems, "cpp/text/a.cpp", "#include <immintrin.h>\n"),
    (cpp.wrong_systems, "cpp/core/a.hpp", "__m256 x = _mm256_setzero_ps();\n"),
    (cpp.wrong_systems, "cpp/cluster/a.cpp", "#include <cuda_runtime.h>\n"),
    (cpp.wrong_systems, "cpp/cluster/a.cpp", "#ifdef COTERIE_CUDA\n"),
    (cpp.wrong_systems, "cpp/cluster/a.cpp", "#if defined(WITH_CUDA)\n"),
    (cpp.wrong_systems, "cpp/cluster/a.cpp", "#define SQUARE(x) ((x) * (x))\n"),
    (cpp.docstrings, "cpp/bindings/a.cpp", 'm.def("f", &f, R"doc(Say what f does.)doc");\n'),
    (lambda room, text: cpp.wrong_links("text", text), "text", "target_link_libraries(x coterie_cluster)"),
    (lambda room, text: cpp.wrong_links("core", text), "core", "target_link_libraries(x coterie_kernels)"),
]

CPP_ALLOWED = [
    (
        cpp.wrong_includes,
        "cpp/text/a.cpp",
        '#include "core/b.hpp"\n#include "kernels/c.hpp"\n#include "text/a.hpp"\n',
    ),
    (cpp.wrong_includes, "cpp/bindings/a.cpp", '#include "text/b.hpp"\n#include "bindings/c.hpp"\n'),
    (cpp.wrong_systems, "cpp/text/a.cpp", "// as pybind11 does it, without __m256\nint x;\n"),
    (cpp.wrong_systems, "cpp/kernels/avx2.cpp", "#include <immintrin.h>\n"),
    (cpp.wrong_systems, "cpp/cluster/kmeans_cuda.cu", "#include <cuda_runtime.h>\n"),
    (cpp.docstrings, "cpp/bindings/a.cpp", 'm.def("CSR", &f, py::arg("x"));\n'),
    (cpp.wrong_systems, "cpp/cluster/a.cpp", "#define COTERIE_INSTANTIATE(V) template void f(V);\n"),
    (
        lambda room, text: cpp.wrong_links("text", text),
        "text",
        "target_link_libraries(x coterie_core) # coterie_cluster",
    ),
]


@pytest.mark.parametrize(("check", "name", "text"), CPP_REFUSED)
def test_cpp_rules_refuse(check: Check, name: str, text: str) -> None:
    assert check(name, text)


@pytest.mark.parametrize(("check", "name", "text"), CPP_ALLOWED)
def test_cpp_rules_allow(check: Check, name: str, text: str) -> None:
    assert check(name, text) == []


@pytest.mark.parametrize(
    "line",
    [
        "// f(x);",
        "  // a = b + c;",
        "// #include <x>",
        "// for (int i = 0; i < n; ++i) {",
        "// }",
        "// return 1;",
    ],
)
def test_commented_out_code_is_found(line: str) -> None:
    assert cpp.commented_out(f"int a;\n{line}\nint b;\n")


@pytest.mark.parametrize(
    "line",
    [
        "// sum_j x[j] * y[j]",
        "// returns how many, writes all;",
        "// Throws std::invalid_argument.",
        "int a;  // f",
    ],
)
def test_prose_is_not_commented_out_code(line: str) -> None:
    assert cpp.commented_out(line) == []


CPP_FUNCTIONS = """
namespace a {
struct B {
    B(int x) : x_{x}, y_(2) {
        x_ += 1;
    }
    int f() const noexcept { return x_; }
    int x_ = 0, y_[] = {1, 2};
};
constexpr int table[] = {
    1, 2, 3,
};
template <typename T>
auto g(T t, std::vector<int> shape = {}) -> int {
    auto inner = [&](int i) {
        return "}" + '{' + i;  // {
    };
    return inner(t);
}
}  // namespace a
"""


def test_cpp_functions_are_counted() -> None:
    found = [(f.line, f.n_lines) for f in cpp.functions(CPP_FUNCTIONS)]
    assert found == [(4, 3), (7, 1), (13, 7)]
    assert len(cpp.long_functions(CPP_FUNCTIONS, limit=7)) == 1
    assert cpp.long_functions(CPP_FUNCTIONS, limit=8) == []


PYTHON_REFUSED = [
    (python.work_at_import, "for x in range(3):\n    print(x)\n"),
    (python.work_at_import, "print('hello')\n"),
    (python.work_at_import, "WORDS = open('words.txt').read()\n"),
    (python.work_at_import, "try:\n    import pandas\nexcept ImportError:\n    pandas = None\n"),
    (python.logic_in_init, "def f():\n    return 1\n"),
    (python.logic_in_init, "import a\nif a.x:\n    import b\n"),
    (python.logic_in_init, "import a\nX = a.load()\n"),
    (
        python.guarded_imports,
        "def f():\n    try:\n        import x\n    except Exception:\n        x = None\n",
    ),
    (python.tests_that_cannot_fail, "def test_x():\n    f()\n"),
    (python.tests_that_cannot_fail, "def test_x():\n    assert (f(), 'a message')\n"),
    (python.tests_that_cannot_fail, "def test_x():\n    assert True\n"),
    (python.timed_assertions, "def test_x():\n    assert perf_counter() - t < 1\n"),
    (lambda tree: python.long_functions(tree, limit=4), "def f():\n    a = 1\n    b = 2\n    return a + b\n"),
]

PYTHON_ALLOWED = [
    (python.work_at_import, '"""Doc."""\nimport re\nX = re.compile("a")\n\ndef f() -> None: ...\n'),
    (python.work_at_import, "if TYPE_CHECKING:\n    import pandas\n"),
    (python.logic_in_init, '"""Doc."""\nfrom a import b\n__all__ = ["b"]\n\ndef __getattr__(name): ...\n'),
    (python.tests_that_cannot_fail, "def same(a):\n    assert a\n\ndef test_x():\n    same(1)\n"),
    (python.guarded_imports, "try:\n    f()\nexcept OSError:\n    import x\n"),
    (python.tests_that_cannot_fail, "def test_x():\n    with pytest.raises(ValueError):\n        f()\n"),
    (python.tests_that_cannot_fail, "def test_x():\n    npt.assert_array_equal(a, b)\n"),
    (
        lambda tree: python.long_functions(tree, limit=4),
        'def f():\n    """Say\n\n    more."""\n    return 1\n',
    ),
]


@pytest.mark.parametrize(("check", "text"), PYTHON_REFUSED)
def test_python_rules_refuse(check: Callable[[ast.Module], list[str]], text: str) -> None:
    assert check(ast.parse(text))


@pytest.mark.parametrize(("check", "text"), PYTHON_ALLOWED)
def test_python_rules_allow(check: Callable[[ast.Module], list[str]], text: str) -> None:
    assert check(ast.parse(text)) == []


def test_text_rules_refuse() -> None:
    assert source.too_long("a\n" * 400)
    assert not source.too_long("a\n" * 399)
    assert source.unfinished("x = 1  # TODO: more")
    assert source.machine_paths('open("/home/me/data")')
    assert not source.machine_paths("see build/work/x and ~/data")


def test_an_exception_for_nothing_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXCEPTIONS, "file length", {"cpp/core/types.hpp": "no reason"})
    assert broken("file length", [ROOT / "cpp/core/types.hpp"], lambda _, text: source.too_long(text))


def test_an_op_without_its_story_is_found(tmp_path: Path) -> None:
    header = tmp_path / "cpp/text/counts.hpp"
    for folder in ("cpp/text", "cpp/bindings", "tests/reference"):
        (tmp_path / folder).mkdir(parents=True)
    header.write_text("")
    assert len(stems.missing_parts(tmp_path, header)) == 3
    assert stems.unreached_headers(tmp_path) == ["cpp/text/counts.hpp"]
    (tmp_path / "cpp/bindings/text.cpp").write_text('#include "text/counts.hpp"\n')
    for name in ("cpp/text/counts.cpp", "tests/reference/counts.py", "tests/test_counts.py"):
        (tmp_path / name).write_text("")
    assert stems.op_headers(tmp_path) == [header]
    assert stems.missing_parts(tmp_path, header) == []
    assert stems.unreached_headers(tmp_path) == []
