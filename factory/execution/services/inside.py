"""A program of its own, around all that is started for one tester: first the services, and then whoever tries them.

Its argument is the file that says what to start. It ends with the exit status of the tester; where a service never
becomes ready, or ends before the tester, it says so in a file. Nothing of what it started is left when it ends.
"""

import errno
import http.client
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from factory.execution.services.instance import STATUS_FD, Ending, Order, Program, ServiceOrder
from factory.model.base import Argv
from factory.model.mission.plan import LOOPBACK
from factory.store.system import MACHINE

_SERVICE_FAILED = 3  # our own exit status; not 1, which is a sandbox's that could not be put up
_SANDBOX_FAILED = 1
_SIGNALLED = 128
_ANSWER_S = 5.0  # that one request for whether a service is ready may take
_FIRST_LOOK_S, _LATER_LOOK_S = 0.05, 0.5
_LOOKED_AGAIN_S = 60.0
_LEAST_S = 0.1
_LAST_WORDS_S = 1.0  # until what a service printed at its end has been read
_CHUNK = 65536
_MOST_THREADS = 100
_NOT_READ = b"\n[cut here: more output than the contract allows]\n"
_TAKEN = "could not be started: another program has taken its port meanwhile"
_BEGAN = b'"exit-code"'  # told only of a process that was begun (bwrap(1), --json-status-fd)


class NotBegun(Exception):
    """A sandbox could not be put up; that is nobody's fault, and may be tried again."""


class Running:
    """A service that was started."""

    def __init__(self, order: ServiceOrder, process: "subprocess.Popen[bytes]", told: int, log: "Future[None]") -> None:
        self.order = order
        self.process = process
        self.log = log  # done once all that it printed has been read
        self._told = told

    def ended(self) -> str:
        """How it ended, or nothing. Raises NotBegun when it never began."""
        code = self.process.poll()
        if code is None:
            return ""
        if self._told >= 0 and code == _SANDBOX_FAILED and _BEGAN not in os.read(self._told, _CHUNK):
            raise NotBegun
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"

    def kill(self) -> None:
        """End it, with its sandbox."""
        _kill(self.process)


class Inside:
    """Carries one order out."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._threads = MACHINE.threads(_MOST_THREADS, "service")  # one reads its log, others ask whether it is ready
        self._running: list[Running] = []

    def run(self) -> int:
        """The exit status of it all."""
        try:
            for order in self._order.services:
                if _is_taken(order.port):
                    return self._failed(order, _TAKEN, taken=True)
                try:
                    problem = self._readiness(self._started(order))
                except OSError as error:
                    problem = f"could not be started: {error}"
                if problem:
                    return self._failed(order, problem, taken=self._is_gone_and_taken(order))
            return self._tried()
        except NotBegun:
            return _SANDBOX_FAILED
        finally:
            for each in self._running:
                each.kill()
            MACHINE.settle([each.log for each in self._running], _LAST_WORDS_S)

    def _started(self, order: ServiceOrder) -> Running:
        """Start a service. Raises OSError."""
        told, tells = os.pipe()
        program = order.program
        try:
            process = MACHINE.start(
                _telling(program.argv, tells) if self._order.contained else program.argv,
                cwd=program.folder,
                env=program.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(tells,) if self._order.contained else (),
            )
        finally:
            os.close(tells)
        assert process.stdout is not None
        log = self._threads.submit(_keep, process.stdout, Path(order.log), self._order.log_bytes)
        service = Running(order, process, told if self._order.contained else -1, log)
        self._running.append(service)
        return service

    def _readiness(self, service: Running) -> str:
        """Wait until a service is ready; why it never was, or nothing."""
        order = service.order
        until, pause = MACHINE.monotonic() + order.seconds, _FIRST_LOOK_S
        while True:
            said = service.ended()
            if said:
                return f"{said} before it was ready"
            missing = self._missing(order, min(_ANSWER_S, until - MACHINE.monotonic()))
            if not missing:
                return ""
            if MACHINE.monotonic() > until:
                return f"was not ready within {order.seconds:g} s: {missing}"
            MACHINE.sleep(pause)
            pause = min(2 * pause, _LATER_LOOK_S)

    def _missing(self, order: ServiceOrder, seconds: float) -> str:
        """What a service lacks to be ready, also when it never comes to the end of its answer."""
        found: list[str] = []
        MACHINE.settle([self._threads.submit(lambda: found.append(_missing(order)))], max(_LEAST_S, seconds))
        return found[0] if found else "it does not come to the end of an answer"

    def _tried(self) -> int:
        """Let the tester try what is ready now, as long as it stays so."""
        program = self._order.tester
        tester = MACHINE.start(
            program.argv, cwd=program.folder, env=program.env, pass_fds=self._order.passed, start_new_session=True
        )
        try:
            with _ends(tester, *(each.process for each in self._running)) as selector:
                while not MACHINE.ready(selector, _LOOKED_AGAIN_S):
                    pass
            code = tester.poll()
            if code is None:
                gone = next((each for each in self._running if each.process.poll() is not None), None)
                return self._failed(gone.order, f"{gone.ended()} while it was tried") if gone else tester.wait()
            return _SIGNALLED - code if code < 0 else code
        finally:
            _kill(tester)

    def _is_gone_and_taken(self, order: ServiceOrder) -> bool:
        """Whether a service that was started has ended, and its port is another program's."""
        gone = [each for each in self._running if each.order is order and each.process.poll() is not None]
        for each in gone:
            each.kill()  # with what it has left in its group
        return bool(gone) and _is_taken(order.port)

    def _failed(self, service: ServiceOrder, reason: str, *, taken: bool = False) -> int:
        ending = Ending(service=service.name, reason=reason, taken=taken)
        Path(self._order.ending).write_text(ending.model_dump_json())
        return _SERVICE_FAILED


