"""``coterie encode``: the documents of files as shards of embeddings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import choices, options
from coterie.cli.console import print_json, reports_errors, stdout_console, warn

ENCODER = "Encoder"
_LEARNT = ("lsa", "cooccurrence")
_OF_TRANSFORMERS = {"device": "auto", "precision": "auto", "max_length": None, "dtype": "float32"}

FilesAndEncoder = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        show_default=False,
        help=f"{options.FILES_HELP} Without --encoder the last of these is the encoder.",
    ),
]
EncoderName = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="NAME",
        show_default=False,
        rich_help_panel=ENCODER,
        help="Encoder folder that coterie export wrote, or a sentence-transformers folder with an ONNX model (DIR or "
        "onnx:DIR); static:FILE (word vectors), lsa or cooccurrence, which are fitted to the documents first; or the "
        "folder encoder/ that such a run left.",
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        show_default=False,
        rich_help_panel=options.OUTPUT,
        help="Folder for encoding.json and shard-00000.parquet, ...; an unfinished one is gone on with.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        parser=choices.one_of("auto", "cpu", "cuda"),
        metavar="auto|cpu|cuda",
        rich_help_panel=ENCODER,
        help="Where to compute.",
    ),
]
Provider = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        rich_help_panel=ENCODER,
        help="What runs the model, such as CPUExecutionProvider or OpenVINO; coterie doctor lists them. It runs "
        "or is an error.",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        parser=choices.one_of("auto", "float32", "bfloat16"),
        metavar="auto|float32|bfloat16",
        rich_help_panel=ENCODER,
        help="Of products; auto is bfloat16 where the CPU has it and OpenVINO is installed.",
    ),
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        "--max-length",
        min=1,
        metavar="N",
        rich_help_panel=ENCODER,
        help="Most tokens of a text. Default: the model's.",
    ),
]
BatchTokens = Annotated[
    int | None,
    typer.Option(
        "--batch-tokens", min=1, metavar="N", rich_help_panel=ENCODER, help="Most tokens of a batch."
    ),
]
PromptName = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        metavar="NAME",
        rich_help_panel=ENCODER,
        help="Which of the model's prompts precedes every text.",
    ),
]
DType = Annotated[
    str,
    typer.Option(
        "--dtype",
        parser=choices.one_of("float32", "float16"),
        metavar="float32|float16",
        rich_help_panel=options.OUTPUT,
        help="Of the embeddings.",
    ),
]
ShardSize = Annotated[
    int,
    typer.Option(
        "--shard-size", min=1, metavar="N", rich_help_panel=options.OUTPUT, help="Documents per shard."
    ),
]
NThreads = Annotated[
    int | None,
    typer.Option("--n-threads", min=1, metavar="N", rich_help_panel=ENCODER, help="Default: all cores."),
]


@reports_errors
def encode(
    files: FilesAndEncoder,
    output: Output,
    encoder: EncoderName = None,
    text_field: options.TextField = None,
    id_field: options.IdField = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    language: options.Language = "en",
    device: Device = "auto",
    provider: Provider = None,
    precision: Precision = "auto",
    max_length: MaxLength = None,
    batch_tokens: BatchTokens = None,
    prompt: PromptName = None,
    n_threads: NThreads = None,
    dtype: DType = "float32",
    shard_size: ShardSize = 16384,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Turn documents into embeddings by a transformer, in bounded memory; a killed run is gone on with.

    [green]coterie encode articles.jsonl --encoder minilm/ --output embeddings/[/green]
      reads the column text and writes Parquet shards with the columns id and embedding

    [green]zcat titles.txt.gz | coterie encode - --encoder minilm/ --dtype float16 --output embeddings/[/green]
      one document per line from a pipe

    [green]coterie encode articles.jsonl --encoder lsa --output rows/[/green]
      rows without a transformer, learnt from the documents; rows/encoder is then the --encoder for new ones

    The same command after a kill or Ctrl-C encodes only the shards that are missing, or whose documents have changed.
    """
    if encoder is None:
        *files, encoder = files
        if not files:
            raise typer.BadParameter(
                f"{encoder!r} is the only argument; FILE... and an --encoder are wanted.",
                param_hint="'FILE...'",
            )
    given = dict(locals())
    how = {name: given[name] for name in ("text_field", "id_field", "format", "encoding_errors")}
    how_to_write = {"shard_size": shard_size, "overwrite": overwrite}
    made, is_new = _encoder(given, how)
    found = _encode(files, made, output, {**how, **how_to_write}, visible=not (quiet or as_json))
    if is_new:
        from coterie.encode.corpus import ENCODER_FOLDER
        from coterie.persistence import save

        save(made, output / ENCODER_FOLDER, overwrite=True)
    if found.n_truncated and not quiet:
        warn(f"{found.n_truncated:,} texts were longer than the model reads and were cut")
    if as_json:
        print_json(_record(found, made))
    elif not quiet:
        _print_summary(found, made)


