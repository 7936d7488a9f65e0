"""One process under a deadline: what it starts, its silence, its output and what it uses are ours to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from factory.execution.cell.sandbox import Kind
from factory.execution.control import Control, Signal
from factory.execution.egress.egress import Egress
from factory.execution.processes.command import Command, Ended, Stopped
from factory.execution.processes.launch import Launch
from factory.execution.processes.process_tree import ProcessInfo, descendants, end, end_strays
from factory.execution.processes.sockets import Cover
from factory.execution.processes.startable import unstartable
from factory.execution.processes.supervision import Supervision, Watcher
from factory.execution.services.together import sandboxes, together
from factory.model.failure import Failure
from factory.store.system import System

_GRACE_S = 2.0
_TRIES = 3
_SIGNALLED = 128  # a shell, and bubblewrap, end with this and the number of the signal that killed the child


def scrubbed_environment(allowed: Sequence[str] = ()) -> dict[str, str]:
    """PATH, LANG, TERM and what is named; programs installed beside the factory are found last."""
    env = {name: os.environ[name] for name in ("LANG", "TERM", *allowed) if name in os.environ}
    beside = str(Path(sys.executable).parent)
    env["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), beside])
    return env


def run(
    command: Command,
    control: Control,
    watcher: Watcher = lambda: None,
    stop: Signal | None = None,
) -> Ended:
    """Run to the end, a limit or a deadline, output into the log; nothing that it started is left behind.

    `watcher` is called a few times a second, and stops the process by naming a failure. It is also
    stopped when the control says so, or `stop` in its place.
    """
    asked = control.stop if stop is None else stop
    for _ in range(_TRIES - 1):  # what a sandbox hides may just then be moved, say by a `git switch`
        ended = _run_once(command, control, watcher, asked)
        if ended.began or command.once:
            return ended
    return _run_once(command, control, watcher, asked)


def _run_once(command: Command, control: Control, watcher: Watcher, stop: Signal) -> Ended:
    started = control.system.monotonic()
    command.log.write_bytes(b"")
    contained = command.sandbox.kind is Kind.BUBBLEWRAP
    problem = unstartable(command.argv, command.env["PATH"], command.filesystem, contained=contained)
    if problem:
        return Ended(None, Stopped.NOT_STARTED, 0.0, problem)
    egress = Egress(command.hosts, control.system)
    with Launch() as launch, egress:
        try:
            cover = Cover(command.filesystems) if contained else None
            process = _started(command, launch, egress, control)
        except (OSError, ValueError) as error:
            return Ended(None, Stopped.NOT_STARTED, 0.0, f"{command.argv[0]!r} could not be started: {error}")

        def up() -> Iterable[int]:
            return sandboxes(process.pid) if command.instance else filter(None, (launch.first(),))

        with command.log.open("wb") as log:
            watch = Supervision(process, command, control, stop, _covering(watcher, cover, up), log)
            try:
                stopped = watch.until_end()
            finally:
                _end_all(process, watch.consumption.seen, command, control.system)
        code = process.returncode if stopped is Stopped.NO else None
        began = code != 1 or not contained or launch.began()
    _append(command.log, egress.told())
    if code is not None and _SIGNALLED < code <= _SIGNALLED + signal.NSIG:
        code = _SIGNALLED - code
    now = control.system.monotonic()
    silent = round(now - watch.last_sign, 1)
    return Ended(
        code, stopped, now - started, over=watch.over, silent_s=silent, began=began, refused=tuple(egress.refused)
    )


def _covering(watcher: Watcher, cover: Cover | None, up: Callable[[], Iterable[int]]) -> Watcher:
    """A watcher that also hides what begins to listen meanwhile, from the sandboxes that are up by then."""

    def watch() -> Failure | None:
        if cover is not None:
            cover.renew(up())
        return watcher()

    return watch


def _append(log: Path, told: bytes) -> None:
    with log.open("ab") as end:
        end.write(told)


def _started(command: Command, launch: Launch, egress: Egress, control: Control) -> "subprocess.Popen[bytes]":
    argv, everywhere = egress.around(command.argv), command.network is True
    passed = (launch.status_fd, *egress.descriptors) if command.sandbox.kind is Kind.BUBBLEWRAP else ()
    if command.instance is not None:
        whole = together(command, command.instance, argv, passed)
    else:
        whole = command.sandbox.around(argv, command.filesystem, command.limits, everywhere, launch.status_fd)
    with (
        (command.stdin or Path(os.devnull)).open("rb") as stdin,
        (command.errors or Path(os.devnull)).open("ab") as err,
    ):
        process = control.system.start(
            whole,
            cwd=command.filesystem.folder_on_disk,
            env=dict(command.env),
            stdin=stdin if command.dialogue is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if command.errors is None else err,
            start_new_session=True,
            pass_fds=passed,
        )
    launch.started()
    egress.begun()
    return process


def _end_all(
    process: subprocess.Popen[bytes], seen: Mapping[int, ProcessInfo], command: Command, system: System
) -> None:
    """End the process if it still runs, and whatever it started: politely first, then for good."""
    alone = command.sandbox.kind is Kind.NONE
    if process.poll() is None:
        members = descendants(process.pid)
        seen = {**seen, **{member.pid: member for member in members}}
        end(members, signal.SIGTERM)
        if alone:  # otherwise it is what contains the worker, and would take it along at once
            process.terminate()
        system.ended(process, _GRACE_S)
    _kill_group(process.pid)
    if alone:  # a namespace ends with its first process; without one, whoever left the family is looked for
        end(seen.values())
        for filesystem in command.filesystems:
            end_strays(str(filesystem.tree.parent))
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nothing of it is left
