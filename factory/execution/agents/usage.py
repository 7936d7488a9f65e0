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


def over_budget(left: BudgetLeft, usage: Usage, price: Price | None) -> Failure | None:
    """The failure for which a worker is to be stopped that has used so much; None while it may go on."""
    used = estimated(usage, price)
    if left.usd is not None and used.spent > left.usd:
        beyond = f"{used.spent:.2f} USD, and {left.usd:.2f} were left of the item's budget or the day's"
    elif left.tokens is not None and used.tokens > left.tokens:
        beyond = f"{used.tokens} tokens, and {left.tokens} were left of the item's budget"
    else:
        return None
    return Failure(FailureClass.BUDGET, f"was stopped: it used {beyond}")


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
        return over_budget(self._left, self.usage, self._price)

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