def _encoder(given: dict[str, Any], how: dict[str, Any]) -> tuple[Any, bool]:
    """Return the encoder, and whether it was fitted to the documents for this."""
    from coterie.encode import OnnxEncoder, make_encoder

    spec, n_threads = given["encoder"], given["n_threads"]
    folder = Path(spec.removeprefix("onnx:"))
    is_fitted = not spec.startswith("onnx:") and _is_model(folder)
    if not is_fitted and spec not in _LEARNT and not spec.startswith("static:"):
        options = {name: given[name] for name in (*_OF_TRANSFORMERS, "batch_tokens")}
        made = OnnxEncoder(
            folder,
            providers=given["provider"],
            prompt_name=given["prompt"],
            n_threads=n_threads,
            **options,
        )
        return made, False
    for name, default in {**_OF_TRANSFORMERS, "provider": None, "prompt": None, "batch_tokens": None}.items():
        if given[name] != default:
            raise ValueError(f"--{name.replace('_', '-')} is an option of transformers; {spec!r} is none")
    if is_fitted:
        from coterie.persistence import load

        return load(folder), False
    if "-" in given["files"]:
        raise ValueError(
            f"{spec!r} is fitted to the documents first, and standard input can be read only once"
        )
    from coterie.io import read_texts

    made = make_encoder(spec, language=given["language"], n_threads=n_threads)
    texts = [text for batch in read_texts(given["files"], **how) for text in batch.texts.to_pylist()]
    if not texts:
        raise ValueError(f"no documents in {', '.join(given['files'])}")
    return made.fit(texts), True


def _is_model(folder: Path) -> bool:
    """Say whether a folder is one that coterie.persistence wrote."""
    from coterie.encode._card import read_json
    from coterie.persistence._folder import FORMAT, MANIFEST

    manifest = read_json(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT


def _encode(files: list[str], encoder: Any, output: Path, how: dict[str, Any], *, visible: bool) -> Any:
    from coterie.cli.progress import Stages
    from coterie.encode import encode_corpus

    started = time.perf_counter()
    with Stages(visible=visible) as stages:

        def tell(n_documents: int, n_encoded: int, n_tokens: int) -> None:
            rate = n_tokens / (time.perf_counter() - started)
            stages.count("encode", n_documents, note=f"{rate:,.0f} tokens/s" if n_tokens else "")

        try:
            return encode_corpus(files, encoder, output, progress=tell, **how)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "interrupted; the same command goes on from the last finished shard"
            ) from None


def _record(found: Any, encoder: Any) -> dict[str, Any]:
    return {
        "command": "encode",
        "output": str(found.folder),
        "n_documents": found.n_documents,
        "n_encoded": found.n_encoded,
        "n_tokens": found.n_tokens,
        "n_truncated": found.n_truncated,
        "dim": found.dim,
        "seconds": found.seconds,
        "engine": getattr(encoder, "engine_", None),
    }


def _print_summary(found: Any, encoder: Any) -> None:
    kept = found.n_documents - found.n_encoded
    before = f", {kept:,} of them encoded before" if kept else ""
    console = stdout_console()
    console.print(
        f"{found.n_documents:,} documents{before}: embeddings of {found.dim} numbers", soft_wrap=True
    )
    if found.n_encoded:
        engine = getattr(encoder, "engine_", None)
        by = f"by {type(encoder).__name__}"
        if engine is not None:
            by = (
                f"{found.n_tokens / found.seconds:,.0f} tokens/s by {engine['provider']} in {engine['precision']}"
                f" ({engine['reason']})"
            )
        console.print(f"{found.n_encoded / found.seconds:,.0f} documents/s, {by}", soft_wrap=True)
    console.print(f"Written to {found.folder}", soft_wrap=True)
