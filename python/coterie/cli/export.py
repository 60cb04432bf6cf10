"""``coterie export``: a transformer as one checked ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import choices, options
from coterie.cli.console import print_json, reports_errors, stdout_console
from coterie.cli.documents import InputOptions

MODEL = "Model"
INT8 = "Quantisation"

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="Folder of a transformers or sentence-transformers model, or its id on a hub (owner/name).",
    ),
]
Target = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", show_default=False, help="Folder for model.onnx, tokenizer.json, manifest.json."
    ),
]
Pooling = Annotated[
    str | None,
    typer.Option(
        "--pooling",
        parser=choices.one_of(*choices.POOLINGS),
        metavar="NAME",
        rich_help_panel=MODEL,
        help="mean, cls, max, lasttoken, weightedmean or mean_sqrt_len_tokens (default: the model's own).",
    ),
]
Normalize = Annotated[
    bool | None,
    typer.Option(
        "--normalize/--no-normalize",
        rich_help_panel=MODEL,
        show_default="the model's own",
        help="Whether rows get unit length in the graph.",
    ),
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        "--max-length",
        min=1,
        metavar="N",
        rich_help_panel=MODEL,
        help="Most tokens of a text. Default: the model's.",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        parser=choices.one_of("float32", "float16", "int8"),
        metavar="float32|float16|int8",
        rich_help_panel=MODEL,
        help="float16 is for GPUs; int8 is judged before it is written.",
    ),
]
Optimize = Annotated[
    bool | None,
    typer.Option(
        "--optimize/--no-optimize",
        rich_help_panel=MODEL,
        show_default="for float16",
        help="Fuse attention, GELU and layer norm in the file.",
    ),
]
Revision = Annotated[
    str | None, typer.Option("--revision", metavar="NAME", rich_help_panel=MODEL, help="Of a model on a hub.")
]
Quantization = Annotated[
    str | None,
    typer.Option(
        "--quantization",
        parser=choices.one_of("dynamic", "static"),
        metavar="dynamic|static",
        show_default="dynamic",
        rich_help_panel=INT8,
        help="Ranges of activations from each batch, or once from the texts.",
    ),
]
Texts = Annotated[
    Path | None,
    typer.Option(
        "--texts",
        metavar="FILE",
        rich_help_panel=INT8,
        help="Your own texts to calibrate and judge int8 by. Default: docstrings of installed packages.",
    ),
]
LeastAgreement = Annotated[
    float | None,
    typer.Option(
        "--least-agreement",
        min=0.0,
        max=1.0,
        show_default="0.9",
        rich_help_panel=INT8,
        help="Least agreement of int8 with float32 in clusters (ARI, NMI) and nearest neighbours; less is an error.",
    ),
]


@reports_errors
def export(
    model: Model,
    folder: Target,
    pooling: Pooling = None,
    normalize: Normalize = None,
    max_length: MaxLength = None,
    precision: Precision = "float32",
    optimize: Optimize = None,
    revision: Revision = None,
    quantization: Quantization = None,
    texts: Texts = None,
    text_field: options.TextField = None,
    least_agreement: LeastAgreement = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a transformer as an encoder folder: one ONNX file with pooling inside, checked against PyTorch.

    [green]coterie export sentence-transformers/all-MiniLM-L6-v2 minilm/[/green]
      downloads the model and writes minilm/, which coterie encode and --encoder onnx:minilm/ take

    [green]coterie export my-model/ int8/ --precision int8 --texts articles.jsonl[/green]
      a local folder, quantised, and judged by clusters and neighbours of your own texts
    """
    from coterie.cli.progress import Stages
    from coterie.encode import export_onnx

    of_int8 = {"quantization": quantization, "texts": texts, "least_agreement": least_agreement}
    given: dict[str, Any] = {name: value for name, value in of_int8.items() if value is not None}
    if given and precision != "int8":
        raise typer.BadParameter(
            "it is for --precision int8.", param_hint=f"--{next(iter(given)).replace('_', '-')}"
        )
    with Stages(visible=not (quiet or as_json)) as stages:
        if texts is not None:
            from coterie.cli.documents import read_documents

            inputs = InputOptions(text_field=text_field)
            given["texts"] = read_documents([str(texts)], inputs, stages, quiet=quiet).texts.to_pylist()
        card = export_onnx(
            model,
            folder,
            pooling=pooling,
            normalize=normalize,
            max_length=max_length,
            precision=precision,
            optimize=optimize,
            revision=revision,
            overwrite=overwrite,
            progress=lambda step: stages.count(step, 0),
            **given,
        )
    if as_json:
        print_json({"command": "export", "output": str(folder), "card": card})
    elif not quiet:
        _print_card(card, folder)


def _print_card(card: dict[str, Any], folder: Path) -> None:
    console = stdout_console()
    size = card["files"]["model.onnx"]["bytes"] / 2**20
    console.print(
        f"{card['source']['class']}, {card['parameters'] / 1e6:.1f} million parameters, {card['precision']},"
        f" {size:.0f} MiB: rows of {card['dim']} numbers, {' and '.join(card['pooling'])} pooling, at most"
        f" {card['max_length']} tokens",
        soft_wrap=True,
    )
    check = card["verification"]
    console.print(
        f"Agrees with {check['against']}: {check['n_rows']} rows, largest difference"
        f" {check['largest_difference']:.1g}",
        soft_wrap=True,
    )
    if "quantization" in card:
        found = card["quantization"]["agreement"]
        console.print(
            f"int8 agrees with float32 on {found['n_texts']:.0f} texts: cosine {found['cosine_mean']:.4f}, clusters"
            f" ARI {found['ari']:.3f} NMI {found['nmi']:.3f}, nearest neighbours {found['neighbours']:.1%}",
            soft_wrap=True,
        )
    console.print(f"Written to {folder}", soft_wrap=True)
