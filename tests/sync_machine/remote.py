"""The bare remote: what it has, what ails it, and what must hold of all that was ever pushed there."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from factory.model.journal_lines import read
from factory.model.lifecycle import Event, Lane, check_move

_UNSET = "unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES"
_ITEM = re.compile(r"queue/(inbox|active|review|rework|blocked|done)/(?:[\d-]+/)?([^/]+?)\.yaml")
_JOURNAL = re.compile(r"artifacts/(?:done/[\d-]+/)?([^/]+)/journal\.jsonl")
_TOKEN = re.compile(r"title: (\w+)")


class Item(NamedTuple):
    """An item's file in a commit."""

    id: str
    lane: str
    text: str

    @property
    def token(self) -> str:
        """What tells it from every other, whatever it is called."""
        found = _TOKEN.search(self.text)
        assert found, self.text
        return found[1]


def _git(folder: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, input=given, capture_output=True, text=True, check=True)
    return done.stdout


def _blobs(folder: Path, names: list[str]) -> list[str]:
    """What blobs hold, which end with a line break each."""
    out, found = _git(folder, "cat-file", "--batch", given="".join(f"{name}\n" for name in names)), []
    for _ in names:
        head, _, out = out.partition("\n")
        size = int(head.split()[2])
        found.append(out[:size])
        out = out[size + 1 :]
    return found


def _listed(folder: Path, rev: str) -> list[tuple[str, str]]:
    """(path, blob) of all in queue and artifacts."""
    lines = _git(folder, "ls-tree", "-r", rev, "--", "queue", "artifacts").splitlines()
    return [(line.partition("\t")[2], line.split()[2]) for line in lines]


def items_in(folder: Path, rev: str) -> list[Item]:
    """Every item's file in a commit."""
    found = [
        (match, blob)
        for path, blob in _listed(folder, rev)
        if (match := _ITEM.fullmatch(path)) and not match[2].endswith((".verdict", ".answers"))
    ]
    texts = _blobs(folder, [blob for _, blob in found])
    return [Item(match[2], match[1], text) for (match, _), text in zip(found, texts, strict=True)]


@dataclass
class Bare:
    """A bare repository that notes every tip it ever had."""

    place: Path

    def __post_init__(self) -> None:
        self._git("config", "core.logAllRefUpdates", "always")
        self._git("config", "gc.auto", "0")
        self._seen = self.tip()
        self._lines = 0
        self._ids: set[str] = set()
        self._journals: dict[str, str] = {}  # an item's as it was last seen
        self._blobs: dict[str, str] = {}
        self.pushes = 0

    @property
    def _elsewhere(self) -> Path:
        return self.place.with_suffix(".away")

    @property
    def away(self) -> bool:
        return not self.place.exists()

    def _git(self, *arguments: str) -> str:
        return _git(self._elsewhere if self.away else self.place, *arguments)

    def tip(self) -> str:
        return self._git("rev-parse", "refs/heads/main").strip()

    def items(self) -> list[Item]:
        return items_in(self._elsewhere if self.away else self.place, "main")

    # What ails it

    def go(self) -> None:
        if not self.away:
            self.place.rename(self._elsewhere)

    def come_back(self) -> None:
        if self.away:
            self._elsewhere.rename(self.place)

    def hook(self, name: str, script: str) -> None:
        """Let something happen once, at the next push."""
        if not self.away:
            place = self.place / "hooks" / name
            place.write_text(f"#!/bin/sh\n{_UNSET}\nrm {place}\n{script}\n")
            place.chmod(0o755)

    def ails(self) -> bool:
        """Whether a push may fail."""
        return self.away or any((self.place / "hooks").glob("*-receive"))

    def heal(self) -> None:
        self.come_back()
        for place in (self.place / "hooks").glob("*-receive"):
            place.unlink()

    # What must hold of it

    def look(self) -> None:
        """Every tip since the last look comes of the one before, and has all that one had."""
        log = (self._elsewhere if self.away else self.place) / "logs/refs/heads/main"
        lines = log.read_text().splitlines() if log.exists() else []
        for line in lines[self._lines :]:
            old, new = line.split()[:2]
            if not old.strip("0"):
                continue
            assert old == self._seen
            self._git("merge-base", "--is-ancestor", old, new)
            self._seen = new
            self._look_at(new)
            self.pushes += 1
        self._lines = len(lines)
        assert self.tip() == self._seen

    def _look_at(self, tip: str) -> None:
        folder = self._elsewhere if self.away else self.place
        listed = _listed(folder, tip)
        found = [match[2] for path, _ in listed if (match := _ITEM.fullmatch(path))]
        ids = [item_id for item_id in found if not item_id.endswith((".verdict", ".answers"))]
        assert len(ids) == len(set(ids)), f"twice in {tip}: {sorted(ids)}"
        assert self._ids <= set(ids), f"lost in {tip}: {sorted(self._ids - set(ids))}"
        self._ids = set(ids)
        journals = [(match[1], blob) for path, blob in listed if (match := _JOURNAL.fullmatch(path))]
        assert len(journals) == len({item_id for item_id, _ in journals}), f"two journals in {tip}: {journals}"
        new = [(item_id, blob) for item_id, blob in journals if self._blobs.get(item_id) != blob]
        for (item_id, blob), text in zip(new, _blobs(folder, [blob for _, blob in new]), strict=True):
            before = self._journals.get(item_id, "")
            assert text.startswith(before), f"{item_id} in {tip}: {before}\nis now\n{text}"
            _chained(item_id, text)
            self._journals[item_id], self._blobs[item_id] = text, blob
        assert self._journals.keys() <= {item_id for item_id, _ in journals}, f"a journal is lost in {tip}"


def _chained(item_id: str, text: str) -> None:
    """One chain of legal moves, and one finish."""
    entries = read(text.encode(), item_id).entries
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1)), text
    at: Lane | None = None
    for entry in entries:
        assert entry.source is at, f"{item_id}: {text}"
        check_move(entry.event, entry.source, entry.to)
        at = entry.to
    assert sum(entry.event is Event.FINISH for entry in entries) <= 1, text
