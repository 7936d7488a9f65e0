"""Moves of references: several in one instant, each from where it is expected to be."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from tests.simulation.git import files
from tests.simulation.git.objects import ZERO
from tests.simulation.git.refs import Refs, packed_data
from tests.simulation.git.steps import Failure, Steps

_PATIENCE_S, _PATIENCE_PACKED_S = 0.1, 1.0  # core.filesRefLockTimeout, core.packedRefsTimeout


class Move(NamedTuple):
    """One reference to another object; `new` of zeros takes it away, `old` of zeros says that there is none."""

    name: str
    new: str
    old: str | None = None
    deref: bool = True
    told: str = ""  # as whom it is spoken of, when not by its name


class _Locked:
    """A reference that is locked: what it was, and whether its new value was written."""

    def __init__(self, name: str, lock: files.Lock, old: str, new: str) -> None:
        self.name = name
        self.lock = lock
        self.old = old
        self.new = new
        self.written = False
        self.only_logged = False


class Refused(Exception):
    """A reference that cannot be moved, in git's words."""


class Transaction:
    """Moves that happen together: `prepare` locks, `commit` moves, `abort` lets go."""

    def __init__(self, refs: Refs, moves: Sequence[Move], message: str | None) -> None:
        self._refs = refs
        self._message = message
        self._locked: list[_Locked] = []
        self._packed: files.Lock | None = None
        self._moves = self._with_head(moves)

    def _with_head(self, moves: Sequence[Move]) -> list[tuple[Move, bool]]:
        """The moves in git's order; of HEAD it is only noted in its log that its branch moves."""
        found: dict[str, tuple[Move, bool]] = {}
        meant: list[Move] = []
        for move in moves:
            name = self._refs.followed(move.name) if move.deref else move.name
            if name != move.name:
                found[move.name] = Move(move.name, move.new), True
                meant.append(move._replace(name=name, told=move.name))
            elif name in found:
                raise Refused(f"multiple updates for ref '{name}' not allowed")
            else:
                found[name] = move, False
        branch = self._refs.branch()
        for move in meant:
            if move.name in found:
                raise Refused(f"multiple updates for ref '{move.name}' not allowed")
            found[move.name] = move, False
        if branch in found and "HEAD" not in found:
            found["HEAD"] = Move("HEAD", found[branch][0].new), True
        return list(found.values())

    def prepare(self) -> Steps[None]:
        """Lock all, and write what they are to be. Raises Refused, and has let go of all then."""
        try:
            for move, only_logged in self._moves:
                yield from self._lock(move, only_logged)
            if any(each.new == ZERO and not each.only_logged for each in self._locked):
                yield from self._lock_packed()
        except (Refused, Failure, OSError):
            self.abort()
            raise

    def _lock(self, move: Move, only_logged: bool) -> Steps[None]:
        name = move.name
        told = move.told or name
        refs = self._refs
        lock = files.Lock(refs.place(name))
        must = move.old is not None and move.old != ZERO
        yield from self._take(lock, name)
        yield f"{lock.place} was taken"
        now = refs.read(name) if only_logged else refs.raw(name)
        symbolic = now is not None and now.startswith("ref: ")
        if symbolic:
            now = refs.read(name)
        if now is None and must:
            self._refuse(lock, told, f"unable to resolve reference '{name}'")
        if now is None and move.new != ZERO and not only_logged:
            self._refuse_clash(lock, name)
        old = now or ZERO
        if move.old is not None and old != move.old:
            said = f"is at {old} but expected {move.old}" if move.old != ZERO else "reference already exists"
            self._refuse(lock, told, said)
        each = _Locked(name, lock, old, move.new)
        each.only_logged = only_logged
        self._locked.append(each)
        if move.new != ZERO and not only_logged and (old != move.new or symbolic):
            self._check(lock, name, move.new)
            lock.write(f"{move.new}\n".encode(), sync=refs.repo.config.fsyncs("reference"))
            each.written = True
            yield f"{lock.place} was written"

    def _take(self, lock: files.Lock, name: str) -> Steps[None]:
        try:
            files.make_folders(lock.path)
        except (NotADirectoryError, FileExistsError):
            self._refuse_clash(lock, name)
        if not (yield from lock.take_in_time(self._refs.repo.clock, _PATIENCE_S)):
            raise Refused(f"cannot lock ref '{name}': {lock.taken()}")

    def _refuse(self, lock: files.Lock, name: str, why: str) -> None:
        lock.release()
        raise Refused(f"cannot lock ref '{name}': {why}")

    def _refuse_clash(self, lock: files.Lock, name: str) -> None:
        """A reference where another one needs a folder."""
        parts = name.split("/")
        above = ("/".join(parts[:number]) for number in range(2, len(parts)))
        there = next((each for each in above if self._refs.raw(each)), None)
        there = there or next(iter(self._refs.names(f"{name}/")), None)
        if there:
            self._refuse(lock, name, f"'{there}' exists; cannot create '{name}'")
        files.remove_empty_below(lock.path)

    def _check(self, lock: files.Lock, name: str, new: str) -> None:
        found = self._refs.repo.store.read(new)
        if found is None:
            lock.release()
            raise Refused(f"cannot update ref '{name}': trying to write ref '{name}' with nonexistent object {new}")
        if name.startswith("refs/heads/") and found[0] != "commit":
            lock.release()
            said = f"trying to write non-commit object {new} to branch '{name}'"
            raise Refused(f"cannot update ref '{name}': {said}")

    def _lock_packed(self) -> Steps[None]:
        self._packed = files.Lock(f"{self._refs.repo.common_dir}/packed-refs")
        if not (yield from self._packed.take_in_time(self._refs.repo.clock, _PATIENCE_PACKED_S)):
            raise Refused(self._packed.taken())
        yield f"{self._packed.place} was taken"
        gone = {each.name for each in self._locked if each.new == ZERO and not each.only_logged}
        if not gone & self._refs.packed().keys():
            self._packed.release()
            self._packed = None
            yield "packed-refs was let go"
        elif files.kind(f"{self._packed.path}.new"):
            raise Refused(in_the_way(f"{self._packed.path}.new"))

    def commit(self) -> Steps[None]:
        """Move all that are locked."""
        gone = [each for each in self._locked if each.new == ZERO and not each.only_logged]
        for each in self._locked:
            if each.written or each.only_logged:
                self._refs.append_log(each.name, each.old, each.new, self._message)
                yield f"the log of {each.name} was written"
            if each.written:
                self._place(each.lock)
                yield f"{each.name} was replaced"
        for each in gone:
            place = self._refs.log_place(each.name)
            if files.remove(place):
                files.remove_empty(place.rpartition("/")[0], f"{self._refs.repo.common_dir}/logs/refs/heads")
                yield f"the log of {each.name} was removed"
        if self._packed is not None:
            yield from _rewrite_packed(self._refs, {each.name for each in gone}, self._packed)
        for each in gone:
            if files.remove(each.lock.path):
                yield f"{each.name} was removed"
        self.abort()
        for each in gone:
            parts = each.name.split("/")
            files.remove_empty(each.lock.path.rpartition("/")[0], f"{self._refs.repo.common_dir}/{'/'.join(parts[:2])}")

    def _place(self, lock: files.Lock) -> None:
        try:
            lock.commit()
        except IsADirectoryError:
            files.remove_empty_below(lock.path)
            lock.commit()

    def abort(self) -> None:
        """Let go of all that is locked."""
        for each in self._locked:
            each.lock.release()
        if self._packed is not None:
            self._packed.release()
            self._packed = None


