"""Where the cases run: on a CUDA device through PyTorch, or for a rehearsal on coterie's emulation of one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from coterie import _core


class Cuda:
    """The current CUDA device. Rows are PyTorch tensors that lie there."""

    name = "cuda"

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.device = _core.Device("cuda")

    def describe(self) -> str:
        return self.device.name

    def synchronise(self) -> None:
        self.torch.cuda.synchronize()

    def free_memory(self) -> int:
        self.torch.cuda.empty_cache()
        return self.device.free_memory

    def ceilings(self) -> dict[str, float]:
        """Measure the rate of a large bfloat16 matrix product and the bandwidth of a copy."""
        torch = self.torch
        a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        source = torch.empty(1 << 30, device="cuda", dtype=torch.int32)
        target = torch.empty_like(source)
        return {
            "bf16_flops": 2 * 8192**3 / self._best(lambda: a @ b),
            "bytes_per_second": 2 * 4 * 2**30 / self._best(lambda: target.copy_(source)),
        }

    def make_rows(self, n: int, d: int, k: int) -> tuple[Any, Any]:
        """Unit rows around k directions with a common mean, as embeddings of text lie; and k of them."""
        torch = self.torch
        generator = torch.Generator("cuda").manual_seed(n + d + k)
        topics = torch.randn(k, d, device="cuda", generator=generator)
        mean = torch.randn(d, device="cuda", generator=generator)
        x = torch.empty(n, d, device="cuda")
        for begin in range(0, n, 1 << 18):
            rows = x[begin : begin + (1 << 18)]
            rows.normal_(generator=generator).mul_(1.5)
            rows += topics[torch.randint(k, (len(rows),), device="cuda", generator=generator)] + mean
            rows /= rows.norm(dim=1, keepdim=True)
        return x, x[torch.randperm(n, device="cuda", generator=generator)[:k]].clone()

    def samples(self, x: Any) -> _core.DeviceSamples:
        capsule = x.__dlpack__(stream=self.device.stream)
        return _core.DeviceSamples(capsule, None, "euclidean", self.device, 0)

    @staticmethod
    def on_host(x: Any) -> Any:
        return x.cpu().numpy()

    def _best(self, work: Callable[[], Any]) -> float:
        seconds = []
        for _ in range(5):
            self.synchronise()
            begin = time.perf_counter()
            work()
            self.synchronise()
            seconds.append(time.perf_counter() - begin)
        return min(seconds)


class Emulation:
    """The host, thread by thread: what is measured means nothing, but all that measures runs."""

    name = "emulated"

    def __init__(self) -> None:
        self.device = _core.Device("emulated")

    def describe(self) -> str:
        return f"rehearsal on the {self.device.name}: the numbers mean nothing"

    def synchronise(self) -> None:
        """Nothing is queued."""

    def free_memory(self) -> int:
        return self.device.free_memory

    def ceilings(self) -> dict[str, float]:
        return {"bf16_flops": 1e12, "bytes_per_second": 1e12}

    def make_rows(self, n: int, d: int, k: int) -> tuple[Any, Any]:
        random = np.random.default_rng(n + d + k)
        x = random.standard_normal((n, d), dtype=np.float32)
        return x, x[random.permutation(n)[:k]].copy()

    def samples(self, x: Any) -> _core.DeviceSamples:
        return _core.DeviceSamples(x, None, "euclidean", self.device, 0)

    @staticmethod
    def on_host(x: Any) -> Any:
        return x


Machine = Cuda | Emulation
