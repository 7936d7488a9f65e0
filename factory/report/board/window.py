"""The window: the stretch of time that the charts show, cut into equal steps."""

from dataclasses import dataclass

from factory.model.moments import day_of, moment_of

DAYS = 90
_MINUTE, _DAY = 60, 86_400
_STEPS = (1, 5, 15, 60, 300, 900, 3600, 6 * 3600, _DAY, 2 * _DAY, 7 * _DAY)  # seconds
_MOST = 46  # steps


@dataclass(frozen=True)
class Window:
    """From one time to another, both told by the clock of UTC; the last step ends after `end`."""

    begin: int
    end: int
    step: int

    @classmethod
    def of(cls, first: int | None, end: int) -> "Window":
        """From what happened first, or the longest there is, to a time."""
        begin = max(end - DAYS * _DAY, min(end - 1, end - _DAY if first is None else first))
        step = next((step for step in _STEPS if (end - begin) // step < _MOST), _STEPS[-1])
        return cls(begin // step * step, end, step)

    @classmethod
    def longest(cls, end: int) -> "Window":
        """The longest that ends at a time."""
        return cls(end - DAYS * _DAY, end, _DAY)

    @property
    def count(self) -> int:
        """How many steps there are."""
        return (self.end - self.begin) // self.step + 1

    @property
    def day(self) -> str:
        """The day on which it begins, as folders are named."""
        return day_of(moment_of(self.begin))

    def index(self, moment: int) -> int | None:
        """The step that a time lies in; None when it lies in none."""
        return (moment - self.begin) // self.step if self.begin <= moment <= self.end else None

    def label(self, index: int) -> str:
        """When a step begins, as short as it is clear."""
        return self.told(self.begin + index * self.step)

    def told(self, moment: int) -> str:
        """A time on the axis."""
        hour = "%H:%M:%S" if self.step < _MINUTE else "%H:%M"
        form = "%d %b" if self.step >= _DAY else hour if self.end - self.begin < _DAY else "%d %b %H:%M"
        return f"{moment_of(moment):{form}}"
