"""Printing for as long as somebody listens: a pipe that was closed must not stop the work that is told of."""

import os
import sys

import click


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print, and fall silent once nobody reads it any more; a line that a full disk refuses is left out."""
    try:
        click.echo(text, err=err, nl=nl)
    except BrokenPipeError:
        broken = os.fstat((sys.stderr if err else sys.stdout).fileno())
        for stream in (sys.stdout, sys.stderr):
            if os.path.samestat(os.fstat(stream.fileno()), broken):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except OSError:
        return
