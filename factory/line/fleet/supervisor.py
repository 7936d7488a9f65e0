"""The supervisor: a process for each repository of a fleet, begun again when it fails, and a pool of slots for all."""

import os
import selectors
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from factory.execution.cell.pool import default_cells_root
from factory.line.fleet.connection import Connection
from factory.line.fleet.messages import Membership, Order, Report
from factory.model.bounds import Bounds
from factory.model.errors import FactoryError, told_by
from factory.model.policy import DayBudget
from factory.model.shares import Shares
from factory.store.fleet_file import FleetFile, Place, read_fleet
from factory.store.repository.places import places_of
from factory.store.system import MACHINE, System

_LOOK_S = 1.0  # how often the file is looked at
_LOOK_AROUND_S = 30.0  # and the places of the others, which are hidden from each
_SOON_S = 0.05  # a process that tells nothing any more is about to end
_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 120.0  # until what has failed is tried again
_WELL_S = 10.0  # after which one that had failed is at work again
_ASK_S, _PATIENCE_S = 20.0, 120.0  # one that has slots is asked how it is; when there is no answer, it is killed
_LONG_S = 60.0  # after which a failure has nothing to do with the one before


@dataclass
class _Berth:
    """A member: what is wanted of it, and its process, if there is one."""

    wanted: Place | None  # None: it is to end
    connection: Connection | None = None
    place: Place | None = None  # with which its process was begun
    bounds: Bounds | None = None  # that it was told last
    began: float = 0.0
    asked: bool = False  # to end
    heard: float = 0.0  # when it told something last
    inquired: float = 0.0  # when it was asked how it is
    failed: str = ""  # why it says that it ends
    complaint: str = ""  # what has been told of it
    again_at: float = 0.0
    pause: float = _PAUSE_S

    @property
    def outdated(self) -> bool:
        """Whether its process is one that is wanted no more, or whose repository or secrets are others now."""
        was, now = self.place, self.wanted
        return was is None or now is None or (was.folder, was.tenant.secrets) != (now.folder, now.tenant.secrets)


