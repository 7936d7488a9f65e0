"""One life on two disks: chains of file operations, and what is seen of each, to compare a disk with the machine's."""

# What is compared are the functions of os themselves.
# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH105, PTH106, PTH108, PTH110, PTH115, PTH116, PTH118, PTH121, PTH123
# ruff: noqa: PTH208, PTH211

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Seen = object
_DEEP = 30  # so deep that no link and no `..` of a chain leads out


@dataclass(frozen=True)
class Step:
    """One operation: what is done, on what paths below the root, with which numbers and text."""

    what: str
    path: str
    other: str
    number: int
    data: bytes
    slot: int


FLAGS = [
    os.O_RDONLY,
    os.O_RDONLY | os.O_DIRECTORY,
    os.O_RDONLY | os.O_NOFOLLOW,
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK,
    os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY,
    os.O_RDONLY | os.O_CREAT,
    os.O_WRONLY,
    os.O_WRONLY | os.O_CREAT,
    os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    os.O_RDWR | os.O_CREAT,
    os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW,
    os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW,
    os.O_RDWR | os.O_TRUNC,
    os.O_RDWR | os.O_APPEND,
]
_MODES = ["r", "w", "a", "x", "r+", "w+", "a+", "rb", "wb", "ab", "r+b"]
_PATTERNS = ["*", "**/*", "*/b", "a/*", "**/b", "?", "[ab]/**", "a*"]


class Side:
    """One of the two disks: a folder on it, and the descriptors that are open there."""

    def __init__(self, outer: Path, deep: int = _DEEP) -> None:
        self.outer = outer
        self.root = outer.joinpath(*["o"] * deep)
        self.root.mkdir(parents=True)
        self._open: dict[int, int] = {}

    def do(self, step: Step) -> Seen:
        """Do it, and say what was seen: a result or an error, as far as both disks must agree."""
        try:
            return DEEDS[step.what](self, step)
        except shutil.Error as error:
            return ("Error", self.plain(str(error)))
        except OSError as error:
            return (error.errno, type(error).__name__)
        except (ValueError, NotImplementedError, RuntimeError) as error:
            return type(error).__name__

    def all(self) -> Seen:
        """Everything that lies there: kind, mode, size, names of one file, content."""
        first: dict[int, str] = {}
        found: list[tuple[object, ...]] = []
        for folder, folders, files in os.walk(self.outer):
            folders.sort()
            for name in sorted([*folders, *files]):
                path = os.path.join(folder, name)
                seen = os.lstat(path)
                same = first.setdefault(seen.st_ino, path)
                content = self.plain(os.readlink(path)) if stat.S_ISLNK(seen.st_mode) else b""
                content = Path(path).read_bytes() if stat.S_ISREG(seen.st_mode) else content
                found.append((self.plain(path), self.plain(same), oct(seen.st_mode), *shown(seen), content))
        return sorted(found, key=lambda each: str(each[0]))

    def close(self) -> None:
        """Let go what is still open."""
        for fd in self._open.values():
            os.close(fd)

    def at(self, path: str) -> str:
        """The whole path: nothing is tidied up."""
        return f"{self.root}/{path}"

    def fd(self, step: Step) -> int:
        """The descriptor of a step; a number that is none when nothing is open there."""
        return self._open.get(step.slot, -1)

    def plain(self, text: str) -> str:
        """A path without where this disk lies."""
        return text.replace(str(self.outer), "<outer>")

    def keep(self, step: Step, fd: int) -> None:
        """Let a descriptor stay open, in place of the one before."""
        self.drop(step)
        self._open[step.slot] = fd

    def drop(self, step: Step) -> None:
        """Close the descriptor of a step."""
        if step.slot in self._open:
            os.close(self._open.pop(step.slot))


def shown(seen: os.stat_result) -> tuple[int, ...]:
    """What of a stat must be the same: kind, and for all but folders size and number of names."""
    kind = stat.S_IFMT(seen.st_mode)
    if kind == stat.S_IFDIR:
        return (kind,)
    return (kind, seen.st_nlink, seen.st_size) if kind == stat.S_IFREG else (kind, seen.st_nlink)


