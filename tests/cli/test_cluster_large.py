"""``coterie cluster --memory-limit``: the same answers, and what is left when it is stopped."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from coterie.cli.cluster_large import _Stopped

# The command line, with Ctrl-C when the vocabulary is there and the rows are not.
INTERRUPTED = """
import os, signal
from coterie.cli import main

replace = os.replace

def place(source, target):
    replace(source, target)
    if os.path.basename(target) == "corpus.json":
        os.kill(os.getpid(), signal.SIGINT)

os.replace = place
main()
"""


def test_prints_and_writes_what_it_does_without_a_limit(call, document_file, tmp_path):
    options = [document_file, "-k", 3, "--label-field", "topic", "--id-field", "id"]
    plain = call("cluster", *options, "--output", "plain")
    limited = call("cluster", *options, "--output", "limited", "--memory-limit", "2GB")

    def without_times(text, folder):
        return [line for line in text.splitlines() if " s (" not in line and folder not in line]

    assert without_times(limited.stdout, "limited")[:-1] == without_times(plain.stdout, "plain")[:-1]
    for name in ("assignments.parquet", "clusters.jsonl"):
        assert (tmp_path / "limited" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_json_and_a_pipe(run, document_file):
    options = ["-k", 3, "--json", "--label-field", "topic"]
    found = json.loads(
        run("cluster", "-", *options, "--memory-limit", "2GB", stdin=document_file.read_bytes()).stdout
    )
    plain = json.loads(run("cluster", document_file, *options).stdout)
    for name in ("n_documents", "clusters", "metrics", "parameters"):
        assert found[name] == plain[name]
    assert list(found["timings"]) == ["vocabulary", "vectorize", "cluster", "explain", "evaluate", "write"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--memory-limit", "1MB"],
            "--memory-limit=1000000 bytes is too small: the vocabulary of the first 60",
        ),
        (["--memory-limit", "much"], '--memory-limit must be bytes or a size such as "2GB"'),
        (
            ["--memory-limit", "2GB", "-k", "61"],
            "--n-clusters must be at most the number of documents with terms",
        ),
        (["--memory-limit", "2GB", "--text-field", "txt"], "--text-field='txt' is not a field of"),
        (["--max-document-bytes", "20"], "longer than --max-document-bytes=20; raise --max-document-bytes"),
    ],
)
def test_errors_name_the_options(call, document_file, options, words):
    assert words in call("cluster", document_file, *options, fails=1).stderr


def test_remarks(call, write_jsonl, documents):
    rows = [*documents, {**documents[0], "text": None, "topic": None}]
    answer = call(
        "cluster",
        write_jsonl(rows),
        "-k",
        3,
        "--memory-limit",
        "2GB",
        "--id-field",
        "id",
        "--label-field",
        "topic",
    )
    assert "1 document has no text and counts as empty" in answer.stderr
    assert "1 document carries an id that an earlier document carries too" in answer.stderr
    assert "1 document has no label; the scores are of the other 60" in answer.stderr


def test_ctrl_c_says_how_to_go_on(coterie_command, environment, tmp_path, documents, write_jsonl):
    path = write_jsonl([{**row, "id": i} for i, row in enumerate(documents * 80)])
    arguments = ["cluster", str(path), "-k", "3", "-o", "out", "--memory-limit", "2GB", "--no-report"]
    options = {"cwd": tmp_path, "env": environment, "check": False, "capture_output": True, "text": True}
    stopped = subprocess.run([sys.executable, "-c", INTERRUPTED, *arguments], **options)
    assert stopped.returncode == 130
    assert (
        stopped.stderr
        == f"coterie: interrupted; --resume goes on from what is finished in '{tmp_path}/out.work'\n"
    )
    assert (tmp_path / "out.work" / "corpus.json").exists()
    assert not (tmp_path / "out").exists()
    other = subprocess.run([*coterie_command, *arguments, "--resume", "-k", "4"], **options)
    assert "it differs in --n-clusters; without --resume it is started anew\n" in other.stderr
    resumed = subprocess.run([*coterie_command, *arguments, "--resume", "--quiet"], **options)
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "out" / "assignments.parquet").exists()
    assert not (tmp_path / "out.work").exists()


@pytest.mark.parametrize("is_about_memory", [True, False])
def test_work_that_a_larger_limit_can_use_is_told(tmp_path, is_about_memory):
    (tmp_path / "out.work").mkdir()
    fault = "memory_limit=5 bytes is too small" if is_about_memory else "n_clusters must be >= 1"
    wanted = f"{fault}; --resume goes on from what is finished in" if is_about_memory else f"{fault}$"
    with pytest.raises(ValueError, match=wanted), _Stopped(SimpleNamespace(output=tmp_path / "out")):
        raise ValueError(fault)
