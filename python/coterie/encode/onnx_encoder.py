"""Embeddings from a transformer that was exported to ONNX."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions

from coterie import _core
from coterie._device import DeviceRows
from coterie._tags import of_texts
from coterie._validation import check_integer
from coterie.encode._bound_inputs import DEVICE_ID
from coterie.encode._card import POOLING_MODES, EncoderCard, files_of, read_card
from coterie.encode._engines import CPU, DEVICES, ON_GPU, OPENVINO, PRECISIONS, choose_provider
from coterie.encode._run import EncodingStatistics, Plan, encode_texts
from coterie.encode._session import Session, open_session
from coterie.encode._sinks import DeviceSink, HostSink
from coterie.encode._tokens import TextTokenizer, as_texts

__all__ = ["EncodingStatistics", "OnnxEncoder"]

_BATCH_TOKENS = {CPU: 2048, OPENVINO: 2048}  # measured best on the CPU; activations then stay in the cache
_BATCH_TOKENS_ELSEWHERE = 32768


class OnnxEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encode texts by a transformer in a folder: an ONNX model with its tokenizer beside it.

    The folder is one that ``coterie export`` wrote, or one of sentence-transformers' layout with
    ``model.onnx`` or ``onnx/model.onnx`` and ``tokenizer.json``. It need not be trusted: no library of custom
    operators is loaded, weights outside of the folder are refused, and what the manifest says of the
    files must be true. Nothing is learned from texts: ``fit`` only loads the model. PyTorch is not needed.

    Parameters
    ----------
    folder : path
        The folder.
    device : {"auto", "cpu", "cuda"}, default="auto"
        ``"auto"`` is CUDA where ONNX Runtime has it, else the CPU.
    providers : str or None, default=None
        What runs the model, by ONNX Runtime's name (``"CPUExecutionProvider"``, ``"CUDAExecutionProvider"``,
        ``"TensorrtExecutionProvider"``), or ``"OpenVINO"`` for that runtime; also as a list of one. What is asked for
        runs or is an error. None: by device; on a CPU that multiplies in bfloat16 OpenVINO where it is
        installed (extra ``openvino``), else ONNX Runtime. ``engine_`` says which and why.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the products of a float32 model. bfloat16 needs OpenVINO, which "auto" uses where the CPU has it; rows then
        differ from those in float32 by about 1e-4 in cosine.
    max_length : int or None, default=None
        Most tokens of a text, special tokens included; longer texts are cut, and counted in ``statistics_``.
        None: what the folder says.
    batch_tokens : int or None, default=None
        Most tokens of a batch, padding included; a longer text is a batch of its own. None: 2048 on the CPU,
        32768 elsewhere. A batch that does not fit into memory is halved.
    pooling : str or None, default=None
        How rows of tokens become one row where the model does not do that itself and the folder does not say:
        "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean" or "lasttoken".
    prompt_name : str or None, default=None
        Which of the folder's prompts is put before every text. None: the folder's default, if it has one.
    normalize : bool, default=True
        Whether rows get unit length. False keeps what the model gives.
    dtype : {"float32", "float16"}, default="float32"
        Of the rows that ``transform`` returns.
    keep_on_device : bool, default=False
        Whether ``transform`` leaves the float32 rows on the GPU that computed them, as `DeviceRows`, which ``KMeans``
        with ``device="auto"`` reads there. Needs a CUDA provider, and coterie built with CUDA.
    n_threads : int or None, default=None
        Batches that run at once, each on one core. None: all cores this process may use. With ONNX
        Runtime on the CPU it changes no bit.

    Attributes
    ----------
    engine_ : dict of str to str
        ``provider``, ``precision`` and ``reason``: what runs the model. After ``fit`` or the first ``transform``.
    dim_ : int
        Length of a row.
    statistics_ : EncodingStatistics
        Of the last call of ``transform`` or ``encode``.

    See Also
    --------
    coterie.encode.export_onnx : Writes such a folder.

    Notes
    -----
    A text without a single token, which only some tokenizers make of the empty text, has a zero row.

    Examples
    --------
    >>> from coterie.encode import OnnxEncoder
    >>> OnnxEncoder("no-such-folder").fit()
    Traceback (most recent call last):
    FileNotFoundError: encoder folder 'no-such-folder' does not exist
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "folder": [str, os.PathLike],
        "device": [StrOptions(set(DEVICES))],
        "providers": [str, list, tuple, None],
        "precision": [StrOptions(set(PRECISIONS))],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "batch_tokens": [Interval(Integral, 1, None, closed="left"), None],
        "pooling": [StrOptions(set(POOLING_MODES)), None],
        "prompt_name": [str, None],
        "normalize": ["boolean"],
        "dtype": [StrOptions({"float32", "float16"})],
        "keep_on_device": ["boolean"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        device: str = "auto",
        providers: Any = None,
        precision: str = "auto",
        max_length: int | None = None,
        batch_tokens: int | None = None,
        pooling: str | None = None,
        prompt_name: str | None = None,
        normalize: bool = True,
        dtype: str = "float32",
        keep_on_device: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self.folder = folder
        self.device = device
        self.providers = providers
        self.precision = precision
        self.max_length = max_length
        self.batch_tokens = batch_tokens
        self.pooling = pooling
        self.prompt_name = prompt_name
        self.normalize = normalize
        self.dtype = dtype
        self.keep_on_device = keep_on_device
        self.n_threads = n_threads

    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Load the model.

        Parameters
        ----------
        X, y : ignored

        Returns
        -------
        self

        Raises
        ------
        FileNotFoundError
            If the folder, the model or the tokenizer is missing.
        ValueError
            If a file is damaged, refused, or does not fit the others; for parameters out of range.
        ModuleNotFoundError
            If an extra is missing.
        """
        self._open(reload=True)
        return self

    def transform(self, X: Iterable[str]) -> NDArray[Any] | DeviceRows:
        """Return the rows of texts.

        Parameters
        ----------
        X : iterable of str of length n_texts
            Lists, arrays, series, Arrow string arrays.

        Returns
        -------
        ndarray of shape (n_texts, dim_), of ``dtype``, or DeviceRows of that shape
            In the order of the texts.
        """
        return self.encode(X)

    def encode(
        self,
        texts: Iterable[str],
        *,
        out: NDArray[Any] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[Any] | DeviceRows:
        """Return the rows of texts, or write them into an array.

        Parameters
        ----------
        texts : iterable of str of length n_texts
        out : ndarray of shape (n_texts, dim_), float32 or float16, optional
            Where the rows go, for example a ``numpy.memmap``; not with ``keep_on_device``.
        progress : callable of (int, int), optional
            Called now and then with the number of distinct texts and of tokens done so far.

        Returns
        -------
        ndarray or DeviceRows of shape (n_texts, dim_)
            ``out``, or a new array of ``dtype``; with ``keep_on_device`` rows on the GPU.

        Raises
        ------
        TypeError
            If a text is not str.
        ValueError
            For one str instead of many, or ``out`` of another shape or dtype; for ``keep_on_device`` together with
            ``out``, float16, or a provider that computes on the CPU.
        RuntimeError
            For a device that cannot be used; the message says why.
        MemoryError
            If a single text does not fit into memory, or the rows not into that of the GPU.
        """
        documents = as_texts(texts)
        session = self._open()
        sink = self._sink(len(documents), session, out)
        default = _BATCH_TOKENS.get(session.choice.provider, _BATCH_TOKENS_ELSEWHERE)
        run = session.run_there if isinstance(sink, DeviceSink) else session.run
        plan = Plan(session.tokenize, run, self.batch_tokens or default, session.n_workers)
        statistics = EncodingStatistics()
        encode_texts(documents, sink, plan, statistics, progress)
        self.statistics_ = statistics
        return sink.rows

    def computes_on(self, device: _core.Device) -> bool:
        """Return whether the model runs on this CUDA device.

        Parameters
        ----------
        device : coterie._core.Device
            An open device.

        Returns
        -------
        bool
        """
        return self._open().choice.provider in ON_GPU and device.index == DEVICE_ID

    def _sink(self, n_texts: int, session: Session, out: NDArray[Any] | None) -> HostSink | DeviceSink:
        if self.keep_on_device:
            if out is not None or self.dtype != "float32":
                raise ValueError(
                    "keep_on_device gives new float32 rows: out must be None and dtype 'float32'; got"
                    f" out={'None' if out is None else 'an array'}, dtype={self.dtype!r}"
                )
            if session.choice.provider not in ON_GPU:
                raise ValueError(
                    f"keep_on_device needs one of {', '.join(ON_GPU)}; {session.choice.provider} computes on the CPU"
                )
            return DeviceSink(n_texts, session.dim, f"cuda:{DEVICE_ID}")
        rows = np.empty((n_texts, session.dim), self.dtype) if out is None else out
        if rows.shape != (n_texts, session.dim) or rows.dtype not in (np.float32, np.float16):
            raise ValueError(
                f"out must be float32 or float16 of shape {(n_texts, session.dim)}; got {rows.dtype} of"
                f" shape {rows.shape}"
            )
        return HostSink(rows)

    def _open(self, *, reload: bool = False) -> Session:
        session: Session | None = self.__dict__.get("_session")
        settings = repr(self.get_params(deep=False))
        if session is not None and session.settings == settings and not reload:
            return session
        self._validate_params()
        card = read_card(self.folder)
        choice = choose_provider(self.device, self.providers, self.precision, card.precision)
        tokenizer = TextTokenizer(card, self._limit(card), self._prompt(card))
        n_threads = self.n_threads or _core.default_thread_count()
        session = open_session(
            card, choice, tokenizer, pooling=self.pooling, normalize=self.normalize, n_threads=n_threads
        )
        session.settings = settings
        self._session = session
        self.dim_ = session.dim
        self.engine_ = {"provider": choice.provider, "precision": choice.precision, "reason": choice.reason}
        return session

    def _source_files(self) -> list[str]:
        """Names of the files in the folder that decide about rows."""
        return files_of(read_card(self.folder))

    def _limit(self, card: EncoderCard) -> int | None:
        if self.max_length is not None and card.max_length is not None:
            return check_integer("max_length", self.max_length, minimum=1, maximum=card.max_length)
        return self.max_length or card.max_length

    def _prompt(self, card: EncoderCard) -> str:
        name = card.default_prompt if self.prompt_name is None else self.prompt_name
        if name is None:
            return ""
        if not card.prompts:
            raise ValueError(f"prompt_name must not be given: the encoder has no prompts; got {name!r}")
        if name not in card.prompts:
            known = ", ".join(map(repr, card.prompts))
            raise ValueError(f"prompt_name must be one of {known}; got {name!r}")
        return card.prompts[name]

    @property
    def _n_features_out(self) -> int:
        return self._open().dim

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_session"}

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = of_texts(super().__sklearn_tags__())
        tags.requires_fit = False
        return tags
