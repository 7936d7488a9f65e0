"""Templates: prompts and argv elements, strict, over data that is never a template itself; the one door to Jinja2."""

import difflib
import importlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from types import ModuleType

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from factory.model.errors import FactoryError
from factory.store.helper import Helper, serve

Variables = Mapping[str, JsonValue]


class TemplateProblem(FactoryError):
    """A prompt or an argv element that cannot be rendered."""


_TEMPLATE = "<template>"  # how Jinja2 calls one that comes from no file
_SECONDS = 2.0  # of a processor
_MEMORY = 1 << 30  # bytes
_LONGEST = 5_000_000  # characters of what comes of it
_REMEMBERED = 100  # templates: those of a contract come again with each run
# What a template can ask for that nobody has: memory, or depth.
_EXHAUSTED = (MemoryError, RecursionError)
# What can ask for no more than the data holds, but for loops, which must not lie in one another. All else (what is
# computed, called or remembered) can be made to ask for everything there is.
_PLAIN_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem),
    *(nodes.If, nodes.For, nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand, nodes.Filter),
)
_CAREFUL = frozenset({"defined", "undefined", "default", "d"})  # what may be asked of a variable that is not there
_OF_JINJA = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})
_PLAIN_FILTERS = frozenset(
    {"default", "d", "lower", "upper", "trim", "length", "count", "first", "last", "join", "tojson"}
)
_HELPER = Helper("factory.execution.prompts.prompt", _SECONDS)


@cache
def _templates() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)


def _liquid() -> ModuleType:
    """What only a few factories need, and takes long to load."""
    return importlib.import_module("factory.execution.prompts.liquid_prompt")


def flaw(text: str, known: Mapping[str, frozenset[str]], *, liquid: bool = False) -> tuple[int, str] | None:
    """The line, counted from 1, at which a text ceases to be a template, and why; None when it is one.

    `known` are the variables that it may use, each with the names below it, or none where anything may stand.
    """
    if "{" not in text:
        return None
    if liquid:
        found = _liquid().flaw(text, known)
        return (found.line, found.message) if found else None
    templates = _templates()
    try:
        tree = templates.parse(text)  # and no more: to compile it would compute what it says
    except TemplateSyntaxError as error:
        return error.lineno, error.message or "it cannot be read"
    except _EXHAUSTED as error:
        return 1, f"it asks for more than there is ({type(error).__name__})"
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        if node.name not in (templates.filters if isinstance(node, nodes.Filter) else templates.tests):
            return node.lineno, f"no {'filter' if isinstance(node, nodes.Filter) else 'test'} is called {node.name!r}"
    return _unknown(tree, known)


def _unknown(tree: nodes.Template, known: Mapping[str, frozenset[str]]) -> tuple[int, str] | None:
    """The line of the first variable that nobody gives, and which it is; one that is asked for with care is none."""
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    own |= {node.name for node in tree.find_all(nodes.Macro)} | _templates().globals.keys() | _OF_JINJA
    careful = [node.node for node in tree.find_all((nodes.Test, nodes.Filter)) if node.name in _CAREFUL]
    for name in tree.find_all(nodes.Name):
        if name.name not in own and name.name not in known and name not in careful:
            return name.lineno, f"there is no {name.name!r}{_near(name.name, known)}"
    for part in tree.find_all(nodes.Getattr):
        whole = part.node.name if isinstance(part.node, nodes.Name) and part.node.name not in own else ""
        below = known.get(whole)
        if below and part.attr not in below and not hasattr(dict, part.attr) and part not in careful:
            return part.lineno, f"{whole!r} has no {part.attr!r}{_near(part.attr, below)}"
    return None


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def render(text: str, variables: Variables, what: str, *, liquid: bool = False) -> str:
    """The text with its variables filled in. Raises TemplateProblem for an unknown variable, or one too much."""
    if "{" not in text:
        return text
    if not liquid and _is_plain(text):
        return _rendered(text, variables, what)
    answer = _HELPER.ask([text, {**variables}, what, liquid])
    match answer:
        case [str(rendered)]:
            return rendered
        case str(problem):
            raise TemplateProblem(problem)
    raise TemplateProblem(f"{what}: takes more than {_SECONDS:g} s, or more memory than it may")


@lru_cache(_REMEMBERED)
def _is_plain(text: str) -> bool:
    """Whether a template only fills in what there is."""
    try:
        tree = _templates().parse(text)
    except (TemplateError, RecursionError):
        return True  # told when it is rendered
    found = [tree, *tree.find_all(nodes.Node)]
    loops = [node for node in found if isinstance(node, nodes.For)]
    return (
        all(isinstance(node, _PLAIN_NODES) for node in found)
        and all(node.name in _PLAIN_FILTERS for node in found if isinstance(node, nodes.Filter))
        and not any(loop.recursive or loop.find(nodes.For) for loop in loops)
    )


@lru_cache(_REMEMBERED)
def _compiled(text: str) -> Template:
    return _templates().from_string(text)


def _rendered(text: str, variables: Variables, what: str) -> str:
    pieces: list[str] = []
    left = _LONGEST
    try:
        for piece in _compiled(text).generate(variables):
            left -= len(piece)
            if left < 0:
                raise ValueError(f"becomes longer than {_LONGEST} characters")
            pieces.append(piece)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, *_EXHAUSTED) as error:
        line = getattr(error, "lineno", None) or _line_of(error)
        where = f"{what}, line {line}" if line else what
        said = str(error) or "asks for more memory than there is"
        raise TemplateProblem(f"{where}: {said}") from None
    return "".join(pieces)


def _of_liquid(text: str, variables: Variables, what: str) -> str:
    library = _liquid()
    try:
        return str(library.rendered(text, variables))
    except library.LiquidFlaw as found:
        raise TemplateProblem(f"{what}, line {found.line}: {found.message}") from None


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


def _answer(question: JsonValue) -> JsonValue:
    """A template filled in, in a list, or what is wrong with it."""
    match question:
        case [str(text), dict(variables), str(what), bool(liquid)]:
            try:
                return [_of_liquid(text, variables, what) if liquid else _rendered(text, variables, what)]
            except TemplateProblem as problem:
                return problem.message
    raise ValueError("not a template with its variables")


if __name__ == "__main__":
    serve(_answer, _MEMORY)
