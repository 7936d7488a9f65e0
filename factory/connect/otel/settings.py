"""Settings: what OpenTelemetry's standard variables ask for; the others of them are read by its own library."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TRACES, METRICS = "traces", "metrics"
SIGNALS = (TRACES, METRICS)
_OTLP, _NONE, _PROTOCOL = "otlp", "none", "http/protobuf"
_DEFAULT = "http://localhost:4318"
_ANSWERED_WITHIN_S = 3.0  # at most, as somebody waits for it at the end


@dataclass(frozen=True)
class Settings:
    """What is exported, and to whom."""

    receivers: Mapping[str, str] = field(default_factory=dict)  # by signal: scheme, host and port; none: not exported
    answered_within_s: float = _ANSWERED_WITHIN_S
    refused: tuple[str, ...] = ()  # what is asked for and cannot be done, in words


def settings_of(env: Mapping[str, str] = os.environ) -> Settings:
    """What these variables ask for; nothing, unless they name an exporter or a receiver."""
    receivers, refused = dict[str, str](), list[str]()
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Settings()
    for signal in SIGNALS:
        name = f"OTEL_{signal.upper()}_EXPORTER"
        asked = {each.strip().lower() for each in env.get(name, "").split(",") if each.strip()}
        endpoint, protocol = (_of(env, signal, what) for what in ("ENDPOINT", "PROTOCOL"))
        refused += [f"{name}: {each} is not known here, only otlp and none" for each in sorted(asked - {_OTLP, _NONE})]
        if _OTLP not in asked and (asked or not endpoint):
            continue
        if protocol and protocol != _PROTOCOL:
            refused.append(f"{signal}: the protocol {protocol} is not known here, only {_PROTOCOL}")
        else:
            receivers[signal] = _shown(endpoint or _DEFAULT)
    within = _ANSWERED_WITHIN_S
    with suppress(ValueError):
        within = min(within, float(env.get("OTEL_EXPORTER_OTLP_TIMEOUT", "")))
    return Settings(receivers, within, tuple(refused))


def _of(env: Mapping[str, str], signal: str, what: str) -> str:
    """A variable of one signal, or else that of all."""
    own = env.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", "").strip()
    return own or env.get(f"OTEL_EXPORTER_OTLP_{what}", "").strip()


def _shown(endpoint: str) -> str:
    """A receiver as it may be told: without a user, a path or a query, in which keys may stand."""
    try:
        parts = urlsplit(endpoint)
        return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "what the variables name"