@contextmanager
def _ends(*processes: "subprocess.Popen[bytes]") -> Iterator[selectors.BaseSelector]:
    """A selector that is ready when one of some processes has ended."""
    numbers = [os.pidfd_open(process.pid) for process in processes]
    with selectors.DefaultSelector() as selector:
        for number in numbers:
            selector.register(number, selectors.EVENT_READ)
        yield selector
    for number in numbers:
        os.close(number)


def _is_taken(port: int) -> bool:
    """Whether a program listens on a port."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def _missing(order: ServiceOrder) -> str:
    """What a service lacks to be ready; nothing when it is."""
    try:
        if order.http is not None:
            return _http(order.port, order.http)
        if order.run is not None:
            return _command(order.run)
        socket.create_connection((LOOPBACK, order.port)).close()
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    except subprocess.TimeoutExpired:
        return f"its command took longer than {_ANSWER_S:g} s"
    return ""


def _http(port: int, path: str) -> str:
    connection = http.client.HTTPConnection(LOOPBACK, port)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    finally:
        connection.close()
    return "" if status < http.client.BAD_REQUEST else f"{path} answers with status {status}"


def _command(program: Program) -> str:
    told, tells = os.pipe()
    try:
        done = MACHINE.run(
            _telling(program.argv, tells), _ANSWER_S, cwd=program.folder, env=program.env, pass_fds=(tells,)
        )
    finally:
        os.close(told)
        os.close(tells)
    return f"its command ended with exit status {done.returncode}" if done.returncode else ""


def _telling(argv: Argv, tells: int) -> Argv:
    """The argv of a sandbox that tells on a file descriptor; as it is where there is none."""
    if STATUS_FD not in argv:
        return argv
    place = argv.index(STATUS_FD)  # the first: behind it may be anything
    return (*argv[:place], str(tells), *argv[place + 1 :])


def _keep(stream: IO[bytes], path: Path, most: int) -> None:
    """Read all that a service prints, and keep its beginning."""
    with stream, path.open("wb", buffering=0) as log:
        while data := os.read(stream.fileno(), _CHUNK):
            if most > 0:
                log.write(data[:most])
                most -= len(data)
                log.write(_NOT_READ if most <= 0 else b"")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all of its group; a sandbox takes everything along."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def main() -> None:
    """Carry out the order of a file."""
    socket.setdefaulttimeout(_ANSWER_S)
    code = Inside(Order.model_validate_json(Path(sys.argv[1]).read_bytes())).run()
    os._exit(code)  # whatever a reader of a log still waits for


if __name__ == "__main__":
    main()
