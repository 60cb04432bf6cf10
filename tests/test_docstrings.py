"""Public names are documented in numpydoc, completely, and their examples run."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

import coterie

# numpydoc's codes. Always: no docstring, no summary, unknown parameters. For functions and classes also: parameters,
# returns, yields or an example missing.
ALWAYS = {"GL08", "SS01", "PR02"}
COMPLETE = ALWAYS | {"PR01", "RT01", "YD01", "EX01"}

# What is described elsewhere: {name: where}. An entry that is no longer needed is a failure.
ELSEWHERE = {"coterie.cli.entry.main": "the command line, which documents itself: coterie --help"}


def public_modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(coterie.__path__, "coterie."):
        if not any(part.startswith("_") for part in info.name.split(".")[1:]):
            yield importlib.import_module(info.name)


def public_names() -> list[str]:
    """Qualified names of what the public modules promise in ``__all__``, and of the public methods they define."""
    names = set()
    for module in public_modules():
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isroutine(thing)):
                continue
            home = f"{thing.__module__}.{thing.__qualname__}"
            names.add(home)
            if inspect.isclass(thing):
                names |= {f"{home}.{m}" for m, f in vars(thing).items() if _is_public_method(m, f)}
    return sorted(names)


def _is_public_method(name: str, thing: object) -> bool:
    return not name.startswith("_") and (
        inspect.isfunction(thing) or isinstance(thing, classmethod | staticmethod)
    )


def problems(name: str) -> list[str]:
    """What numpydoc misses; for a record, fields that neither Attributes nor Parameters describe."""
    docstring = Validator(get_doc_object(Validator._load_obj(name)))
    found = dict(validate(name)["errors"])
    if _is_method(name):
        return [f"{code} {text}" for code, text in found.items() if code in ALWAYS]
    if fields := _fields_of_record(docstring.obj):
        described = _described_by_class_and_bases(docstring.obj)
        missing = [f"field {field} is not described" for field in fields if field not in described]
        return missing + [text for code, text in found.items() if code in {"GL08", "SS01"}]
    if docstring.doc["Yields"]:
        found.pop("RT01", None)  # an iterator that is no generator function
    return [f"{code} {text}" for code, text in found.items() if code in COMPLETE]


def _described_by_class_and_bases(thing: type) -> set[str]:
    described = set()
    for cls in thing.__mro__[:-1]:
        doc = get_doc_object(cls)
        described |= {name for p in doc["Attributes"] + doc["Parameters"] for name in p.name.split(", ")}
    return described


def _is_method(name: str) -> bool:
    return name.rsplit(".", 2)[-2][:1].isupper()


def _fields_of_record(thing: object) -> list[str]:
    if dataclasses.is_dataclass(thing):
        return [f.name for f in dataclasses.fields(thing) if not f.name.startswith("_")]
    return list(getattr(thing, "_fields", []))


@pytest.mark.parametrize("name", public_names())
def test_docstring_is_complete(name: str) -> None:
    found = problems(name)
    assert bool(found) == (name in ELSEWHERE), found


@pytest.mark.parametrize("module", list(public_modules()), ids=lambda m: m.__name__)
def test_examples_run(module: ModuleType, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    things = {
        getattr(module, name) for name in getattr(module, "__all__", []) if callable(getattr(module, name))
    }
    for thing in sorted(things, key=lambda t: t.__qualname__):
        home = importlib.import_module(thing.__module__)
        for example in finder.find(thing, thing.__qualname__, module=home):
            runner.run(example)
    assert runner.summarize(verbose=False).failed == 0


def undocumented(x: int) -> int:
    """Return x."""
    return x


@dataclasses.dataclass
class Record:
    """Hold x and y.

    Attributes
    ----------
    x : int
        Described, unlike y.
    """

    x: int
    y: int


def test_the_check_finds_what_is_missing() -> None:
    assert {line[:4] for line in problems(f"{__name__}.undocumented")} == {"PR01", "RT01", "EX01"}
    assert problems(f"{__name__}.Record") == ["field y is not described"]
