"""What only shows with a real terminal, signals and closed pipes."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest
import typer

from coterie.cli.console import reports_errors
from coterie.io import OutputFolder, atomic_write


def read_terminal(descriptor: int, process: subprocess.Popen) -> str:
    """Everything the process writes to the terminal until it ends."""
    parts = []
    while True:
        ready, _, _ = select.select([descriptor], [], [], 0.2)
        if ready:
            try:
                parts.append(os.read(descriptor, 65536))
            except OSError:
                break
        elif process.poll() is not None:
            break
    return b"".join(parts).decode(errors="replace")


def test_progress_is_shown_on_a_terminal_only(coterie_command, environment, document_file, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*coterie_command, "cluster", str(document_file), "-k", "3"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment,
        cwd=tmp_path,
    )
    os.close(theirs)
    shown = read_terminal(ours, process)
    table = process.communicate(timeout=120)[0].decode()
    os.close(ours)
    assert process.returncode == 0
    assert "documents" in shown
    assert "vectorize" in shown
    assert "\x1b" not in table


def start_long_run(coterie_command, environment, tmp_path, write_jsonl) -> subprocess.Popen:
    """Start a clustering that would take minutes, and wait until it is at work."""
    rows = [{"text": f"word{i % 997} word{i % 613} word{i % 401} word{i % 211}"} for i in range(20_000)]
    path = write_jsonl(rows)
    arguments = ["cluster", str(path), "-k", "500", "--n-init", "1000", "-o", "out"]
    process = subprocess.Popen(
        [*coterie_command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,
    )
    while process.poll() is None and not list(tmp_path.glob("out/.*")):
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("seconds_at_work", [0.3, 3.0])
def test_interrupt_stops_at_once_and_leaves_nothing(
    coterie_command, environment, tmp_path, write_jsonl, seconds_at_work
):
    process = start_long_run(coterie_command, environment, tmp_path, write_jsonl)
    time.sleep(seconds_at_work)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stdout == b""
    assert stderr.decode() == "coterie: interrupted; nothing was written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["documents.jsonl"]


def written_before(output, write, capsys):
    """What a command says that is interrupted once its output is in its place, and one before that."""
    said = []
    for does_write in (True, False):

        @reports_errors
        def command(output, does_write=does_write):
            if does_write:
                write(output)
            raise KeyboardInterrupt

        with pytest.raises(typer.Exit) as stopped:
            command(output=output)
        assert stopped.value.exit_code == 130
        said.append(capsys.readouterr().err)
    return said


def test_an_interrupt_says_what_is_there(tmp_path, capsys):
    def write_folder(path):
        with OutputFolder(path, overwrite=True) as folder:
            folder.file("numbers.txt").write_text("1")

    def write_file(path):
        with atomic_write(path, overwrite=True) as staged:
            staged.write_text("1")

    for name, write in (("folder", write_folder), ("file", write_file)):
        for _ in range(2):  # new, and in the place of an earlier one
            path = tmp_path / name
            was, was_not = written_before(path, write, capsys)
            assert was == f"coterie: interrupted; {path} was written before\n"
            assert was_not == "coterie: interrupted; nothing was written\n"


def test_closed_pipe_is_not_an_error_message(coterie_command, environment, documents, write_jsonl, tmp_path):
    path = write_jsonl(documents * 300)
    with subprocess.Popen(
        [*coterie_command, "similar", str(path), "--json", "-k", "20"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,
    ) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=120) == 1


def test_output_survives_a_terminal_without_utf8(coterie_command, environment, write_jsonl, tmp_path):
    path = write_jsonl([{"text": f"央行 宣布 降息 {word}"} for word in ("股市 上涨", "楼市 下跌") * 4])
    variables = environment | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    arguments = [*coterie_command, "cluster", str(path), "--language", "zh", "-k", "2"]
    options = {"env": variables, "cwd": tmp_path, "capture_output": True, "check": False}
    assert subprocess.run(arguments, **options).returncode == 0
    answer = json.loads(subprocess.run([*arguments, "--json"], **options).stdout)
    assert "央行" in answer["clusters"][0]["representatives"][0]["text"]
