"""Fewer points the longer a series gets, so that a run of any length leaves files of a bounded size."""


class Thinning:
    """Keeps the first `full` points, every second of as many more, every fourth of twice as many, and so on.

    Of n > full points about full * (1 + log2(n / full) / 2) are kept, and every gap is a share of what came
    before it: a curve on a screen looks the same.

    >>> thinning = Thinning(4)
    >>> [number for number in range(1, 33) if thinning.keeps()]
    [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
    """

    def __init__(self, full: int) -> None:
        self._full, self._count = full, 0

    def keeps(self) -> bool:
        """Whether the next point is kept."""
        doublings = (self._count // self._full).bit_length()
        self._count += 1
        return self._count % (1 << doublings) == 0