def below(step: Step) -> str:
    """The path of a step, from a folder that is open: it never leads to the machine's root."""
    return step.path.lstrip("/")


def _open(side: Side, step: Step) -> Seen:
    side.keep(step, os.open(side.at(step.path), FLAGS[step.number % len(FLAGS)], 0o640))
    return shown(os.fstat(side.fd(step)))


def _open_below(side: Side, step: Step) -> Seen:
    flags = FLAGS[step.number % len(FLAGS)]
    fd = os.open(below(step), flags, dir_fd=side.fd(step))
    os.close(fd)
    return "opened"


def _scan(side: Side, step: Step) -> Seen:
    with os.scandir(side.at(step.path)) as entries:
        return sorted(
            (
                *(each.name, each.is_dir(), each.is_file(), each.is_symlink(), each.is_dir(follow_symlinks=False)),
                *shown(each.stat(follow_symlinks=False)),
                side.plain(each.path),
            )
            for each in entries
        )


def _stream(side: Side, step: Step) -> Seen:
    mode = _MODES[step.number % len(_MODES)]
    seen: list[object] = []
    with open(side.at(step.path), mode, buffering=-1 if step.slot else 4096) as stream:
        seen.append(stream.tell() if "a" not in mode else "at the end")
        if stream.writable():
            seen.append(stream.write(step.data if "b" in mode else step.data.decode("latin-1")))
            stream.flush()
            seen.append(os.fstat(stream.fileno()).st_size)
        if stream.readable():
            seen.append(stream.seek(0))
            seen.append(stream.readlines() if step.slot % 2 else stream.read())
        seen.append((stream.mode, stream.seekable(), stream.isatty()))
    return seen


def _copy_tree(path: str, other: str) -> Seen:
    if f"{os.path.realpath(other)}/".startswith(f"{os.path.realpath(path)}/"):
        return "would never end"
    return shutil.copytree(path, other, symlinks=True)


def _seek(fd: int, step: Step) -> Seen:
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        return "every file system has its own way"
    return os.lseek(fd, step.number - 5, step.number % 3)


def _link(side: Side, step: Step) -> Seen:
    target = [step.other.lstrip("/"), "/nowhere/at/all", f"../{step.other}", side.at(step.other), "..", "."][
        step.number % 6
    ]
    os.symlink(target, side.at(step.path))
    return None


def _tree(side: Side, step: Step) -> Seen:
    walked = os.walk(side.at(step.path), topdown=bool(step.slot), followlinks=False)
    return sorted((side.plain(folder), sorted(folders), sorted(files)) for folder, folders, files in walked)


def _globbed(side: Side, step: Step) -> Seen:
    pattern = _PATTERNS[step.number % len(_PATTERNS)]
    folder = Path(side.at(step.path))
    return sorted(side.plain(str(each)) for each in (folder.rglob if step.slot else folder.glob)(pattern))


def _utime(side: Side, step: Step) -> Seen:
    follow = bool(step.slot)
    os.utime(side.at(step.path), ns=(step.number * 10**9 + 1, step.number * 10**9 + 7), follow_symlinks=follow)
    seen = os.stat(side.at(step.path), follow_symlinks=follow)
    return seen.st_mtime_ns, int(seen.st_mtime)


def _changed(side: Side, step: Step) -> Seen:
    """Which of the times a write moves."""
    before = os.stat(side.at(step.path))
    Path(side.at(step.path)).write_bytes(step.data + b".")
    after = os.stat(side.at(step.path))
    return before.st_ino == after.st_ino, before.st_mtime_ns <= after.st_mtime_ns


def _onto_itself(path: str, other: str) -> Seen:
    """A rename of a file onto another of its own names."""
    Path(path).touch()
    os.link(path, other)
    os.rename(path, other)
    return shown(os.stat(path)), shown(os.stat(other))


def _appended(side: Side, step: Step) -> Seen:
    """Two who append to one file, by turns."""
    with open(side.at(step.path), "ab", buffering=0) as one, open(side.at(step.path), "ab", buffering=0) as two:
        seen = [one.write(step.data), two.write(b"two"), one.write(b"one"), one.tell()]
    return seen, Path(side.at(step.path)).read_bytes()


