"""Git's processes: started with a scrubbed environment, and never running what a repository plants."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from factory.model.errors import FactoryError, MachineError, UnusableError
from factory.store.system import System

PROGRAM = shutil.which("git") or "git"
_CHUNK = 1 << 18

# A repository's own configuration can name programs that git runs while it only looks.
_HARDENED = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.fsync", "committed,reference"),
    ("core.quotePath", "false"),
    ("gc.autoDetach", "false"),
    ("maintenance.autoDetach", "false"),
    ("advice.detachedHead", "false"),
    ("log.mailmap", "false"),
    ("log.showSignature", "false"),
    ("color.ui", "false"),
    ("commit.gpgSign", "false"),
    ("diff.external", ""),
    ("submodule.recurse", "false"),
    ("checkout.workers", "1"),
)
_NUMBERED = {f"GIT_CONFIG_{w}_{n}": each[w == "VALUE"] for n, each in enumerate(_HARDENED) for w in ("KEY", "VALUE")}

# What git says when it is the machine that fails, in the words of the C library.
_OF_MACHINE = (
    "No space left on device",
    "Disk quota exceeded",
    "Input/output error",
    "Too many open files",
    "Cannot allocate memory",
    "Out of memory",
)

_LAST_OF_GIT = 129  # above it, whoever ran git says by which signal it was killed


class GitError(MachineError):
    """A git process failed."""

    def __init__(self, arguments: Sequence[str], status: int, stderr: str) -> None:
        said = stderr.strip().splitlines()
        super().__init__(f"git {' '.join(arguments[:3])} failed with exit status {status}: {said[-1] if said else ''}")
        self.status = status
        self.stderr = stderr
        self.said = said[-1] if said else f"exit status {status}"

    @property
    def of_machine(self) -> bool:
        """Whether it was not about what git was asked: it was killed, or the machine had nothing left to give."""
        return self.status < 0 or self.status > _LAST_OF_GIT or any(sign in self.stderr for sign in _OF_MACHINE)


def environment(extra: Mapping[str, str] | None = None, settings: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """The environment every git process gets: the user's, less every GIT_ variable, hardened."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env |= _NUMBERED
    env["GIT_CONFIG_COUNT"] = str(len(_HARDENED) + len(settings))
    for number, (key, value) in enumerate(settings, len(_HARDENED)):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    env["GIT_TERMINAL_PROMPT"] = "0"
    env["GIT_NO_REPLACE_OBJECTS"] = "1"  # what a commit says is what was committed
    env["GIT_GRAFT_FILE"] = os.devnull
    env["LC_ALL"] = "C.UTF-8"
    env.update(extra or {})
    return env


class Guard(Protocol):
    """Puts an argv under guard: what it runs changes nothing but these places, and reaches nobody."""

    def __call__(self, argv: Sequence[str], *places: Path) -> Sequence[str]:
        """The argv to run in its place."""


