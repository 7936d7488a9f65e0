"""`factory top`: mission control on a terminal."""

import os
import sys
from pathlib import Path

import click

from factory.cli.interrupts import asking
from factory.cli.session import reading
from factory.serve.top.app import Top
from factory.serve.top.styles import DARK, LIGHT, suits


@click.command("top")
@click.option("--light/--dark", default=None, help="The ground to draw on. By default as the terminal says it has.")
def top_command(light: bool | None) -> None:
    """Show the queue as it moves: who is at work and prints what, what waits for you, what is spent.

    Keys judge, answer, hold, retry, cancel and pause, by the same edits as the commands and an editor.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("top needs a terminal; a program asks for factory status --json again and again")
    with reading():
        pass  # that this is no factory, or has a policy that cannot be used, is said before the screen is taken
    ground = suits(os.environ) if light is None else LIGHT if light else DARK
    app = Top(Path.cwd(), ground)
    with asking(app.stop):
        app.run()
    app.looking.result()
