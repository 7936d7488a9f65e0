"""`factory serve`: the factory in a browser and for programs, over HTTP."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import click

from factory.cli.interrupts import asking
from factory.cli.say import say
from factory.cli.session import reading
from factory.line.wakeup import Wakeup
from factory.model.errors import UsageError
from factory.model.symphony import Server
from factory.serve.http.access import Listen, is_loopback
from factory.serve.http.trigger import Trigger
from factory.store.repository.repository import Repository

_SERVING = "factory.serve.http.serving"  # which needs an extra, and is loaded only where it is asked for
_PORT = 4000

Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True)
class Asked:
    """What the options of a command say."""

    port: int | None
    host: str | None
    act: bool

    def listen(self, policy: Server) -> Listen:
        """Where to listen, with what WORKFLOW.md says. Raises UsageError where that alone would open it to others."""
        if self.host is None and not is_loopback(policy.host):
            said = f"server.host in WORKFLOW.md is {policy.host}, which others reach; only an option opens it to them"
            raise UsageError(said, f"factory serve --host {policy.host}")
        port = next(each for each in (self.port, policy.port, _PORT) if each is not None)
        return Listen(port, self.host or policy.host, self.act)


def serving_options(command: Command) -> Command:
    """The options of whatever serves."""
    act = "Let verdicts, answers and levers be given from the page, in your name."
    for option in (
        click.option("--act", is_flag=True, help=act),
        click.option("--host", metavar="HOST", help="An address; of one that others reach, the token has to be known."),
        click.option("--port", type=click.IntRange(0, 65_535), metavar="N", help="The port; 0 takes any that is free."),
    ):
        command = option(command)
    return command


@click.command("serve")
@serving_options
def serve_command(port: int | None, host: str | None, act: bool) -> None:
    """Serve a page, and the API of the Symphony specification, to this machine alone unless --host says otherwise.

    It shows what is there, beside an orchestrator or without one, until ^C. Without --port it is the one of `server`
    in WORKFLOW.md, or 4000.
    """
    module = importlib.import_module(_SERVING)
    with reading() as (reader, snapshot):
        listen = Asked(port, host, act).listen(snapshot.policy.server)
        root, system = reader.repository.root, reader.repository.system
    ending = Wakeup(system)
    with asking(ending.wake), module.serving(root, listen, system) as url:
        say(url)
        ending.wait()
    say("ended")


@contextmanager
def serving_beside(
    opened: Repository, policy: Server, wake: Callable[[], None], asked: Asked
) -> Iterator[Callable[[], None]]:
    """Serve what the orchestrator of this process does, if that is asked for; gives what is to be called by each pass.

    What an option asks for has to be had. What WORKFLOW.md says is the same for many clones and machines: where it
    cannot be had, that is said, and the work goes on.
    """
    if asked.port is None and (asked.host or asked.act) and policy.port is None:
        raise UsageError("--host and --act need a port", "factory run --port 0 takes any that is free")
    trigger = Trigger(wake)
    with ExitStack() as stack:
        if asked.port is not None or policy.port is not None:
            try:
                listen = asked.listen(policy)
                module = importlib.import_module(_SERVING)
                say(stack.enter_context(module.serving(opened.root, listen, opened.system, trigger)))
            except UsageError as error:
                if asked.port is not None or asked.host or asked.act:
                    raise
                say(f"factory: {error.message}; going on without it\n  next: {error.hint}", err=True)
        yield trigger.passed
