"""The one door to Jinja2: prompts and argv elements as strict templates over data that is never a template itself."""

from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from factory.model.errors import FactoryError

Variables = Mapping[str, JsonValue]


class TemplateProblem(FactoryError):
    """A prompt or an argv element that cannot be rendered."""


_TEMPLATE = "<template>"  # how Jinja2 calls one that comes from no file
# What a template can ask for that nobody has: memory, or depth.
_EXHAUSTED = (MemoryError, RecursionError)


@cache
def _templates() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)


def flaw(text: str) -> tuple[int, str] | None:
    """The line, counted from 1, at which a text ceases to be a template, and why; None when it is one."""
    if "{" not in text:
        return None
    try:
        _templates().from_string(text)
    except TemplateSyntaxError as error:
        return error.lineno, error.message or "it cannot be read"
    except _EXHAUSTED as error:
        return 1, f"it asks for more than there is ({type(error).__name__})"
    return None


def render(text: str, variables: Variables, what: str) -> str:
    """The text with its variables filled in. Raises TemplateProblem for an unknown variable or filter."""
    if "{" not in text:
        return text
    try:
        return _templates().from_string(text).render(variables)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, *_EXHAUSTED) as error:
        line = getattr(error, "lineno", None) or _line_of(error)
        where = f"{what}, line {line}" if line else what
        raise TemplateProblem(f"{where}: {error}") from None


def _line_of(error: BaseException) -> int | None:
    """The line of the template at which an error arose while it was being filled in."""
    line, trace = None, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == _TEMPLATE else line
        trace = trace.tb_next
    return line


def render_argv(argv: Sequence[str], variables: Variables, what: str) -> tuple[str, ...]:
    """Each element rendered by itself, so that no value can become a second argument."""
    return tuple(render(element, variables, f"{what}[{number}]") for number, element in enumerate(argv))
