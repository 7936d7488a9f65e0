"""`/metrics`: what is where, in the text format that Prometheus reads."""

from collections.abc import Iterator

from factory.model.lifecycle import Lane
from factory.serve.http.picture import Picture

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(picture: Picture, passes: int | None) -> str:
    """What is so now. `passes`: None where no orchestrator is in here."""
    return "".join(f"{line}\n" for line in _lines(picture, passes))


def _lines(picture: Picture, passes: int | None) -> Iterator[str]:
    found = picture.status
    yield from _head("factory_items", "gauge", "Open items by lane.")
    for lane in Lane:
        if lane is not Lane.DONE:
            yield f'factory_items{{lane="{lane}"}} {found.count(lane)}'
    yield from _one("factory_finished_today", "gauge", "Items finished since midnight UTC.", found.done_today)
    under_way = sum(picture.snapshot.items[item_id].lane is Lane.ACTIVE for item_id in picture.signs)
    yield from _one("factory_runs_under_way", "gauge", "Runs that show signs of life on this machine.", under_way)
    yield from _one("factory_problems", "gauge", "Things that are wrong with files.", len(found.problems))
    yield from _one("factory_breakers_open", "gauge", "Circuit breakers that are not closed.", len(found.breakers))
    yield from _one(
        "factory_orchestrator_up", "gauge", "Whether somebody holds the lock.", int(bool(found.orchestrator))
    )
    if passes is not None:
        yield from _one("factory_passes_total", "counter", "Passes of this orchestrator.", passes)


def _one(name: str, kind: str, told: str, value: int) -> Iterator[str]:
    yield from _head(name, kind, told)
    yield f"{name} {value}"


def _head(name: str, kind: str, told: str) -> Iterator[str]:
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"
