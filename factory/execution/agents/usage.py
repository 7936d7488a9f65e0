"""Usage: what a running worker says it has cost so far, held against what is left of the item's budget."""

from pathlib import Path

from pydantic import ValidationError

from factory.execution.request import BudgetLeft
from factory.model.errors import TooLarge
from factory.model.failure import Failure, FailureClass
from factory.model.prices import Price, estimated
from factory.model.result import Usage
from factory.store.files import read_inside

_FILE = "usage.json"
_MOST_BYTES = 4096


def exceeded(left: BudgetLeft, usage: Usage) -> str:
    """What a budget does not allow any more; empty when it does."""
    if left.usd is not None and usage.spent > left.usd:
        return f"{usage.spent:.2f} USD, and {left.usd:.2f} were left of the item's budget or the day's"
    if left.tokens is not None and usage.tokens > left.tokens:
        return f"{usage.tokens} tokens, and {left.tokens} were left of the item's budget"
    return ""


class UsageMeter:
    """Reads `$FACTORY_OUT/usage.json` while a worker runs; a worker without it is measured when it has ended."""

    def __init__(self, out: Path, left: BudgetLeft, price: Price | None = None) -> None:
        self._out = out
        self._left = left
        self._price = price  # of its model, as far as that is known beforehand
        self._seen = 0.0
        self.usage = Usage()

    def __call__(self) -> Failure | None:
        """The failure for which the worker is to be stopped, if it has used too much."""
        self.read()
        beyond = exceeded(self._left, estimated(self.usage, self._price))
        return Failure(FailureClass.BUDGET, f"was stopped: it used {beyond}") if beyond else None

    def read(self) -> None:
        """Take note of what the file says; one that is half written, too large or nonsense says nothing."""
        path = self._out / _FILE
        try:
            changed = path.lstat().st_mtime
        except OSError:
            return
        if changed == self._seen:
            return
        self._seen = changed
        try:
            self.usage = Usage.model_validate_json(read_inside(self._out, _FILE, _MOST_BYTES) or b"")
        except (TooLarge, ValidationError):
            return
