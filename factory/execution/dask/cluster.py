"""The cluster: the one door to Dask. A connection to its scheduler, and what is asked of its workers."""

import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from factory.execution.dask.machine import about, attend, carry_out, receive
from factory.execution.dask.messages import About, Answer, News, Parcel
from factory.model.errors import MachineError, UnusableError

try:
    from distributed import Client, Future, KilledWorker
    from distributed.comm.core import CommClosedError
    from distributed.core import PooledRPCCall, rpc
    from distributed.security import Security
except ImportError:
    raise UnusableError("Dask is not installed", "pip install 'git-factory[dask]'") from None

_CONNECTED_WITHIN_S = 3.0
_ANSWERED_WITHIN_S = 5.0
_DELIVERED_WITHIN_S = 600.0
_UNREACHED = (OSError, TimeoutError, CommClosedError, CancelledError)  # what Dask raises where nobody answers
_OURS = "factory-run-"
_CERTIFICATES = "set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY"
_TALKATIVE = ("distributed", "distributed.client")  # what they log is told in words of ours

Asked = TypeVar("Asked")


class SchedulerLost(MachineError):
    """The scheduler is gone, and with it whatever it knew of a run."""


class MachineLost(MachineError):
    """The worker process that had a run is gone."""


@dataclass
class Submitted:
    """A run that was submitted: `done` is set as soon as there is something to be had."""

    future: "Future[Answer]"
    done: threading.Event = field(default_factory=threading.Event)
    at: str = ""  # the address of the worker that has it, once it was seen there

    @property
    def key(self) -> str:
        """By which the scheduler knows it."""
        return str(self.future.key)

    def answer(self) -> Answer:
        """What became of it, once it is done. Raises SchedulerLost, MachineLost, or what the machine raised."""
        if self.future.status in ("cancelled", "lost"):
            raise SchedulerLost("the scheduler has lost it")
        error = self.future.exception() if self.future.status == "error" else None
        if isinstance(error, KilledWorker):
            raise MachineLost("the machine that it ran on was lost")
        if isinstance(error, CancelledError):
            raise SchedulerLost("the scheduler has lost it")
        if error is not None:
            raise error
        answer: object = self.future.result()
        if not isinstance(answer, Answer):
            raise MachineError(f"the machine gave {type(answer).__name__} for an answer")
        return answer


class Cluster:
    """One connection to a scheduler. It is not mended: where it is lost, another one is made."""

    def __init__(self, address: str) -> None:
        """Raises SchedulerLost when nobody answers there, UnusableError when nobody can be asked."""
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if address.startswith("tls:") and Security().get_connection_args("client")["ssl_context"] is None:
            raise UnusableError(f"{address} needs certificates, and Dask's configuration names none", _CERTIFICATES)
        try:
            self._client = Client(address, timeout=_CONNECTED_WITHIN_S, set_as_default=False, name="factory")
        except _UNREACHED as error:
            raise SchedulerLost(f"the scheduler at {address} does not answer: {error}") from None

    @property
    def is_there(self) -> bool:
        """Whether the connection is as it was made."""
        return bool(self._client.status == "running")

    def close(self) -> None:
        """Let go of it, and of what was submitted through it."""
        with suppress(*_UNREACHED):
            self._client.close()

    def abouts(self, origin: str) -> Mapping[str, About]:
        """What each worker says of itself, by its address; of none, where one keeps all the others waiting."""
        try:
            found: Mapping[str, object] = self._asked(lambda: self._client.run(about, origin, on_error="return"))
        except SchedulerLost:  # or a machine that was cut off, which the scheduler still counts
            return {}
        return {address: each for address, each in found.items() if isinstance(each, About)}

    def deliver(self, address: str, origin: str, pack: bytes, trees: tuple[str, ...]) -> None:
        """Give objects to a worker's machine; what goes wrong there shows in the next run. Raises SchedulerLost."""
        call = self._client.run
        self._asked(
            lambda: call(receive, origin, pack, trees, workers=[address], on_error="ignore"), _DELIVERED_WITHIN_S
        )

    def offers(self) -> Mapping[str, Mapping[str, float]]:
        """The resources that each worker offers, by its address. Raises SchedulerLost."""
        workers = self._asked(lambda: self._scheduler.identity(n_workers=-1))["workers"]
        return {address: dict(told.get("resources") or {}) for address, told in workers.items()}

    def may_fail(self) -> int:
        """How many machines may be lost with one run until the scheduler gives it up. Raises SchedulerLost."""
        # By value, as every lambda is: a scheduler need not have this program.
        return int(
            self._asked(lambda: self._client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.allowed_failures))
        )

    def submit(self, parcel: Parcel, resources: Mapping[str, float]) -> Submitted:
        """Have a run carried out by one of the workers that offer enough. Raises SchedulerLost."""
        try:
            future = self._client.submit(
                carry_out,
                parcel,
                key=_OURS + parcel.key,
                pure=False,
                retries=0,
                resources=dict(resources) or None,
            )
        except (RuntimeError, *_UNREACHED) as error:  # the first, where the connection was lost just before
            raise SchedulerLost(str(error)) from None
        submitted = Submitted(future)
        future.add_done_callback(lambda _: submitted.done.set())
        return submitted

    def attend(self, submitted: Submitted, stop: bool) -> News | None:
        """How a run goes, and that it is still wanted, or not; None where it has not begun, or nobody answers now.

        Raises MachineLost when the scheduler has begun it anew elsewhere.
        """
        try:
            news = self._news(submitted, submitted.at, stop) if submitted.at else None
            where = submitted.at if news else self._where(submitted)
            if submitted.at and where not in ("", submitted.at):
                raise MachineLost("the machine that it ran on was lost")
            if where and not submitted.at:
                news = self._news(submitted, where, stop)
        except SchedulerLost:
            return None
        if news:
            submitted.at = where
        return news

    def _news(self, submitted: Submitted, where: str, stop: bool) -> News | None:
        key = submitted.key.removeprefix(_OURS)
        asked = self._asked(lambda: self._client.run(attend, key, stop, workers=[where], on_error="return"))
        news: object = asked.get(where)
        return news if isinstance(news, News) else None

    @property
    def _scheduler(self) -> PooledRPCCall | rpc:
        """The scheduler, to be asked something. Raises SchedulerLost."""
        if self._client.scheduler is None:
            raise SchedulerLost("the connection is closed")
        return self._client.scheduler

    def _where(self, submitted: Submitted) -> str:
        working = self._asked(lambda: self._scheduler.processing())
        return next((address for address, keys in working.items() if submitted.key in keys), "")

    def let_go(self, submitted: Submitted) -> None:
        """Nobody waits for a run any more."""
        with suppress(*_UNREACHED, RuntimeError):
            submitted.future.cancel()

    def _asked(self, call: Callable[[], Awaitable[Asked]], within_s: float = _ANSWERED_WITHIN_S) -> Asked:
        """What the scheduler, or a worker through it, answers. Raises SchedulerLost when nobody does in time."""

        async def asked() -> Asked:
            return await call()

        try:
            answer: Asked = self._client.sync(asked, callback_timeout=within_s)
            return answer
        except (*_UNREACHED, RuntimeError) as error:
            raise SchedulerLost(f"the scheduler does not answer: {error}") from None
