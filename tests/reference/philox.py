"""Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) in Python integers."""

from __future__ import annotations

_MASK = 0xFFFFFFFF


def philox4x32(counter: list[int], key: list[int]) -> list[int]:
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = p1 >> 32 ^ c1 ^ k0, p1 & _MASK, p0 >> 32 ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + 0x9E3779B9) & _MASK, (k1 + 0xBB67AE85) & _MASK
    return [c0, c1, c2, c3]


class Philox:
    """Draws 0, 1, 2, ... of a (seed, stream): the first two words of the block, as 64 bits."""

    def __init__(self, seed: int, stream: int) -> None:
        self.key, self.stream, self.counter = [seed & _MASK, seed >> 32], [stream & _MASK, stream >> 32], 0

    def at(self, counter: int) -> int:
        self.counter = counter
        return self.below(2**64)

    def below(self, bound: int) -> int:
        block = philox4x32([self.counter & _MASK, self.counter >> 32, *self.stream], self.key)
        self.counter += 1
        return ((block[0] << 32 | block[1]) * bound) >> 64
