"""The helper: a program of our own that lasts, answers a line of JSON with another, and is ended if that takes long."""

import json
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from pydantic import JsonValue

from factory.model.errors import MachineError
from factory.store.system import MACHINE


class Helper:
    """Does in a process of its own what hostile text can make last for ever."""

    def __init__(self, module: str, seconds: float) -> None:
        self._module = module
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process, so that it has loaded by the time it is asked something. Raises MachineError."""
        with self._lock:
            self._running()

    def ask(self, question: JsonValue) -> JsonValue:
        """The answer; None when there was none in time. Raises MachineError when the process cannot be started."""
        line = json.dumps(question).encode() + b"\n"
        with self._lock:
            process = self._running()
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(line)
                process.stdin.flush()
                answer = process.stdout.readline()
            except BrokenPipeError:
                answer = b""
            if not answer.endswith(b"\n"):
                self._drop()
                return None
        found: JsonValue = json.loads(answer)
        return found

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._drop()
            try:
                self._process = MACHINE.start(
                    (sys.executable, "-I", "-m", self._module, str(self._seconds)),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # ^C is for us; it ends when its input does
                )
            except OSError as error:
                raise MachineError(f"the helper {self._module} could not be started: {error}") from None
        return self._process

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._drop()


def serve(answer: Callable[[JsonValue], JsonValue], memory: int | None = None) -> None:
    """Be the helper: answer until the input ends, with no more than so many bytes of memory.

    An answer may take as many seconds of this process's time as its argument says. The kernel counts them, and ends
    it whatever it is in the middle of, also when nobody is there any more who would.
    """
    seconds = float(sys.argv[1])
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for asked in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        told = json.dumps(answer(json.loads(asked)))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(told + "\n")
        sys.stdout.flush()
