"""The program: its commands, loaded when they are called, and what its errors become."""

import importlib
import os
import sys
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from factory import __version__
from factory.cli.say import say
from factory.model.errors import FactoryError

INTERRUPTED = 130
_FAILED = 1


class Entry(NamedTuple):
    """Where a command lives, and what `--help` says of it."""

    module: str
    help: str


COMMANDS = {
    "init": Entry("scaffold", "Lay a factory into this git repository; never overwrites."),
    "add": Entry("add", "Write an item into the inbox."),
    "check": Entry("check", "Say everything that is wrong with the files."),
    "tick": Entry("tick", "Make one pass over the pipeline."),
    "sync": Entry("sync", "Bring this clone and its remote to one state."),
    "run": Entry("run", "Watch the queue and make passes until interrupted."),
    "fleet": Entry("fleet", "Run many repositories at once, which share workers by weight."),
    "serve": Entry("serve", "Serve the factory to a browser, and to programs, over HTTP."),
    "status": Entry("status", "Say what is where, since when, and waiting for what."),
    "top": Entry("top", "Watch everything on a terminal as it moves, and act on it."),
    "list": Entry("list", "List open items."),
    "show": Entry("show", "Show one item with its run, evidence and findings."),
    "why": Entry("why", "Tell an item's story, and what would move it now."),
    "graph": Entry("graph", "Show which items depend on each other, and what holds up most work."),
    "diff": Entry("diff", "Show what a proposal changes, or what changed between two rounds."),
    "log": Entry("log", "Show an item's journal."),
    "trace": Entry("trace", "Show where an item's time went, as a waterfall."),
    "logs": Entry("logs", "Show what an item's worker does, or did in a run."),
    "prompt": Entry("prompt", "Show what would be sent to an item's worker, or to an agent in a seat."),
    "mission": Entry("mission", "File missions, look at them, and let them wait or go on."),
    "blame": Entry("blame", "Say who made an assertion of a mission pass."),
    "review": Entry("review", "Walk through what waits for a verdict, or give one."),
    "propose": Entry("propose", "Say what you would decide of a delivery; a person decides."),
    "answer": Entry("answer", "Answer what workers ask, or walk through it."),
    "retry": Entry("levers", "Send a blocked item back to work."),
    "hold": Entry("levers", "Keep an item from starting and from being applied."),
    "cancel": Entry("levers", "End an item."),
    "revert": Entry("revert", "Write an item that undoes what another one applied."),
    "preview": Entry("preview", "Say what a merge would set off."),
    "archive": Entry("archive", "Take what was finished long ago out of the tree; history keeps it."),
    "metrics": Entry("metrics", "Say how the factory does, in numbers."),
    "board": Entry("board", "Write the whole factory as one HTML page that works from disk."),
    "audit": Entry("audit", "Prove from the commits alone that all rules were kept."),
    "doctor": Entry("doctor", "Say what is there and what is not, and what to do."),
    "mcp": Entry("mcp", "Let an agent add, read and propose, over the Model Context Protocol."),
    "schema": Entry("schema", "Print a format's JSON Schema, for editors."),
    "demo": Entry("demo", "Run a throw-away factory before your eyes: real bugs, or a whole mission."),
}


class Commands(click.Group):
    """Loads a command's module only when that command is called, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of an item's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"factory.cli.{entry.module}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell offers, without loading anything."""
        offered = [CompletionItem(name, help=entry.help) for name, entry in COMMANDS.items()]
        flags = [] if incomplete[:1].isalpha() or not incomplete else super().shell_complete(ctx, incomplete)
        return [item for item in offered if item.value.startswith(incomplete)] + flags

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list for `--help`, without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


class InOrder(click.Group):
    """A command that has some of its own, in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(self.commands)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="factory")
@click.option("-C", "folder", metavar="DIR", help="Work as if started in this folder.")
def program(folder: str | None) -> None:
    """A git repository that is a factory: task files in, reviewed and merged changes out."""
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"cannot work in {folder}: {error.strerror}") from None


def run(arguments: list[str]) -> int:
    """Run the program; its exit code. What a person can act on becomes one sentence on stderr."""
    try:
        code = program.main(arguments, prog_name="factory", standalone_mode=False)
    except FactoryError as error:
        hint = f"\n  next: {error.hint}" if error.hint else ""
        return _complain(f"{error.message}{hint}", error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _complain(f"the system refused: {error.strerror or error}{where}", _FAILED)
    return code if isinstance(code, int) else 0


def _complain(text: str, code: int) -> int:
    say(f"factory: {text}", err=True)
    return code
