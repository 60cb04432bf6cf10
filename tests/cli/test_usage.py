"""Help, versions and wrong usage."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMANDS = [
    "cluster",
    "assign",
    "evaluate",
    "compare",
    "topics",
    "classify train",
    "classify predict",
    "classify evaluate",
    "similar",
    "dedupe",
    "encode",
    "export",
    "demo",
    "estimate",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(call, command):
    shown = " ".join(call(*command.split(), "--help").stdout.split())
    assert f"coterie {command}" in shown.removeprefix(f"Usage: coterie {command}").split("─ Options")[0]
    assert "Exit codes: 0 done" in shown
    assert "130 Ctrl-C" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_whole_on_a_narrow_terminal(call, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    shown = call(*command.split(), "--help").stdout
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_main_help_lists_every_command(call):
    shown = call("--help").stdout
    assert all(f"\n│ {command.split()[0]} " in shown for command in COMMANDS)
    without_arguments = call(fails=2)
    assert "Usage: coterie" in without_arguments.stdout + without_arguments.stderr


def test_version(run):
    from coterie import __version__

    assert run("--version").stdout == f"coterie {__version__}\n"


def test_help_imports_nothing_heavy(environment):
    program = (
        "import sys; from coterie.cli.app import make_app; make_app(); "
        "print(sorted({'sklearn', 'pyarrow', 'plotly', 'jinja2', 'coterie._core'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cluster"], "FILE"),
        (["cluster", "x", "--n-clusters", "0"], "'0' is not a number of clusters >= 1, or auto"),
        (["cluster", "x", "--n-clusters", "many"], "'many' is not a number of clusters >= 1, or auto"),
        (["cluster", "x", "--min-df", "1.5"], "'1.5' is not a number of documents such as 2, or a share"),
        (["cluster", "x", "--max-df", "half"], "'half' is not a number of documents such as 2, or a share"),
        (["cluster", "x", "--ngrams", "2,1"], "'2,1' is not a length such as 2, or a range such as 1,2"),
        (["cluster", "x", "--ngrams", "1,2,3"], "'1,2,3' is not a length"),
        (["cluster", "x", "--n-threads", "0"], "--n-threads"),
        (["cluster", "x", "--report"], "give --output too"),
        (["cluster", "x", "--copy-encoder"], "the model needs a folder: give --output too"),
        (["cluster", "x", "--resume"], "give the --output of the run that was stopped"),
        (["cluster", "x", "--such-option"], "No such option"),
        (["cluster", "x", "--format", "xml"], "'--format': 'xml' is not one of auto, jsonl, csv"),
        (["cluster", "x", "--encoding-errors", "ignore"], "'ignore' is not one of strict, replace"),
        (["cluster", "x", "--language", "fr"], "'--language': 'fr' is not one of en, zh"),
        (["cluster", "x", "--metric", "cosin"], "'cosin' is not one of cosine, euclidean, jaccard"),
        (["cluster", "x", "--metric", "cosin"], "did you mean cosine? "),
        (["cluster", "x", "--clusterer", "kmean"], "'--clusterer': 'kmean' is not one of kmeans"),
        (["cluster", "x", "--encoder", "gpt"], "'gpt' is not one of tfidf, lsa, cooccurrence, onnx:DIR"),
        (["cluster", "x", "--encoder", "gpt"], "static:FILE, auto."),
        (["cluster", "x", "--encoder", "atuo"], "did you mean auto? "),
        (["compare", "x", "--encoder", "auto"], "'auto' is not one of tfidf"),
        (["cluster", "x", "--encoder", "onnx"], "'onnx' has not the form onnx:DIR"),
        (["cluster", "x", "--encoder", "static:"], "'static:' has not the form static:FILE"),
        (["cluster", "x", "--encoder", "lsa:x"], "'lsa:x' has not the form lsa"),
        (["cluster", "x", "--refine", "yes"], "'yes' is not one of reclassify"),
        (["cluster", "x", "--random-state", "4294967296"], "--random-state"),
        (["compare", "x", "--encoder", "gpt"], "'gpt' is not one of tfidf"),
        (["compare", "x", "--clusterer", "kmean"], "'kmean' is not one of kmeans"),
        (["similar", "x", "--metric", "dice"], "'dice' is not one of cosine, jaccard"),
        (["similar", "x", "-o", "pairs.csv"], "'pairs.csv' names another format; a Parquet file is written"),
        (["dedupe", "x", "--metric", "dice"], "'dice' is not one of jaccard, cosine"),
        (["dedupe", "x", "--method", "lsh"], "'lsh' is not one of exact, minhash"),
        (["dedupe", "x", "--analyzer", "words"], "'words' is not one of word, char, char_wb"),
        (["encode", "lsa", "-o", "z"], "'lsa' is the only argument; FILE... and an --encoder are wanted"),
        (["encode", "x", "y", "-o", "z", "--dtype", "int8"], "'int8' is not one of float32, float16"),
        (["encode", "x", "y", "-o", "z", "--precision", "int8"], "'int8' is not one of auto"),
        (["encode", "x", "y", "-o", "z", "--device", "tpu"], "'tpu' is not one of auto, cpu, cuda"),
        (["export", "x", "y", "--precision", "int4"], "'int4' is not one of float32, float16, int8"),
        (["export", "x", "y", "--quantization", "no"], "'no' is not one of dynamic, static"),
        (["export", "x", "y", "--quantization", "static"], "--quantization: it is for --precision int8."),
        (["export", "x", "y", "--texts", "z"], "--texts: it is for --precision int8."),
        (["export", "x", "y", "--least-agreement", "0.5"], "--least-agreement: it is for --precision int8."),
        (["export", "x", "y", "--pooling", "sum"], "'sum' is not one of mean, cls"),
        (["similar", "x", "--threshold", "2"], "--threshold"),
        (["similar", "x", "--near-duplicates", "--id", "1"], "either --near-duplicates or --id"),
        (["dedupe", "x", "--threshold", "1.1"], "--threshold"),
        (["dedupe", "x", "--n-hashes", "0"], "--n-hashes"),
        (["no-such-command"], "No such command"),
    ],
)
def test_wrong_usage_is_code_2_and_named(call, arguments, said):
    done = call(*arguments, fails=2)
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""


@pytest.mark.parametrize("module", ["typer", "rich"])
def test_missing_extra_is_one_sentence(environment, module):
    program = f"import sys; sys.modules[{module!r}] = None; from coterie.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        f'coterie: {module} is not installed; it comes with the "cli" extra: pip install "coterie[cli]"\n'
    )


def test_the_names_that_options_take_are_the_library_s():
    from coterie.cli import choices
    from coterie.cluster import CLUSTERERS
    from coterie.cluster._neighbour_graph import METRICS
    from coterie.encode import ENCODERS
    from coterie.encode._card import POOLING_MODES
    from coterie.io import FORMATS

    assert set(choices.CLUSTERERS) == set(CLUSTERERS)
    assert set(choices.METRICS) == set(METRICS)
    assert choices.ENCODERS == ENCODERS
    assert set(choices.POOLINGS) == set(POOLING_MODES)
    assert set(choices.FORMATS) == set(FORMATS)


def test_ctrl_c_while_the_command_starts_ends_it_silently(environment):
    program = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numpy': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from coterie.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("command", ["cluster", "topics", "similar"])
def test_documents_without_text_are_told_from_stop_words(call, tmp_path, command):
    (tmp_path / "empty.jsonl").write_text('{"text": ""}\n{"text": " "}\n{"text": null}\n')
    said = call(command, "empty.jsonl", fails=1).stderr
    assert said == "coterie: 3 documents in empty.jsonl, all of them without text\n"