class Supervisor:
    """Runs the repositories of a fleet file. `tell` is given what happens: the name of the one it is about, or none."""

    def __init__(self, path: Path, tell: Callable[[str, str], None], system: System = MACHINE) -> None:
        """Raises InvalidFile and UsageError for the file."""
        self._system, self._tell, self._path = system, tell, path
        self._seen = self._read = _mark(path)
        self._file = read_fleet(path)
        self._shares = Shares(self._file.fleet.max_concurrent_agents)
        self._berths: dict[str, _Berth] = {}
        self._looked_around = 0.0
        self._stopping = False
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._apply(self._file)

    def stop(self) -> None:
        """Ask all of them to end, where nothing is half done: from within a signal handler, too."""
        self._stopping = True
        with suppress(BlockingIOError):
            os.write(self._waker, b"!")

    def kill(self) -> None:
        """End all of them at once."""
        for berth in self._berths.values():
            if berth.connection is not None:
                berth.connection.kill()

    def run(self) -> None:
        """Be at work until it was asked to stop and all have ended."""
        try:
            while not self._stopping or any(berth.connection for berth in self._berths.values()):
                self._follow()
                for name, berth in list(self._berths.items()):
                    self._see_to(name, berth)
                self._lend()
                self._wait()
        finally:
            self.kill()  # none is left but after a fault of ours

    def _follow(self) -> None:
        """See whether the file has changed, and is written to the end: the same at two looks."""
        mark, before = _mark(self._path), self._seen
        self._seen = mark
        if mark != self._read and mark == before and not self._stopping:
            self._read = mark
            try:
                found = read_fleet(self._path)
            except FactoryError as error:
                self._tell("", f"{error.message}; the last good one stays in force")
            else:
                self._apply(found)
                self._tell("", f"read {self._path} again")
        if self._system.monotonic() - self._looked_around > _LOOK_AROUND_S:
            self._tell_bounds()

    def _apply(self, found: FleetFile) -> None:
        self._file = found
        self._shares.slots = found.fleet.max_concurrent_agents
        for berth in self._berths.values():
            berth.wanted = None
        for place in found.places:
            berth = self._berths.setdefault(place.name, _Berth(place))
            berth.wanted, berth.again_at = place, 0.0
            most = place.tenant.max_concurrent_agents or found.fleet.max_concurrent_agents
            self._shares.admit(place.name, place.tenant.weight, most)
        self._tell_bounds()

    def _tell_bounds(self) -> None:
        self._looked_around = self._system.monotonic()
        bounds = {place.name: found for place, found in bounds_of(self._file)}
        for name, berth in self._berths.items():
            changed = name in bounds and berth.bounds != bounds[name]
            berth.bounds = bounds.get(name, berth.bounds)
            if changed and berth.connection is not None:
                berth.connection.order(Order(bounds=berth.bounds))

    def _see_to(self, name: str, berth: _Berth) -> None:
        now = self._system.monotonic()
        if berth.connection is None:
            if berth.wanted is None:
                self._shares.dismiss(name)
                del self._berths[name]
            elif not self._stopping and now >= berth.again_at:
                self._begin(name, berth, berth.wanted)
            return
        if not berth.asked and (self._stopping or berth.outdated):
            berth.asked = True
            berth.connection.stop()
        self._hear(name, berth, berth.connection)
        self._look_after(name, berth, berth.connection, now)
        if berth.complaint and not berth.failed and now - berth.began >= _WELL_S:
            berth.complaint = ""
            self._tell(name, "at work again")
        code = berth.connection.process.poll()
        if code is not None:
            self._hear(name, berth, berth.connection)
            self._end(name, berth, berth.connection, code)

    def _look_after(self, name: str, berth: _Berth, connection: Connection, now: float) -> None:
        """See that one that has slots still does something with them, or nobody else would get these ever."""
        if berth.asked or not self._shares.held(name):
            berth.heard = now
        elif now - berth.heard > _PATIENCE_S:
            berth.heard, berth.failed = now, f"it has not answered for {_PATIENCE_S:g} s, so it was killed"
            connection.kill()
            self._shares.report(name, 0, 0, now)
        elif now - max(berth.heard, berth.inquired) > _ASK_S:
            berth.inquired = now
            connection.order(Order())

    def _begin(self, name: str, berth: _Berth, place: Place) -> None:
        berth.place, berth.began, berth.asked, berth.failed = place, self._system.monotonic(), False, ""
        assert berth.bounds is not None
        try:
            membership = Membership(folder=place.folder, secrets=self._file.secrets_of(place), bounds=berth.bounds)
            berth.connection = Connection(membership, self._system)
        except (FactoryError, OSError) as error:
            self._fail(name, berth, told_by(error))

    def _hear(self, name: str, berth: _Berth, connection: Connection) -> None:
        connection.send()
        for line in connection.printed():
            self._tell(name, line)
        for report in connection.reports():
            berth.failed = report.failed or berth.failed
            berth.heard = self._system.monotonic()
            self._count(name, report, connection.sent, berth.asked)

    def _count(self, name: str, report: Report, sent: int, asked: bool) -> None:
        coming = sent - report.given  # slots that are on their way to it
        waiting = 0 if asked else max(0, report.waiting - coming)
        self._shares.report(name, report.running + coming, waiting, self._system.monotonic())

    def _end(self, name: str, berth: _Berth, connection: Connection, code: int) -> None:
        connection.close()
        berth.connection = None
        self._shares.report(name, 0, 0, self._system.monotonic())
        if not berth.asked:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
            self._fail(name, berth, berth.failed or f"its process {how}")

    def _fail(self, name: str, berth: _Berth, why: str) -> None:
        now = self._system.monotonic()
        if now - berth.began >= _LONG_S:
            berth.pause = _PAUSE_S
        berth.again_at, berth.pause = now + berth.pause, min(2 * berth.pause, _LONGEST_PAUSE_S)
        if why != berth.complaint:
            berth.complaint = why
            self._tell(name, f"{why}; it is tried again, and nobody else waits for it")

    def _lend(self) -> None:
        for name, slots in self._shares.lend(self._system.monotonic()).items():
            connection = self._berths[name].connection
            assert connection is not None, "who has no process waits for nothing"
            connection.order(Order(slots=slots))

    def _wait(self) -> None:
        """Until somebody tells something, or something is due."""
        now, seconds = self._system.monotonic(), _LOOK_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for berth in self._berths.values():
                if berth.connection is None:
                    seconds = min(seconds, max(_SOON_S, berth.again_at - now))
                    continue
                sources = berth.connection.sources
                seconds = seconds if sources else _SOON_S
                for source in sources:
                    selector.register(source, selectors.EVENT_READ)
            if self._woken in self._system.ready(selector, seconds):
                os.read(self._woken, 64)


def bounds_of(file: FleetFile) -> Iterator[tuple[Place, Bounds]]:
    """What each repository of a fleet may have, and what it may not see: all of the others, and every secret."""
    everybody = {place.name: places_of(place.folder) for place in file.places}
    never = (default_cells_root(), Path(os.path.realpath(file.path)), *file.secret_files())
    for place in file.places:
        own = everybody[place.name]
        others = (each for name, found in everybody.items() if name != place.name for each in found)
        hidden = {
            each for each in (*never, *others) if not any(mine.is_relative_to(each) for mine in own)
        }  # what holds its own folder cannot be hidden from it
        budget = place.tenant.budget
        day = DayBudget(usd_per_day=budget.usd_per_day, unknown=budget.unknown) if budget else DayBudget()
        yield place, Bounds(True, day, file.fleet.sandbox, tuple(sorted(hidden)))


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What is another one when a file has changed; None when it is not there."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size
