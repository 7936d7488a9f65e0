"""Logs: what of them is committed, and where the whole of a long one lies, outside git."""

import contextlib
from pathlib import Path

from factory.model.base import digest
from factory.model.text import printable
from factory.store import files
from factory.store.state import LOGS

KEPT_BYTES = 256 * 1024  # of one log are committed
_FOLDER_BYTES = 500_000_000  # of whole logs are kept on this machine; the oldest go first
_TAIL_BYTES = 4000  # of a log, in which its last line is looked for
_LONGEST_LINE = 200  # characters


def cut(log: bytes) -> bytes:
    """A log short enough to be committed: its beginning and its end, and the digest of the whole."""
    if len(log) <= KEPT_BYTES:
        return log
    half = KEPT_BYTES // 2
    whole = digest(log)
    where = f".git/factory/logs/{_name(whole)}"
    note = f"\n[{len(log) - 2 * half} bytes cut here; the whole is {whole}, on the machine it was made on in {where}]\n"
    return log[:half] + note.encode() + log[-half:]


def keep(state: Path, log: bytes) -> None:
    """Keep the whole of a log that is too long to be committed."""
    if len(log) <= KEPT_BYTES:
        return
    folder = state / LOGS
    files.write(folder / _name(digest(log)), log)
    room = _FOLDER_BYTES
    for path, size in sorted(_sizes(folder), key=lambda pair: pair[0].stat().st_mtime, reverse=True):
        room -= size
        if room < 0:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def last_said(log: bytes) -> str:
    """`: ` and the last line with anything on it, to stand behind how a command ended; empty when there is none."""
    lines = log[-_TAIL_BYTES:].decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {printable(last[:_LONGEST_LINE])}" if last else ""


def _sizes(folder: Path) -> list[tuple[Path, int]]:
    return [(path, path.stat().st_size) for path in folder.glob("*.log")]


def _name(whole: str) -> str:
    return whole.removeprefix("sha256:") + ".log"
