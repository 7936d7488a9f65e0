"""The log guard: what is printed where a CI host reads each line for commands, without any command of others in it.

GitHub obeys a line that begins with `::name ...::`, after blanks, and what stands as `##[name ...]` anywhere in a line;
GitLab folds its log by marks that begin with an escape. Text of items, workers and repositories is data there too.
"""

import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TextIO


class Host(StrEnum):
    """Who reads the log."""

    GITHUB = "github"
    GITLAB = "gitlab"


# What may stand between two signs and be seen by nobody, so that whoever compares texts by meaning skips it.
_UNSEEN = r"[^\x20-\x7e\r\n]*"
_BEGINS = re.compile(rf"(?:(?<=[\r\n])|\A)([^\x21-\x7e\r\n]*:){_UNSEEN}:")
_ANYWHERE = re.compile(rf"#{_UNSEEN}#{_UNSEEN}\[")
_ESCAPE = re.compile(r"[\x1b\r]")


def harmless(text: str, host: Host) -> str:
    """A text in which the host finds no command; what would be one is parted by a blank, or shown as a sign."""
    if host is Host.GITLAB:
        return _ESCAPE.sub("\ufffd", text)
    if ":" in text:
        text = _BEGINS.sub(r"\1 :", text)
    return _ANYWHERE.sub("# #[", text) if "[" in text else text


class Guarded:
    """A stream to which only harmless text is written; in all else it is the stream that it guards."""

    def __init__(self, stream: TextIO, host: Host) -> None:
        self.unguarded = stream
        self._host = host

    def write(self, text: str) -> int:
        """Write what the host will not obey."""
        self.unguarded.write(harmless(text, self._host))
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self.unguarded, name)


def host_of(env: Mapping[str, str]) -> Host | None:
    """The host whose job this process is a part of, by what that sets; None where it is no job of theirs."""
    if env.get("GITHUB_ACTIONS") == "true":
        return Host.GITHUB
    return Host.GITLAB if env.get("GITLAB_CI") == "true" else None


def guard_output(host: Host) -> None:
    """Guard both streams from now on, once."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, Guarded):
            continue
        if callable(again := getattr(stream, "reconfigure", None)):
            again(encoding="utf-8")  # in which hosts read; click would go past the guard to a stream of another one
        setattr(sys, name, Guarded(stream, host))
