"""`factory mcp`: this factory for an agent that helps a person with it, over the Model Context Protocol."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Literal

import click
from pydantic import Field

from factory import __version__
from factory.cli.session import reading
from factory.model.errors import UnusableError
from factory.model.text import cut
from factory.store.system import MACHINE

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
except ImportError:
    raise UnusableError("the protocol's library is not installed", "pip install 'git-factory[mcp]'") from None

_PATIENCE_S = 120.0
_MOST = 200_000  # characters of an answer
_WHAT_IT_IS = """A git repository that is a factory: task files in, reviewed and merged changes out. You may add \
items, read what is where, and propose a verdict. A person, or a check, decides: never edit a `decision`, and never \
approve what you have made or asked for."""

Id = Annotated[str, Field(description="The item's id, as `list` has it", pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
Texts = Annotated[tuple[str, ...], Field(max_length=100)]


def add(
    title: Annotated[str, Field(min_length=1, max_length=500)],
    description: Annotated[str, Field(description="Markdown for the worker", max_length=100_000)] = "",
    contract: Annotated[str, Field(description="Else the routes decide")] = "",
    priority: Annotated[int, Field(ge=1, le=4, description="1 is the most urgent")] | None = None,
    labels: Texts = (),
    depends_on: Texts = (),
    scope: Annotated[Texts, Field(description="Patterns of paths that it is about")] = (),
    acceptance: Annotated[
        Texts, Field(description="What done means: `text`, or `text => command that proves it`")
    ] = (),
) -> str:
    """File an item into the inbox. A worker does it under its contract; what it makes is checked and judged."""
    texts = {"description": description, "contract": contract, "priority": str(priority or "")}
    lists = {"label": labels, "depends-on": depends_on, "scope": scope, "acceptance": acceptance}
    options = [*texts.items(), *((name, each) for name, values in lists.items() for each in values)]
    return _command("add", *(f"--{name}={text}" for name, text in options if text), "--json", "--", title)


def listed(
    lane: Literal["inbox", "active", "review", "rework", "blocked", "done"] | None = None, label: str = ""
) -> str:
    """List items: the open ones, or those of a lane."""
    return _command("list", "--json", *([f"--lane={lane}"] if lane else []), *([f"--label={label}"] if label else []))


def status() -> str:
    """Say what is where, since when, and what it waits for."""
    return _command("status", "--json")


def show(item_id: Id) -> str:
    """Show one item with its runs, evidence and findings."""
    return _command("show", "--json", "--", item_id)


def answer(
    item_id: Id,
    decisions: Annotated[
        dict[str, Annotated[str, Field(max_length=4000)]],
        Field(
            max_length=20, description="For each question's id an option's id, or several words, as the person said it"
        ),
    ],
) -> str:
    """Answer what the worker of a blocked item asks, with what the person has told you; `show` has the questions."""
    (asks,) = json.loads(_command("answer", "--json", "--", item_id))
    known = [question["id"] for question in asks["questions"]]
    unknown = sorted(decisions.keys() - {*known})
    if unknown:
        raise ToolError(f"{item_id} has no question {unknown[0]!r}; it asks {', '.join(known)}")
    return _command("answer", "--", item_id, *(f"{key}={decision}" for key, decision in decisions.items()))


def propose(
    item_id: Id,
    decision: Literal["approve", "rework", "reject", "escalate"],
    why: Annotated[str, Field(min_length=1, max_length=4000)],
    seat: str = "",
) -> str:
    """Propose a verdict on a delivery: it stands in the comments of the verdict file, and a person decides."""
    return _command("propose", f"-m{why}", *([f"--seat={seat}"] if seat else []), "--", item_id, decision)


_TOOLS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {"add": add, "list": listed, "status": status, "show": show, "answer": answer, "propose": propose}
)


@click.command("mcp")
def mcp_command() -> None:
    """Serve add, list, status, show, answer and propose as tools, over standard input and output."""
    with reading():
        pass  # that this is no factory is said before an agent asks
    server = MCPServer("factory", instructions=_WHAT_IT_IS, version=__version__)
    for name, tool in _TOOLS.items():
        server.add_tool(tool, name=name)
    server.run()


def _command(*words: str) -> str:
    """What a command prints, in a process of its own: what an agent says is an argument, and no option."""
    try:
        done = MACHINE.run((sys.executable, "-m", "factory", *words), _PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise ToolError(f"factory {words[0]} took longer than {_PATIENCE_S:g} s") from None
    except (OSError, ValueError) as error:
        raise ToolError(f"this cannot be handed on: {error}") from None
    if done.returncode:
        raise ToolError(cut(done.stderr.decode(errors="replace").strip(), _MOST))
    said = done.stdout.decode(errors="replace")
    if len(said) > _MOST:
        raise ToolError(f"factory {words[0]} has more to say than anybody reads; ask for one lane, or one label")
    return said
