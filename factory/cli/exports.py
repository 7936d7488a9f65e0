"""Exports to OpenTelemetry: loaded only where its standard variables ask for them."""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from factory.connect.otel.exporting import Exporting, Signal
from factory.connect.otel.settings import settings_of
from factory.model.events import Noticed, Tell
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository

_LIBRARY = "factory.connect.otel.receiver"


@contextmanager
def exporting(opened: Repository, tell: Tell) -> Iterator[Tell]:
    """Tells of happenings; and what is published meanwhile is exported, if anything is to be."""
    settings = settings_of()
    for said in settings.refused:
        tell(Noticed(f"not exported to OpenTelemetry: {said}"))
    if not settings.receivers:
        yield tell
        return

    def make() -> Sequence[Signal]:
        signals: Sequence[Signal] = importlib.import_module(_LIBRARY).signals_of(settings)
        return signals

    told = Exporting(opened, locate_branch(opened), settings.receivers, tell, make)
    with told.going_on():
        yield told
