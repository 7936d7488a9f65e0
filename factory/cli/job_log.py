"""The job log: what is wrong, told as the host of a CI job shows it at its file and line, and what happened, folded."""

import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeVar

import click

from factory.cli.log_guard import Guarded, Host, guard_output
from factory.cli.markdown import code
from factory.cli.say import say
from factory.model.base import digest
from factory.model.errors import FactoryError, InvalidFile, InvalidPolicy, Problem, UsageError
from factory.model.layout import WORKFLOW
from factory.model.text import printable
from factory.store import files
from factory.store.system import MACHINE

_KEY = "factory.job_log"  # in the context of a command
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}
_MOST_NOTED = 200  # lines of the summary under one heading: no host shows a page without end
_SEVERITIES = {"error": "major", "warning": "minor"}  # in GitLab's words

_R = TypeVar("_R")


class JobLog:
    """Tells problems to a host, or to people where there is none, and keeps them for a report where one is wanted."""

    def __init__(
        self, command: str, host: Host | None = None, report: Path | None = None, summary: Path | None = None
    ) -> None:
        self._command = command
        self._host = host
        self._report = report
        self._summary = summary
        self._noted: dict[str, list[str]] = {}
        self._found: list[dict[str, object]] = []

    def problem(self, found: Problem, line: str = "", *, level: str = "error", err: bool = False) -> None:
        """Tell of something wrong in a file; `line` is how people read it, by default the place and what is wrong."""
        shown = line or printable(str(found))
        if self._host is Host.GITHUB:
            place = {"file": found.path, "line": found.line, "col": found.column} if found.path else {}
            self._annotate(level, shown, place, err=err)
        else:
            say(shown, err=err)
        self._keep(found, level)

    def warning(self, text: str) -> None:
        """Tell of something that may be meant as it is."""
        if self._host is Host.GITHUB:
            self._annotate("warning", printable(text), {}, err=True)
        else:
            say(f"warning: {printable(text)}", err=True)

    def failed(self, error: FactoryError) -> None:
        """Tell the host of what ends a command; people are told by the program itself."""
        problems = error.problems if isinstance(error, InvalidFile | InvalidPolicy) else ()
        for found in problems:
            self._keep(found, "error")
            if self._host is Host.GITHUB:
                place: dict[str, object] = {"file": found.path, "line": found.line, "col": found.column}
                self._annotate("error", printable(str(found)), place, err=True)
        if self._host is Host.GITHUB and not problems:
            self._annotate("error", printable(error.message), {}, err=True)

    def note(self, head: str, line: str) -> None:
        """Put a line of Markdown under a heading of the summary, if one is wanted."""
        if self._summary is not None:
            self._noted.setdefault(head, []).append(line)

    @contextmanager
    def section(self, title: str, *, err: bool = False) -> Iterator[None]:
        """What is printed meanwhile can be folded."""
        if self._host is None:
            yield
            return
        name = title.lower().replace(" ", "_")
        begin, end = f"::group::{_escaped(title, _DATA)}", "::endgroup::"
        if self._host is Host.GITLAB:
            begin = f"\x1b[0Ksection_start:{_now()}:{name}\r\x1b[0K{title}"
        self._command_line(begin, err=err)
        try:
            yield
        finally:
            end = f"\x1b[0Ksection_end:{_now()}:{name}\r\x1b[0K" if self._host is Host.GITLAB else end
            self._command_line(end, err=err)

    def close(self) -> None:
        """Write the report, in the form that GitLab calls Code Quality, and the summary.

        An empty report says that nothing is wrong. Raises UsageError where the summary cannot be written.
        """
        if self._report is not None:
            files.write(self._report, files.as_json(self._found))
        if self._summary is not None:
            page = f"## {self._command}\n\n" + "\n".join(_page(self._noted))
            try:
                with self._summary.open("a", encoding="utf-8") as opened:
                    opened.write(page)
            except OSError as error:
                raise UsageError(f"{self._summary} cannot be written: {error.strerror}", "name another file") from None

    def _keep(self, found: Problem, level: str) -> None:
        text, path = printable(found.message), printable(found.path)
        self.note("What is wrong", f"{code(f'{path}:{found.line}' if path else WORKFLOW)}: {code(text)}")
        same = sum(each["description"] == text for each in self._found)
        self._found.append(
            {
                "description": text,
                "check_name": self._command,
                "fingerprint": digest(f"{self._command}\0{path}\0{text}\0{same}".encode())[-64:],
                "severity": _SEVERITIES[level],
                "location": {"path": path or WORKFLOW, "lines": {"begin": found.line}},
            }
        )

    def _annotate(self, level: str, text: str, place: dict[str, object], *, err: bool) -> None:
        named = {**place, "title": self._command}
        properties = ",".join(f"{key}={_escaped(printable(str(value)), _PROPERTY)}" for key, value in named.items())
        self._command_line(f"::{level} {properties}::{_escaped(text, _DATA)}", err=err)

    def _command_line(self, line: str, *, err: bool) -> None:
        """Print what the host is to obey."""
        stream: TextIO | Guarded = sys.stderr if err else sys.stdout
        unguarded = stream.unguarded if isinstance(stream, Guarded) else stream
        unguarded.write(f"{line}\n")
        unguarded.flush()


def job_log() -> JobLog:
    """The log of the command that runs."""
    context = click.get_current_context(silent=True)
    found = context.meta.get(_KEY) if context else None
    return found if isinstance(found, JobLog) else JobLog("factory")


def for_hosts(command: Callable[..., _R]) -> Callable[..., _R]:
    """A command that can tell a CI host what is wrong."""

    @click.option(
        "--log-format",
        type=click.Choice([str(each) for each in Host]),
        help="Tell it as a CI host shows it.",
    )
    @click.option(
        "--code-quality",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Also write what is wrong into this file, as GitLab's Code Quality reads it.",
    )
    @click.option(
        "--summary",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Also append what came of it to this file as Markdown: on GitHub, $GITHUB_STEP_SUMMARY.",
    )
    @functools.wraps(command)
    def told(
        *args: object, log_format: str | None, code_quality: Path | None, summary: Path | None, **named: object
    ) -> _R:
        host = Host(log_format) if log_format else None
        if host:
            guard_output(host)
        context = click.get_current_context()
        log = context.meta[_KEY] = JobLog(context.command_path, host, code_quality, summary)
        try:
            return command(*args, **named)
        except FactoryError as error:
            log.failed(error)
            raise
        finally:
            log.close()

    return told


def _page(noted: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for head, lines in noted.items():
        yield f"### {head}\n"
        yield from (f"- {line}" for line in lines[:_MOST_NOTED])
        yield f"\nAnd {len(lines) - _MOST_NOTED} more.\n" if len(lines) > _MOST_NOTED else ""


def _now() -> int:
    return int(MACHINE.now().timestamp())


def _escaped(text: str, signs: dict[str, str]) -> str:
    return "".join(signs.get(sign, sign) for sign in text)
