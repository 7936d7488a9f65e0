"""The Dask executor: each run is sent to a machine of a cluster, followed there, and its answer checked here."""

import threading
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import replace
from functools import cached_property

from pydantic import ValidationError

from factory import __version__
from factory.execution.control import Control
from factory.execution.dask.cluster import Cluster, MachineLost, SchedulerLost, Submitted
from factory.execution.dask.leash import UNATTENDED_S
from factory.execution.dask.messages import Answer, Came, Parcel
from factory.execution.dask.parcels import Parcels
from factory.execution.local import LocalExecutor
from factory.execution.outcome import RunOutcome, Work
from factory.execution.request import RunRequest
from factory.model.engine import offered_by, offers, resources_of, spelled
from factory.model.errors import MachineError
from factory.model.failure import Failure, FailureClass
from factory.store.repository.objects import name_of
from factory.store.repository.pack import objects_of
from factory.store.repository.quarantine import Brought
from factory.store.repository.trees import sound_tree

_MOST_THREADS = 1000
_LOOK_S = 0.1  # whether a run is to end
_ATTEND_S = 1.0
_AGAIN_S = 1.0  # until a scheduler that was not there is tried again
_LONGEST_WAIT_S = 300.0  # for a scheduler, or for any machine that has what a run needs
_MOST_SUBMISSIONS = 20  # of one run, to schedulers that are lost again and again
_ENDS_WITHIN_S = 15.0  # a run that was asked to; then nobody waits for it any more
_LARGE = 1_000_000  # bytes of a pack
_MOST_LACKING = 3  # times in a row that a machine does not have what it was sent
_MB = 1_000_000


