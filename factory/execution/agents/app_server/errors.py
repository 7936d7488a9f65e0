"""What goes wrong in an app-server, as it names it: a failure class that costs the right thing."""

from datetime import datetime

from factory.execution.agents.programs.heard import Event, text, within
from factory.execution.agents.programs.trouble import of_status, of_words, trouble
from factory.model.failure import Failure, FailureClass
from factory.model.moments import moment_of, rfc3339

# Its `codexErrorInfo`, without case and underscores. What is not here is told by its words.
_CODES = {
    "unauthorized": FailureClass.AUTH,
    "usagelimitexceeded": FailureClass.BILLING,
    "sessionbudgetexceeded": FailureClass.BUDGET,
    "ratelimitexceeded": FailureClass.RATE_LIMIT,
    "flexunavailable": FailureClass.OVERLOADED,
    "policycapacityunavailable": FailureClass.OVERLOADED,
    "serveroverloaded": FailureClass.OVERLOADED,
    "internalservererror": FailureClass.SERVER,
    "contextwindowexceeded": FailureClass.CONTEXT,
    "modelnotfound": FailureClass.MODEL_NOT_FOUND,
    "badrequest": FailureClass.INVALID_REQUEST,
    "cyberpolicy": FailureClass.REFUSAL,
    "misalignmentpolicyviolation": FailureClass.REFUSAL,
    "inferencehookdenied": FailureClass.REFUSAL,
    "toomanydenials": FailureClass.CONFIG,
    "sandboxerror": FailureClass.CONFIG,
    "httpconnectionfailed": FailureClass.NETWORK,
    "responsestreamconnectionfailed": FailureClass.NETWORK,
    "responsestreamdisconnected": FailureClass.NETWORK,
    "responsetoomanyfailedattempts": FailureClass.SERVER,
}
_REFUSED = range(-32602, -32599)  # JSON-RPC: the request is none that it takes


def of_turn(error: object, limits: object = None) -> Failure:
    """What a turn ended with; `limits` is what was last told of the account's limits, with their reset."""
    said = error if isinstance(error, dict) else {}
    kind, status = _class_of(within(said, "codexErrorInfo"))
    failure = trouble(text(said, "message") or text(said, "additionalDetails"), of_status(status), kind)
    reset = _reset(limits) if failure.kind in (FailureClass.BILLING, FailureClass.RATE_LIMIT) else ""
    return Failure(failure.kind, f"{failure.reason}; {reset}") if reset else failure


def of_response(method: str, error: object) -> Failure:
    """What it answered to a request that it did not do; what it would never take is for a person."""
    said = error if isinstance(error, dict) else {}
    code, words = said.get("code"), text(said, "message") or "it did not say why"
    refused = FailureClass.CONFIG if isinstance(code, int) and code in _REFUSED else None
    return trouble(f"it refused {method}: {words}", refused, of_words(words))


def _class_of(info: object) -> tuple[FailureClass | None, object]:
    """The class that a code stands for, and the status of the HTTP answer behind it."""
    name, detail = next(iter(info.items()), ("", None)) if isinstance(info, dict) else (info, None)
    known = _CODES.get(name.replace("_", "").lower()) if isinstance(name, str) else None
    return known, within(detail, "httpStatusCode")


def _reset(limits: object) -> str:
    """When the last of the limits that are used up is reset; empty when nobody said."""
    windows = (within(limits, name) for name in ("primary", "secondary"))
    moments = [_moment(window) for window in windows if isinstance(window, dict) and _is_used_up(window)]
    known = [moment for moment in moments if moment is not None]
    return f"it resets {rfc3339(max(known))}" if known else ""


def _is_used_up(window: Event) -> bool:
    used = window.get("usedPercent")
    return isinstance(used, int | float) and used >= 100


def _moment(window: Event) -> datetime | None:
    at = window.get("resetsAt")
    return moment_of(at) if isinstance(at, int) and at > 0 else None
