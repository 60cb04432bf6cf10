"""``coterie doctor``: what this installation runs on and what it could have."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from typing import Any

from coterie._version import __version__
from coterie.cli import options
from coterie.cli.console import print_json, reports_errors, stdout_console

_BASE = ("numpy", "scipy", "scikit-learn")
_EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "cli": (
        ("typer", "rich", "pyarrow", "jinja2", "plotly"),
        "the command line, reading and writing of files, the HTML report",
    ),
    "zh": (("rjieba",), "Chinese words (--language zh)"),
    "onnx": (("onnxruntime", "tokenizers"), "encoding texts by transformers (coterie encode)"),
    "gpu": (
        ("onnxruntime-gpu", "tokenizers"),
        "encoding texts on an NVIDIA GPU; onnxruntime-gpu takes the place of onnxruntime (pip uninstall onnxruntime)",
    ),
    "openvino": (("openvino",), "faster encoding on CPUs that multiply in bfloat16"),
    "train": (
        ("torch", "transformers", "onnx", "safetensors", "huggingface_hub"),
        "exporting transformers (coterie export)",
    ),
}


@reports_errors
def doctor(as_json: options.AsJson = False) -> None:
    """Show the instruction set in use, threads, memory, versions and extras, and what each missing one would add.

    [green]coterie doctor[/green]

    [green]COTERIE_CPU=portable coterie doctor[/green]
      choose a slower instruction set; the results of clustering do not change by a bit
    """
    facts = examine()
    if as_json:
        print_json({"command": "doctor", **facts})
    else:
        _print_facts(facts)


def examine() -> dict[str, Any]:
    """Return what ``coterie doctor`` shows."""
    from coterie import _core

    return {
        "coterie": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "compiler": _core.compiler(),
        "instruction_set": _core.active_isa(),
        "instruction_sets_available": list(_core.available_isas()),
        "COTERIE_CPU": os.environ.get("COTERIE_CPU"),
        "threads": _core.default_thread_count(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "cuda": _cuda(),
        "encoding": _encoding(),
        "versions": {name: importlib.metadata.version(name) for name in _BASE},
        "extras": {
            extra: {
                "versions": {module: _version(module) for module in modules},
                "adds": adds,
                "missing": [module for module in modules if _version(module) is None],
                "install": f'pip install "coterie[{extra}]"',
            }
            for extra, (modules, adds) in _EXTRAS.items()
        },
    }


def _version(module: str) -> str | None:
    if "-" in module:  # a distribution whose module another one has, too
        return next((d.version for d in importlib.metadata.distributions(name=module)), None)
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:  # brought under another name, such as onnxruntime-gpu
        distributions = importlib.metadata.packages_distributions().get(module, [])
    return importlib.metadata.version(distributions[0]) if distributions else "of unknown version"


def _encoding() -> dict[str, Any]:
    """Return which providers could run an encoder, which one would, and why."""
    if _version("onnxruntime") is None:
        missing = 'the extra "onnx" is missing'
        return {"providers": [], "provider": None, "precision": None, "reason": missing, "not_used": {}}
    from coterie.encode._engines import available_providers, choose_provider, explain_providers

    choice = choose_provider("auto", None, "auto", "float32")
    return {
        "providers": available_providers(),
        "provider": choice.provider,
        "precision": choice.precision,
        "reason": choice.reason,
        "not_used": explain_providers(choice),
    }


def _encoding_line(encoding: dict[str, Any]) -> str:
    if encoding["provider"] is None:
        return f"not possible: {encoding['reason']}"
    used = f"{encoding['provider']}, {encoding['precision']} ({encoding['reason']})"
    return "\n".join([used, *(f"not {name}: {why}" for name, why in encoding["not_used"].items())])


def _cuda_rows(state: dict[str, Any]) -> dict[str, str]:
    if not state["built"]:
        return {"CUDA": f"built without CUDA; device='cuda' is refused: {state['problem']}"}
    built = f"built with CUDA {_dotted(state['runtime'])} for {state['architectures']}"
    driver = f"the driver supports {_dotted(state['driver'])}" if any(state["driver"]) else "no driver"
    usable = (
        f"device='cuda' is refused: {state['problem']}" if state["problem"] else "device='cuda' can be used"
    )
    rows = {"CUDA": f"{built}; {driver}; {usable}"}
    for device in state["devices"]:
        rows[f"cuda:{device['index']}"] = (
            f"{device['name']}, compute capability {_dotted(device['compute_capability'])}, "
            f"{device['memory_bytes'] / 2**30:.0f} GiB, {device['processors']} processors; {device['state']}"
        )
    return rows


def _cuda() -> dict[str, Any]:
    """Return the state of CUDA with what opening each device gives."""
    from coterie import _core

    state: dict[str, Any] = dict(_core.cuda_state())
    state["devices"] = [{**device, "state": _when_opened(device)} for device in state["devices"]]
    return state


def _when_opened(device: dict[str, Any]) -> str:
    from coterie import _core

    if not device["supported"]:
        return "too old: compute capability 8.0 (Ampere) is the least"
    try:
        opened = _core.Device(f"cuda:{device['index']}")
        free = opened.free_memory
        by_wgmma, why = _core.wgmma_state(opened)
    except (
        RuntimeError,
        MemoryError,
    ) as error:  # another process has it to itself, a driver that does not know it
        return f"cannot be opened: {error}"
    products = "wgmma" if by_wgmma else f"mma.sync, not wgmma: {why}"
    return f"{free / 2**30:.1f} GiB are free; K-means multiplies by {products}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _print_facts(facts: dict[str, Any]) -> None:
    from rich.table import Table

    slower = [isa for isa in facts["instruction_sets_available"] if isa != facts["instruction_set"]]
    chosen = f" (COTERIE_CPU={facts['COTERIE_CPU']})" if facts["COTERIE_CPU"] else ""
    rows = {
        "coterie": facts["coterie"],
        "instruction set": f"{facts['instruction_set']}{chosen}; also available: {', '.join(slower) or 'none'}",
        "threads": f"{facts['threads']} of {facts['cores']} cores",
        "memory": f"{facts['memory_bytes'] / 2**30:.1f} GiB",
        **_cuda_rows(facts["cuda"]),
        "encoding": _encoding_line(facts["encoding"]),
        "compiler": facts["compiler"],
        "Python": f"{facts['python']} on {facts['platform']}",
        **facts["versions"],
    }
    for extra, state in facts["extras"].items():
        installed = [f"{module} {version}" for module, version in state["versions"].items() if version]
        rows[f"extra {extra}"] = (
            ", ".join(installed)
            if not state["missing"]
            else (f"missing {', '.join(state['missing'])}; it adds {state['adds']}: {state['install']}")
        )
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    stdout_console().print(table)