class Git:
    """Runs git in one folder, with variables besides those of every git process where they are given."""

    def __init__(self, folder: Path, system: System, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.system = system
        self.env = dict(env or {})

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        allowed: Sequence[int] = (0,),
        patience: float | None = None,
    ) -> bytes:
        """What git prints. Raises GitError when its exit status is not allowed, or it takes longer than `patience`."""
        return self.call(*arguments, stdin=stdin, env=env, allowed=allowed, patience=patience).stdout

    def call(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        allowed: Sequence[int] = (0,),
        patience: float | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """What git prints, with its exit status. Raises GitError when it is not allowed. `patience` is in seconds."""
        try:
            done = self.ended((PROGRAM, *arguments), environment({**self.env, **(env or {})}), stdin, patience)
            return _allowed(done, arguments, allowed)
        except GitError as error:
            raise self._explained(error) from None

    def _explained(self, error: GitError) -> FactoryError:
        return error

    def stream(self, *arguments: str, stdin: bytes = b"") -> Iterator[bytes]:
        """What git prints, piece by piece between NULs, as it prints it. Raises GitError when it fails."""
        with tempfile.TemporaryFile() as asked:  # a pipe could be full while git waits to be read
            asked.write(stdin)
            asked.seek(0)
            yield from self._stream(arguments, asked)

    def _stream(self, arguments: Sequence[str], stdin: IO[bytes]) -> Iterator[bytes]:
        with self.system.start(
            (PROGRAM, *arguments),
            cwd=self.folder,
            env=environment(self.env),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            rest = b""
            while chunk := process.stdout.read(_CHUNK):
                *whole, rest = (rest + chunk).split(b"\0")
                yield from whole
            if rest:
                yield rest
            said = process.stderr.read()
        if process.returncode:
            raise GitError(arguments, process.returncode, said.decode(errors="replace"))

    def ended(
        self, argv: Sequence[str], env: Mapping[str, str], stdin: bytes, patience: float | None
    ) -> "subprocess.CompletedProcess[bytes]":
        """A process that has ended; with it ends whatever it started."""
        pipe = subprocess.PIPE
        try:
            # In a session of its own: ^C is for us to handle, not for a git half way through.
            process = self.system.start(
                argv, cwd=self.folder, env=env, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except FileNotFoundError:
            if shutil.which(argv[0]):
                raise  # it is the folder that is gone
            raise UnusableError("git is not installed", "apt-get install git") from None
        with process:
            try:
                stdout, stderr = self.system.answer(process, stdin, patience)
            except subprocess.TimeoutExpired:
                raise GitError(argv[1:], 1, f"it was stopped after {patience:g} s") from None
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)

    def text(self, *arguments: str, allowed: Sequence[int] = (0,)) -> str:
        """What git prints, as text without the last line end."""
        return self.run(*arguments, allowed=allowed).decode("utf-8", "surrogateescape").rstrip("\n")


class GuardedGit:
    """Runs git on files that a worker may have left: under guard, with settings of ours."""

    def __init__(self, git: Git, settings: Sequence[tuple[str, str]], guard: Guard, *places: Path) -> None:
        self._git = git
        self._env = environment(git.env, settings)
        self._guard = guard
        self._places = places

    def run(self, *arguments: str, patience: float) -> None:
        """Run git. Raises GitError when it fails or takes longer than `patience`, in seconds."""
        self._run((PROGRAM, *arguments), arguments, b"", patience)

    def script(self, text: str, *arguments: str, stdin: bytes, patience: float) -> bytes:
        """What a shell script prints to which git is `$0`. Raises GitError in the same way."""
        return self._run(("sh", "-c", text, PROGRAM, *arguments), ("of a script",), stdin, patience)

    def _run(self, argv: Sequence[str], told: Sequence[str], stdin: bytes, patience: float) -> bytes:
        done = self._git.ended(self._guard(argv, *self._places), self._env, stdin, patience)
        return _allowed(done, told, (0,)).stdout


def _allowed(
    done: subprocess.CompletedProcess[bytes], arguments: Sequence[str], allowed: Sequence[int]
) -> subprocess.CompletedProcess[bytes]:
    if done.returncode not in allowed:
        raise GitError(arguments, done.returncode, done.stderr.decode(errors="replace"))
    return done


class Conversation:
    """A git process that lasts and answers one request after another."""

    def __init__(self, git: Git, *arguments: str) -> None:
        self._git = git
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Have the process there before it is asked."""
        self._talk()

    def _talk(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = self._git.system.start(
                (PROGRAM, *self._arguments),
                cwd=self._git.folder,
                env=environment(self._git.env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # ^C is for us; the process ends when its input does
            )
        return self._process

    def send(self, request: bytes, *, goes_on: bool = False) -> None:
        """Ask; a process that has ended is begun anew, unless this goes on with what it was told. Raises GitError."""
        process = self._answering() if goes_on else self._talk()
        assert process.stdin is not None
        try:
            process.stdin.write(request)
            process.stdin.flush()
        except BrokenPipeError:
            self.fail()

    def _answering(self) -> subprocess.Popen[bytes]:
        """The process that was asked. Another one in its place would know nothing, and be waited for for ever."""
        if self._process is None:
            raise GitError(self._arguments, 1, "it has ended")
        return self._process

    def read_line(self) -> bytes:
        """One line of the answer. Raises GitError when the process ends instead."""
        process = self._answering()
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            self.fail()
        return line.rstrip(b"\n")

    def read(self, size: int) -> bytes:
        """Exactly so many bytes of the answer."""
        process = self._answering()
        assert process.stdout is not None
        data = process.stdout.read(size)
        if len(data) < size:
            self.fail()
        return data

    def fail(self) -> None:
        """Take leave of a process that has died, and say what it said. Always raises GitError."""
        process, self._process = self._answering(), None
        _, stderr = process.communicate()
        raise GitError(self._arguments, process.returncode, stderr.decode(errors="replace"))

    def __enter__(self) -> None:
        """Begin one request with its answer."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """When it breaks off, the process goes: its next answer would be an old one."""
        if kind is not None:
            self._drop()

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
                with suppress(OSError):  # what was not sent cannot be sent any more
                    stream.close()

    def close(self) -> None:
        """Let the process end."""
        if self._process is not None:
            process, self._process = self._process, None
            process.communicate()