def without(refs: Refs, name: str) -> Steps[None]:
    """Take a reference out of packed-refs, which is written anew in any case. Raises Refused."""
    lock = files.Lock(f"{refs.repo.common_dir}/packed-refs")
    if not (yield from lock.take_in_time(refs.repo.clock, _PATIENCE_PACKED_S)):
        raise Refused(lock.taken())
    yield f"{lock.place} was taken"
    if files.kind(f"{lock.path}.new"):
        lock.release()
        said = f"could not delete reference {name}: "
        raise Refused(f"{said}{in_the_way(f'{lock.path}.new')}\nerror: {said}")
    yield from _rewrite_packed(refs, {name}, lock)
    lock.release()
    yield f"{lock.place} was let go"


def _rewrite_packed(refs: Refs, gone: set[str], lock: files.Lock) -> Steps[None]:
    left = {name: oid for name, oid in refs.packed().items() if name not in gone}
    beside = f"{lock.path}.new"
    sync = refs.repo.config.fsyncs("reference")
    files.write(beside, packed_data(left, peeled(refs, left)), flags=os.O_EXCL, sync=sync)
    yield f"{beside} was written"
    os.rename(beside, lock.path)
    yield "packed-refs was replaced"


def in_the_way(place: str) -> str:
    """What git says of what one that died has left where it writes references that are packed."""
    return f"unable to create file {place}: File exists"


def peeled(refs: Refs, listed: dict[str, str]) -> dict[str, str]:
    """To which objects the annotated tags among references lead."""
    found = {}
    for name, oid in listed.items():
        read = refs.repo.store.read(oid)
        if read is not None and read[0] == "tag":
            found[name] = read[1][7:47].decode()
    return found


def move_refs(refs: Refs, moves: Sequence[Move], message: str | None) -> Steps[None]:
    """Move references in one instant. Raises Refused, and nothing has moved then."""
    transaction = Transaction(refs, moves, message)
    yield from transaction.prepare()
    yield from transaction.commit()
