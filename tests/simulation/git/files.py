"""Files as git reads, writes and replaces them; paths are texts."""

import os
from collections.abc import Callable, Mapping
from functools import cache

from tests.simulation.git.steps import Failure, Steps

_CHUNK = 1 << 20
_LOOKS = 8  # at a lock that somebody holds: a clock may stand still
_RUNNING = """

Another git process seems to be running in this repository, e.g.
an editor opened by 'git commit'. Please make sure all processes
are terminated then try again. If it still fails, a git process
may have crashed in this repository earlier:
remove the file manually to continue."""


def read(path: str) -> bytes | None:
    """What a file holds; None when there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = part = os.read(descriptor, _CHUNK)
        while len(part) == _CHUNK:
            part = os.read(descriptor, _CHUNK)
            data += part
    except IsADirectoryError:
        return None
    finally:
        os.close(descriptor)
    return data


def write(path: str, data: bytes, *, flags: int = os.O_TRUNC, mode: int = 0o666, sync: bool = False) -> None:
    """Write a file in place; `flags` may be O_EXCL or O_APPEND."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, mode)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kind(path: str) -> os.stat_result | None:
    """What lies there, links not followed; None when nothing does."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def exists(path: str) -> bool:
    """Whether anything lies there."""
    return kind(path) is not None


def remove(path: str) -> bool:
    """Remove a file; whether there was one."""
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def make_folders(path: str) -> None:
    """Make the folder a file shall lie in, and those above."""
    os.makedirs(path.rpartition("/")[0], exist_ok=True)


def remove_empty(folder: str, upto: str) -> None:
    """Remove a folder and those above it as long as they are empty, but not `upto`."""
    while len(folder) > len(upto):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = folder.rpartition("/")[0]


class Lock:
    """A file's lock: `X.lock`, written and then renamed to `X`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.place = f"{path}.lock"
        self.held = False

    def take(self, said: str = "") -> None:
        """Create it. Raises Failure as git's `die` does; `said` comes before the reason."""
        try:
            write(self.place, b"", flags=os.O_EXCL)
        except FileExistsError:
            raise Failure(f"fatal: {said}{self.taken()}\n") from None
        except FileNotFoundError:
            raise Failure(f"fatal: {said}Unable to create '{self.place}': No such file or directory\n") from None
        self.held = True

    def take_in_time(self, clock: Callable[[], float], patience: float) -> Steps[bool]:
        """Create it, trying again for so many seconds, and at most some times; whether that could be done."""
        until = clock() + patience
        for _ in range(_LOOKS):
            try:
                self.take()
            except Failure:
                if clock() > until:
                    break
                yield f"{self.place} is waited for"
            else:
                return True
        return False

    def taken(self) -> str:
        """What git says when somebody else holds it."""
        return f"Unable to create '{self.place}': File exists.{_RUNNING}"

    def write(self, data: bytes, *, sync: bool = False) -> None:
        """Write what the file shall hold."""
        write(self.place, data, sync=sync)

    def commit(self) -> None:
        """Put it in the file's place."""
        os.rename(self.place, self.path)
        self.held = False

    def release(self) -> None:
        """Let it go, if it is held."""
        if self.held:
            self.held = False
            remove(self.place)


def replace(path: str, data: bytes) -> Steps[None]:
    """Replace a file by way of its lock."""
    lock = Lock(path)
    lock.take()
    yield f"{lock.place} was taken"
    lock.write(data)
    yield f"{lock.place} was written"
    lock.commit()
    yield f"{path} was replaced"


def put(path: str, data: bytes) -> Steps[None]:
    """Write a file in place, as git does with what it only tells people."""
    write(path, data)
    yield f"{path} was written"


def away(path: str) -> Steps[None]:
    """Remove a file, if it is there."""
    if remove(path):
        yield f"{path} was removed"


def settings(env: Mapping[str, str]) -> list[tuple[str, str]]:
    """The configuration that the environment brings (GIT_CONFIG_COUNT)."""
    count = int(env.get("GIT_CONFIG_COUNT") or 0)
    return [(env[key], env[value]) for key, value in _numbered(count)]


@cache
def _numbered(count: int) -> list[tuple[str, str]]:
    return [(f"GIT_CONFIG_KEY_{number}", f"GIT_CONFIG_VALUE_{number}") for number in range(count)]


def remove_empty_below(path: str) -> None:
    """Remove a folder in which there are but folders; nothing where there is anything else."""
    if os.path.isdir(path):
        for folder, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                return
