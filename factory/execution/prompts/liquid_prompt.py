"""The one door to Liquid: prompts in the language of Symphony's, strict, over data that is never a template itself."""

import difflib
from collections.abc import Iterable, Mapping
from functools import cache

from liquid import Environment, StrictUndefined
from liquid.exceptions import LiquidError, OutputStreamLimitError
from pydantic import JsonValue

_LONGEST = 5_000_000  # bytes of what comes of it
_OF_ANYTHING = frozenset({"size", "first", "last"})  # what Liquid gives of whatever there is


class LiquidFlaw(Exception):
    """What is wrong with a template, and the line, counted from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class _Bounded(Environment):
    """Tags, filters and variables are those that there are, or it is an error."""

    output_stream_limit = _LONGEST


@cache
def _templates() -> Environment:
    return _Bounded(undefined=StrictUndefined, strict_filters=True)


def rendered(text: str, variables: Mapping[str, JsonValue]) -> str:
    """The text with its variables filled in. Raises LiquidFlaw."""
    try:
        return _templates().from_string(text).render(**variables)
    except OutputStreamLimitError:
        raise LiquidFlaw(1, f"becomes longer than {_LONGEST} bytes") from None
    except LiquidError as error:
        raise LiquidFlaw(_line(text, error), _said(error)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, MemoryError, RecursionError) as error:
        raise LiquidFlaw(1, str(error) or f"asks for more than there is ({type(error).__name__})") from None


def flaw(text: str, known: Mapping[str, frozenset[str]]) -> LiquidFlaw | None:
    """Why a text is no template over the known variables, each with the names below it; None when it is one."""
    try:
        found = _templates().from_string(text).analyze()
    except LiquidError as error:
        return LiquidFlaw(_line(text, error), _said(error))
    except (MemoryError, RecursionError) as error:
        return LiquidFlaw(1, f"it asks for more than there is ({type(error).__name__})")
    used = [(each.span.index, each.segments) for uses in found.globals.values() for each in uses]
    flaws = [(at, said) for at, segments in used if (said := _astray(segments, known))]
    missing = {name: spans for name, spans in found.filters.items() if name not in _templates().filters}
    flaws += [(span.index, f"no filter is called {name!r}") for name, spans in missing.items() for span in spans]
    return LiquidFlaw(_line_at(text, min(flaws)[0]), min(flaws)[1]) if flaws else None


def _astray(segments: Iterable[object], known: Mapping[str, frozenset[str]]) -> str:
    """What is wrong with a variable, by the names on the way to it."""
    names = [each for each in segments if isinstance(each, str)]
    if not names or names[0] not in known:
        return f"there is no {names[0]!r}{_near(names[0], known)}" if names else ""
    below = known[names[0]]
    if len(names) > 1 and below and names[1] not in below | _OF_ANYTHING:
        return f"{names[0]!r} has no {names[1]!r}{_near(names[1], below)}"
    return ""


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _said(error: LiquidError) -> str:
    return str(error.message or type(error).__name__)


def _line(text: str, error: LiquidError) -> int:
    """Where an error arose: the last line for what is missing at the end."""
    at = error.token.start_index if error.token is not None else -1
    return _line_at(text, at if at >= 0 else len(text))


def _line_at(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