class DaskExecutor:
    """Carries requests out on the machines of a cluster; what the factory itself undoes, here."""

    def __init__(self, address: str, branch: str, local: LocalExecutor, patience_s: float = _LONGEST_WAIT_S) -> None:
        self._address = address
        self._branch = branch
        self._local = local
        self._patience_s = patience_s
        self._system = local.host.repository.system
        self._pool = self._system.threads(_MOST_THREADS, "dask")
        self._cluster: Cluster | None = None
        self._connecting = threading.Lock()
        self._delivering = threading.Lock()

    @cached_property
    def _parcels(self) -> Parcels:
        return Parcels(self._local.host.repository, self._branch)

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of agents that this program has, wherever it runs."""
        return self._local.kinds

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        """Begin a run on one of the machines."""
        if request.item.reverts:  # needs the history, which no other machine has, and no worker
            return self._local.submit(request, control)
        return self._pool.submit(self._run, request, control)

    def shutdown(self) -> None:
        """Wait for all that was begun, and let go of the cluster."""
        self._pool.shutdown(wait=True)
        if self._cluster:
            self._cluster.close()

    def _run(self, request: RunRequest, control: Control) -> RunOutcome:
        """What a run came to; a scheduler that is lost meanwhile costs nothing but time."""
        began = self._system.monotonic()
        failure, lacking = None, 0
        for _ in range(_MOST_SUBMISSIONS):
            try:
                answer = self._answer(request, control, complete=lacking > 0)
            except SchedulerLost as error:
                failure = Failure(FailureClass.NETWORK, error.message)
                continue
            except MachineLost as error:
                failure = Failure(FailureClass.NETWORK, error.message)
                break
            except _Given as given:
                failure = given.failure
                break
            except ImportError as error:
                said = f"the scheduler or a machine at {self._address} does not have git-factory {__version__}: {error}"
                failure = Failure(FailureClass.CONFIG, said)
                break
            if answer is None:  # it was asked to end
                return RunOutcome(Work(self._system.monotonic() - began, stopped=True))
            if answer.came is Came.OUTCOME:
                outcome = _outcome_of(answer, request)
                return outcome if control.stop.is_set() or not outcome.stopped else _unattended(outcome)
            if answer.came is Came.REFUSED:
                failure = Failure(FailureClass.CONFIG, answer.said.decode(errors="replace"))
                break
            lacking += 1
            if lacking > _MOST_LACKING:
                failure = Failure(FailureClass.NETWORK, "its machine does not have the objects that it was sent")
                break
        return RunOutcome(Work(self._system.monotonic() - began, failure=failure))

    def _answer(self, request: RunRequest, control: Control, *, complete: bool) -> Answer | None:
        """What one submission came to; None when it was asked to end first."""
        cluster = self._connected(control)
        if cluster is None:
            return None
        parcel = self._parcel(cluster, request, complete=complete)
        submitted = cluster.submit(parcel, resources_of(request.contract.worker.needs))
        try:
            answer = self._followed(cluster, submitted, request, control)
        finally:
            if not submitted.done.is_set():
                cluster.let_go(submitted)
        if answer is not None:
            self._parcels.note(answer, parcel)
        return answer

    def _parcel(self, cluster: Cluster, request: RunRequest, *, complete: bool) -> Parcel:
        """The parcel of a run. Much of what it needs goes to each machine once, and not with every run."""
        key = self._system.token(16)
        parcel = self._parcels.parcel(request, key, __version__, complete=complete)
        if len(parcel.pack) <= _LARGE:
            return parcel
        with self._delivering:
            machines = cluster.abouts(self._parcels.origin)
            self._parcels.begin(machines)
            for cache, address in {each.cache: address for address, each in machines.items()}.items():
                pack, trees = self._parcels.missing(request, cache)
                if pack:
                    cluster.deliver(address, self._parcels.origin, pack, trees)
                    self._parcels.delivered(cache, trees)
        return self._parcels.parcel(request, key, __version__, complete=False)

    def _followed(self, cluster: Cluster, submitted: Submitted, request: RunRequest, control: Control) -> Answer | None:
        """The answer, once it is there; until then it is asked how it goes."""
        began = attended = self._system.monotonic()
        asked: float | None = None  # when it was asked to end
        while not self._system.pause(submitted.done, _LOOK_S):
            now = self._system.monotonic()
            stop = control.stop.is_set()
            if now - attended < _ATTEND_S and not (stop and asked is None):
                continue
            attended = now
            if stop:
                asked = now if asked is None else asked
                if now - asked > _ENDS_WITHIN_S:
                    return None
            if not cluster.is_there:
                raise SchedulerLost(f"the scheduler at {self._address} is gone")
            self._attend(cluster, submitted, request, control)
            if submitted.at:
                began = now
            elif stop:
                return None  # it has not begun
            elif now - began > self._patience_s:
                self._give_up_on_machines(cluster, request)
        return submitted.answer()

    def _attend(self, cluster: Cluster, submitted: Submitted, request: RunRequest, control: Control) -> None:
        news = cluster.attend(submitted, control.stop.is_set())
        if news is None:
            if not submitted.at:
                needs = request.contract.worker.needs
                control.alive()
                control.says("waiting for a machine" + (f" with {spelled(needs)}" if needs else ""))
            return
        control.says(news.doing)
        if news.alive:
            control.alive()
        if news.output:
            control.output(news.output)

    def _give_up_on_machines(self, cluster: Cluster, request: RunRequest) -> None:
        """Raises _Given when no machine can ever take a run: where one only is busy, it is waited for."""
        needs, found = request.contract.worker.needs, cluster.offers()
        if not found:
            said = f"the cluster at {self._address} has had no machine for {self._patience_s:g} s"
            raise _Given(Failure(FailureClass.NETWORK, said))
        if not any(offers(machine, resources_of(needs)) for machine in found.values()):
            said = f"no machine of the cluster at {self._address} offers {spelled(needs)}: {offered_by(needs)}"
            raise _Given(Failure(FailureClass.CONFIG, said))

    def _connected(self, control: Control) -> Cluster | None:
        """The cluster; None when it was asked to end first. Raises _Given when there is none for too long."""
        until = self._system.monotonic() + self._patience_s
        while not control.stop.is_set():
            if self._system.acquire(self._connecting, _LOOK_S):
                try:
                    return self._reached()
                except SchedulerLost as error:
                    if self._system.monotonic() > until:
                        raise _Given(Failure(FailureClass.NETWORK, error.message)) from None
                finally:
                    self._connecting.release()
                control.alive()
                control.says(f"waiting for the scheduler at {self._address}, which does not answer")
                self._system.pause(control.stop, _AGAIN_S)
        return None

    def _reached(self) -> Cluster:
        """The connection that there is, or another one where that is lost. Raises SchedulerLost."""
        if self._cluster and self._cluster.is_there:
            return self._cluster
        if self._cluster:
            self._cluster.close()
        self._cluster = None
        cluster = Cluster(self._address)
        self._parcels.begin(cluster.abouts(self._parcels.origin))
        self._cluster = cluster
        return cluster


class _Given(MachineError):
    """A run that is given up before it has begun."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def _unattended(outcome: RunOutcome) -> RunOutcome:
    """What ended because this machine had not asked about it for long: it was asleep, or cut off."""
    failure = Failure(FailureClass.NETWORK, f"it ended, as nobody had asked about it for {UNATTENDED_S:g} s")
    return RunOutcome(replace(outcome.work, failure=failure, stopped=False))


def _outcome_of(answer: Answer, request: RunRequest) -> RunOutcome:
    """The outcome with its objects, of which only the wanted are taken. Raises MachineError for what is none."""
    try:
        outcome = RunOutcome.from_json(answer.said)
        found = objects_of(answer.pack, request.contract.limits.disk_mb * _MB) if answer.pack else []
    except (ValidationError, ValueError) as error:
        raise MachineError(f"what the machine answered cannot be used: {str(error).splitlines()[0]}") from None
    brought = {name_of(*each): each for each in found}
    if brought.keys() - _led_to(outcome.work.tree, brought):
        raise MachineError("what the machine answered cannot be used: its tree does not lead to all that it brought")
    return replace(outcome, work=replace(outcome.work, brought=brought))


def _led_to(tree: str, brought: Brought) -> set[str]:
    """The objects that a tree leads to among those that came with it."""
    found, looked = set[str](), [tree]
    while looked:
        oid = looked.pop()
        if oid in brought and oid not in found:
            found.add(oid)
            kind, data = brought[oid]
            looked += [entry.oid for entry in (sound_tree(data) or {}).values()] if kind == "tree" else []
    return found
