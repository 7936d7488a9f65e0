"""What went wrong, from the words of an agent or of the service behind it: a class that costs the right thing."""

import re

from factory.model.failure import Failure, FailureClass
from factory.model.text import said

# The first that is found in what was said; more telling words come before those that stand in many messages.
_WORDS = tuple(
    (re.compile("|".join(words), re.IGNORECASE | re.MULTILINE), kind)
    for kind, words in (
        (
            FailureClass.BILLING,
            ("credit balance", "insufficient[ _]quota", "quota exceeded", "usage limit", "billing", "payment required"),
        ),
        (
            FailureClass.CONTEXT,
            ("(prompt|input) is too long", "context (length|window)", "maximum context"),
        ),
        (
            FailureClass.MODEL_NOT_FOUND,
            ("model[ _]not[ _]found", "selected model", "(no such|unknown) model", "model .{0,80}does not exist"),
        ),
        (
            FailureClass.AUTH,
            (
                "api key",
                "log(ged)? ?in",
                "unauthori[sz]ed",
                "authenticat",
                "missing environment variable",
                r"\b40[13]\b",
            ),
        ),
        (FailureClass.OVERLOADED, ("overloaded", r"\b529\b", "at capacity")),
        (FailureClass.RATE_LIMIT, ("too many requests", "rate[ _-]?limit", r"\b429\b")),
        (FailureClass.REFUSAL, ("usage polic", "safety", "cyber", "violat", "content[ _-]filter")),
        (
            FailureClass.NETWORK,
            ("connect", "econn", "enotfound", "eai_again", "timed? ?out", "network", "socket", "sending request"),
        ),
        (
            FailureClass.SERVER,
            ("high demand", "internal server", "server[ _-]?(side|error)", r"\b50\d\b", "bad gateway", "unavailable"),
        ),
        (FailureClass.MAX_TURNS, ("max(imum)? (number of )?turns",)),
        (FailureClass.BUDGET, ("max(imum)?[ _]budget",)),
        (FailureClass.CONFIG, ("(unknown|unexpected|unrecognized) (option|argument)", "^usage: ")),
        (FailureClass.INVALID_REQUEST, ("invalid[ _]request", "bad request", r"\b400\b")),
    )
)
_STATUSES = {
    400: FailureClass.INVALID_REQUEST,
    401: FailureClass.AUTH,
    402: FailureClass.BILLING,
    403: FailureClass.AUTH,
    404: FailureClass.MODEL_NOT_FOUND,
    408: FailureClass.NETWORK,
    413: FailureClass.CONTEXT,
    429: FailureClass.RATE_LIMIT,
    503: FailureClass.OVERLOADED,
    529: FailureClass.OVERLOADED,
}


def of_words(words: str) -> FailureClass | None:
    """The class that words tell of; None when they tell of none that is known."""
    return next((kind for pattern, kind in _WORDS if pattern.search(words)), None)


def of_status(status: object) -> FailureClass | None:
    """The class that the status of an HTTP answer stands for; None when it is none, or stands for many things."""
    if not isinstance(status, int) or isinstance(status, bool):
        return None
    return _STATUSES.get(status, FailureClass.SERVER if 500 <= status < 600 else None)


def trouble(words: str, *classes: FailureClass | None) -> Failure:
    """What went wrong: of the first class that is known, else as its words tell; else a crash, tried again."""
    kind = next((known for known in classes if known is not None), None) or of_words(words) or FailureClass.CRASH
    return Failure(kind, said(words.strip() or "it did not say why"))
