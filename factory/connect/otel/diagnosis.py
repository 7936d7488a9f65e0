"""What the doctor says of exporting: whether it can be done, and what went wrong last."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from factory.connect.otel.note import noted
from factory.connect.otel.settings import Settings
from factory.report.diagnosis import Diagnosis, Health

_ABOUT = "OpenTelemetry"
_LIBRARY = ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def of_exporting(settings: Settings, state: Path) -> Iterator[Diagnosis]:
    """Nothing, unless the variables ask for something."""
    for said in settings.refused:
        yield Diagnosis(_ABOUT, Health.NOTE, said)
    if not settings.receivers:
        return
    if not _is_installed():
        yield Diagnosis(
            _ABOUT,
            Health.NOTE,
            "variables ask for an export, and it is not installed",
            "pip install 'git-factory[otel]'",
        )
        return
    failed = noted(state).failed
    for signal, receiver in settings.receivers.items():
        if signal in failed:
            found = (
                f"{signal} to {receiver}: the last export failed ({failed[signal]}); the next tick exports all of it"
            )
            yield Diagnosis(_ABOUT, Health.NOTE, found, "start the receiver, or correct OTEL_EXPORTER_OTLP_ENDPOINT")
        else:
            yield Diagnosis(_ABOUT, Health.GOOD, f"{signal} to {receiver}")


def _is_installed() -> bool:
    try:
        return all(find_spec(name) for name in _LIBRARY)
    except ModuleNotFoundError:  # of what it would be a part of
        return False
