"""What is said when documents or options are odd, and nothing is wrong enough to stop."""

from __future__ import annotations

import json

import pytest

CHINESE = ["道指攀升超过200点", "一周数码相机降价排行", "中国建筑IPO受阻", "苹果发布新款手机", "相机降价了"]
ENGLISH = ["one red apple", "a red cherry", "slow train", "fast train"]


@pytest.fixture
def lines(tmp_path):
    def write(texts):
        path = tmp_path / "lines.txt"
        path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
        return path

    return write


def test_without_a_number_there_are_at_most_as_many_clusters_as_documents_with_terms(call, lines):
    for options in ([], ["--memory-limit", "4GB"]):
        answer = json.loads(
            call("cluster", lines(["one apple", "a train", "..."]), "--json", *options).stdout
        )
        assert answer["n_clusters"] == 2


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_warnings_are_notes_without_places_in_the_code(call, lines):
    said = call("cluster", lines(["the same thing"] * 9), "-k", "3", "--max-df", "1.0", "--json").stderr
    assert said == (
        "coterie: note: only 1 of --n-clusters=3 clusters have rows, as where fewer rows of X are distinct\n"
    )


def test_documents_without_a_time_are_counted_in_words_that_agree(call, write_jsonl):
    rows = [{"text": text, "day": f"2024-01-0{day}"} for day, text in enumerate(ENGLISH * 2, start=1)]
    for n_missing, said in ((1, "1 document has no time and is"), (2, "2 documents have no time and are")):
        rows[n_missing - 1]["day"] = None
        answer = call("topics", write_jsonl(rows), "-k", 2, "--timestamp-field", "day")
        assert answer.stderr == f"coterie: note: {said} left out of the topics over time\n"


@pytest.mark.parametrize("options", [[], ["--memory-limit", "4GB"]], ids=["in memory", "from disk"])
def test_limits_that_were_widened_are_told(call, lines, options):
    asked = ("cluster", lines(ENGLISH), "-k", "2", "--min-df", "4", *options)
    said = call(*asked, "--json").stderr
    assert said.startswith("coterie: note: --min-df is 1 instead of 4")
    assert call(*asked, "--quiet").stderr == ""


@pytest.mark.parametrize(
    "command", [("cluster", "-k", "2", "--min-df", "1"), ("similar",), ("topics", "-k", "2", "--min-df", "1")]
)
def test_chinese_without_its_option_is_noticed(call, lines, command):
    name, *options = command
    assert "--language zh" in call(name, lines(CHINESE), *options, "--json").stderr
    assert call(name, lines(ENGLISH), *options, "--json").stderr == ""


def test_no_neighbours_at_all_are_told(call, lines):
    assert call("similar", lines(["one", "two"])).stdout == "No two documents share a term.\n"
    alike = lines(["one two", "one three"])
    assert call("similar", alike, "--threshold", "0.99").stdout == "No two documents are that similar.\n"


def test_texts_without_a_neighbour_are_told(call, lines):
    path = lines(ENGLISH)
    shown = call("similar", path, "--text", "quantum", "--text", "train", "--id", "0").stdout
    assert "quantum\n  no document shares a term\n" in shown
    shown = call("similar", path, "--text", "quantum", "--threshold", "0.5").stdout
    assert "quantum\n  no document that similar\n" in shown
    results = json.loads(call("similar", path, "--text", "quantum", "--id", "3", "--json").stdout)["results"]
    assert [(entry.get("id", entry.get("text")), len(entry["neighbours"])) for entry in results] == [
        (3, 1),
        ("quantum", 0),
    ]


def test_one_group_is_spoken_of_in_the_singular(call, lines):
    path = lines(["red apple", "red apple", "slow train"])
    for command in (("dedupe",), ("similar", "--near-duplicates")):
        assert "\n1 group of near-duplicates (" in call(command[0], path, *command[1:]).stdout


def test_one_document_is_spoken_of_in_the_singular(call, tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('{"text": "red apple"}\n{"text": "red cherry"}\n{"label": 1}\n')
    said = call("cluster", path, "-k", "1", "--min-df", "1", "--json").stderr
    assert "note: 1 document has no text and counts as empty\n" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--metric", "jaccard"],
            "coterie: --metric must be 'euclidean' or 'cosine' for kmeans; got 'jaccard'\n",
        ),
        (["--eps", "0.5"], "coterie: --eps is no option of kmeans, which takes"),
        (["--device", "tpu"], "coterie: --device must be 'auto', 'cpu', 'cuda' or 'cuda:N'; got 'tpu'\n"),
        (
            ["--clusterer", "dbscan", "-k", "2"],
            "coterie: --n-clusters must not be given for dbscan, which finds it",
        ),
    ],
)
def test_combinations_that_are_refused_name_the_options(call, lines, options, said):
    assert call("cluster", lines(ENGLISH), *options, fails=1).stderr.startswith(said)


def test_what_is_no_table_is_refused(call, lines):
    said = call("evaluate", lines(ENGLISH), fails=1).stderr
    assert "lines.txt is no Parquet file; that, .csv, .tsv or .jsonl is wanted" in said


def test_broken_json_is_placed_once(call, tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('{"text": "red apple"}\n{"text": "red ch\n')
    assert (
        "some.jsonl:2: not JSON: Unterminated string starting at column 10"
        in call("cluster", path, fails=1).stderr
    )


def test_a_comparison_of_which_nothing_worked_fails(call, lines):
    said = call(
        "compare", lines(ENGLISH), "-k", "2", "--encoder", "static:none", "--seeds", "1", fails=1
    ).stderr
    assert "every combination failed; static:none" in said
    assert "does not exist" in said