def _resolved(side: Side, step: Step) -> Seen:
    return side.plain(str(Path(side.at(step.path)).resolve(strict=bool(step.slot))))


def _on(function: Callable[[str], Seen]) -> Callable[[Side, Step], Seen]:
    return lambda side, step: function(side.at(step.path))


def _both(function: Callable[[str, str], Seen]) -> Callable[[Side, Step], Seen]:
    def done(side: Side, step: Step) -> Seen:
        seen = function(side.at(step.path), side.at(step.other))
        return side.plain(str(seen))

    return done


def _with_fd(function: Callable[[int, Step], Seen]) -> Callable[[Side, Step], Seen]:
    return lambda side, step: function(side.fd(step), step)


# What is done, by its name.
DEEDS: dict[str, Callable[[Side, Step], Seen]] = {
    "open": _open,
    "open below": _open_below,
    "close": lambda side, step: side.drop(step),
    "read": _with_fd(lambda fd, step: os.read(fd, step.number)),
    "write": _with_fd(lambda fd, step: os.write(fd, step.data)),
    "pread": _with_fd(lambda fd, step: os.pread(fd, step.number, 2)),
    "pwrite": _with_fd(lambda fd, step: os.pwrite(fd, step.data, step.number)),
    "seek": _with_fd(_seek),
    "ftruncate": _with_fd(lambda fd, step: os.ftruncate(fd, step.number)),
    "fstat": _with_fd(lambda fd, _: shown(os.fstat(fd))),
    "fsync": _with_fd(lambda fd, _: os.fsync(fd)),
    "list fd": _with_fd(lambda fd, _: sorted(os.listdir(fd)) if fd >= 0 else None),
    "stat below": _with_fd(lambda fd, step: shown(os.stat(below(step), dir_fd=fd, follow_symlinks=False))),
    "unlink below": _with_fd(lambda fd, step: os.unlink(below(step), dir_fd=fd)),
    "mkdir below": _with_fd(lambda fd, step: os.mkdir(below(step), dir_fd=fd)),
    "mkdir": _on(lambda path: os.mkdir(path)),
    "rmdir": _on(lambda path: os.rmdir(path)),
    "unlink": _on(lambda path: os.unlink(path)),
    "stat": _on(lambda path: shown(os.stat(path))),
    "lstat": _on(lambda path: shown(os.lstat(path))),
    "exists": _on(lambda path: (os.path.exists(path), os.path.lexists(path), Path(path).is_file())),
    "list": _on(lambda path: sorted(os.listdir(path))),
    "list in bytes": _on(lambda path: sorted(os.listdir(os.fsencode(path)))),
    "read whole": _on(lambda path: Path(path).read_bytes()),
    "touch": _on(lambda path: Path(path).touch()),
    "make folders": _on(lambda path: os.makedirs(path, exist_ok=True)),
    "remove tree": _on(shutil.rmtree),
    "readlink": lambda side, step: side.plain(os.readlink(side.at(step.path))),
    "truncate": lambda side, step: os.truncate(side.at(step.path), step.number),
    "chmod": lambda side, step: os.chmod(side.at(step.path), 0o600 | step.number % 64),
    "write whole": lambda side, step: Path(side.at(step.path)).write_bytes(step.data),
    "hard link": _both(lambda path, other: os.link(path, other, follow_symlinks=False)),
    "rename": _both(lambda path, other: os.rename(path, other)),
    "replace": _both(lambda path, other: os.replace(path, other)),
    "copy": _both(lambda path, other: shutil.copy2(path, other, follow_symlinks=False)),
    "copy tree": _both(_copy_tree),
    "move": _both(shutil.move),
    "same": _both(lambda path, other: os.path.samefile(path, other)),
    "onto itself": _both(_onto_itself),
    "append": _appended,
    "symlink": _link,
    "scan": _scan,
    "stream": _stream,
    "walk": _tree,
    "glob": _globbed,
    "utime": _utime,
    "times": _changed,
    "resolve": _resolved,
}
