"""The system: clock, waiting, randomness, threads and starts of processes; no module has them from elsewhere."""

import random
import secrets
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, TypedDict, Unpack

_BOOT = Path("/proc/sys/kernel/random/boot_id")  # random(4)


class ProcessOptions(TypedDict, total=False):
    """What may be said of a process besides its argv, as subprocess.Popen takes it."""

    cwd: str | Path
    env: Mapping[str, str]
    stdin: int | IO[bytes]
    stdout: int | IO[bytes]
    stderr: int | IO[bytes]
    start_new_session: bool
    pass_fds: Sequence[int]


class System:
    """This machine's. Somebody who owns an orchestrator may give it another one, say with a clock that stands still."""

    def boot(self) -> str:
        """What tells this start of the machine from an earlier one; empty where the system does not say."""
        try:
            return _BOOT.read_text().strip()
        except OSError:
            return ""

    def now(self) -> datetime:
        """The present time, in UTC: for what is written down."""
        return datetime.now(UTC)

    def time(self) -> float:
        """Seconds since 1970: to be compared with the times of files."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment, never set back: to measure and to wait by."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Do nothing for so long."""
        time.sleep(seconds)

    def wait(self, calls: "SimpleQueue[None]", seconds: float | None) -> bool:
        """Wait until there is something in a queue, and take it out; False when there was nothing in time."""
        try:
            calls.get(timeout=seconds)
        except Empty:
            return False
        return True

    def pause(self, until: threading.Event, seconds: float) -> bool:
        """Wait so long, or until something happens; whether it has."""
        return until.wait(seconds)

    def token(self, size: int) -> str:
        """A name that nobody can guess and nothing else has: two digits for each of `size` random bytes."""
        return secrets.token_hex(size)

    def chance(self) -> float:
        """A random number from 0 to below 1, to spread what would happen at once."""
        return random.random()

    def threads(self, most: int, name: str) -> ThreadPoolExecutor:
        """A pool of so many threads at most, with names that begin so."""
        return ThreadPoolExecutor(max_workers=most, thread_name_prefix=name)

    def start(self, argv: Sequence[str | Path], **options: Unpack[ProcessOptions]) -> "subprocess.Popen[bytes]":
        """Start a process. Raises OSError, or ValueError for what no process can be given."""
        return subprocess.Popen(argv, **options)

    def run(
        self, argv: Sequence[str | Path], patience: float | None = None, **options: Unpack[ProcessOptions]
    ) -> "subprocess.CompletedProcess[bytes]":
        """Start a process without input and wait for its end, `patience` seconds at most. Raises TimeoutExpired."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        with self.start(argv, **options) as process:
            try:
                stdout, stderr = process.communicate(timeout=patience)
            finally:
                if process.returncode is None:
                    process.kill()
        return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)


MACHINE = System()  # for what works on this machine's own files and processes, whoever owns the orchestrator
