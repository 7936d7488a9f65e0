"""A part of a fold: items that were folded together, and whose facts are read when somebody looks at them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, overload

from pydantic import TypeAdapter, ValidationError

from factory.report.fold.facts import FindingFact, ItemFacts, LooseEnd, RunFact, SeatFact, Setback, Stay

_FACTS = (ItemFacts, Stay, RunFact, SeatFact, FindingFact, Setback, LooseEnd)
FORM = f"1 {[(each.__name__, [(field.name, str(field.type)) for field in fields(each)]) for each in _FACTS]}"
_ITEM: TypeAdapter[ItemFacts] = TypeAdapter(ItemFacts)
_ITEMS: TypeAdapter[list[ItemFacts]] = TypeAdapter(list[ItemFacts])


class Problematic(NamedTuple):
    """A journal that cannot be read, where, and why."""

    path: str
    line: int
    column: int
    message: str


@dataclass(frozen=True)
class Note:
    """What is known of a part without looking at its items."""

    count: int
    unreadable: tuple[Problematic, ...] = ()


NOTE: TypeAdapter[Note] = TypeAdapter(Note)


def line_of(key: str, item: ItemFacts) -> bytes:
    """An item as it is remembered, under what it was made from."""
    return key.encode() + b"\t" + _ITEM.dump_json(item, exclude_defaults=True)


def lines_by_key(body: bytes) -> dict[str, bytes]:
    """The lines of what was remembered, by what each was made from."""
    lines = (line.partition(b"\t") for line in body.split(b"\n"))
    return {key.decode(errors="replace"): key + tab + text for key, tab, text in lines if tab}


class Part(Sequence[ItemFacts]):
    """Items by id. What is remembered of them is only believed where it has their shape; else they are read again."""

    def __init__(
        self, name: str, key: str, day: str, note: Note, lines: Callable[[bool], Sequence[bytes]], *, keep: bool
    ) -> None:
        self.name = name
        self.key = key  # by which the same items with the same journals are known
        self.day = day  # on which they were finished; empty of open ones
        self.note = note
        self._lines = lines
        self._keep = keep
        self._items: list[ItemFacts] | None = None

    def __len__(self) -> int:
        """How many items there are."""
        return self.note.count

    def __iter__(self) -> Iterator[ItemFacts]:
        """Each item."""
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> ItemFacts: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ItemFacts]: ...
    def __getitem__(self, index: int | slice) -> ItemFacts | Sequence[ItemFacts]:
        """One item by its place, or several."""
        return self._all()[index]

    def get(self, item_id: str) -> ItemFacts | None:
        """The item of an id; None when it is not among them."""
        begin = item_id.encode() + b" "
        found = _decoded([line for line in self._lines(False) if line.startswith(begin)])
        if found is None:
            found = [item for item in self._all() if item.id == item_id]
        return found[0] if found else None

    def _all(self) -> list[ItemFacts]:
        if self._items is not None:
            return self._items
        found = _decoded(self._lines(False))
        if found is None or len(found) != self.note.count:
            found = _decoded(self._lines(True)) or []
        if self._keep:
            self._items = found
        return found


def _decoded(lines: Sequence[bytes]) -> list[ItemFacts] | None:
    """The items that were remembered; None where something else was."""
    try:
        return _ITEMS.validate_json(b"[" + b",".join(line.partition(b"\t")[2] for line in lines) + b"]")
    except ValidationError:
        return None
