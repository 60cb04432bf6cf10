"""The scheduler of batches, with engines made for the test: memory that is short, failures, empty texts, budgets."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from coterie.encode import EncodingStatistics
from coterie.encode._run import WINDOW_TEXTS, Plan, encode_texts
from coterie.encode._sinks import HostSink
from coterie.encode._tokens import TokenizedTexts


def tokenize(texts: Sequence[str]) -> TokenizedTexts:
    """One token per character: its code point."""
    ids = np.array([ord(c) for text in texts for c in text], np.int32)
    return TokenizedTexts(ids, np.cumsum([0, *map(len, texts)]).astype(np.int64), 0)


def sums(ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    assert (lengths >= 1).all()
    assert all((row[n:] == 0).all() for row, n in zip(ids, lengths, strict=True))
    return np.stack([ids.sum(axis=1), lengths], axis=1).astype(np.float32)


def wanted(texts: Sequence[str]) -> list[list[int]]:
    return [[sum(map(ord, text)), len(text)] for text in texts]


TEXTS = ["abc", "", "b", "abc", "a" * 40, "zz", "", "xyzxyz"]


@pytest.mark.parametrize("batch_tokens", [1, 7, 64, 4096])
def test_every_text_gets_its_row(batch_tokens: int, n_threads: int) -> None:
    out = np.full((len(TEXTS), 2), -1.0, np.float32)
    statistics = EncodingStatistics()
    encode_texts(TEXTS, HostSink(out), Plan(tokenize, sums, batch_tokens, n_threads), statistics)
    assert out.tolist() == wanted(TEXTS)
    assert (statistics.n_texts, statistics.n_distinct, statistics.n_empty) == (8, 6, 1)
    assert statistics.n_tokens == 3 + 1 + 40 + 2 + 6


def test_batches_keep_to_the_budget_and_windows_follow_each_other() -> None:
    texts = [f"{i:05d}" + "x" * (i % 50) for i in range(WINDOW_TEXTS + 100)]
    sizes, lock = [], threading.Lock()

    def note(ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        with lock:
            sizes.append(ids.size)
        return sums(ids, lengths)

    out = np.empty((len(texts), 2), np.float32)
    done: list[tuple[int, int]] = []
    statistics = EncodingStatistics()
    encode_texts(
        texts, HostSink(out), Plan(tokenize, note, 512, 2), statistics, lambda *counts: done.append(counts)
    )
    assert out.tolist() == wanted(texts)
    assert max(sizes) <= 512
    assert statistics.n_padding < 0.02 * statistics.n_tokens
    assert sum(sizes) == statistics.n_tokens + statistics.n_padding
    assert [count for count, _ in done] == [WINDOW_TEXTS, WINDOW_TEXTS + 100]


def test_a_batch_that_does_not_fit_is_halved() -> None:
    def short_of_memory(ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        if ids.size > 60:
            raise RuntimeError(
                "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested buffer"
            )
        return sums(ids, lengths)

    texts = [chr(97 + i) * 20 for i in range(17)]
    out = np.empty((17, 2), np.float32)
    statistics = EncodingStatistics()
    encode_texts(texts, HostSink(out), Plan(tokenize, short_of_memory, 4096, 2), statistics)
    assert out.tolist() == wanted(texts)
    assert statistics.n_halved > 0
    with pytest.raises(
        MemoryError, match="one text of 61 tokens does not fit into memory; a smaller max_length"
    ):
        encode_texts(
            ["b" * 61], HostSink(out[:1]), Plan(tokenize, short_of_memory, 4096, 1), EncodingStatistics()
        )


def test_the_first_failure_is_raised_and_the_rest_is_not_begun() -> None:
    begun, lock = [], threading.Lock()

    def fail(ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        with lock:
            begun.append(1)
        raise RuntimeError("the device is gone")

    texts = [f"{i:04d}" for i in range(4000)]
    with pytest.raises(RuntimeError, match="the device is gone"):
        encode_texts(texts, HostSink(np.empty((4000, 2))), Plan(tokenize, fail, 4, 2), EncodingStatistics())
    assert len(begun) <= 2  # one a thread


def test_batches_do_not_depend_on_the_number_of_threads() -> None:
    def shapes(n_workers: int) -> list[tuple[int, ...]]:
        seen, lock = [], threading.Lock()

        def note(ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
            with lock:
                seen.append(ids.shape)
            return sums(ids, lengths)

        texts = ["x" * (1 + i % 90) + str(i) for i in range(500)]
        plan = Plan(tokenize, note, 2048, n_workers)
        encode_texts(texts, HostSink(np.empty((500, 2))), plan, EncodingStatistics())
        return sorted(seen)

    assert shapes(1) == shapes(2) == shapes(7)
