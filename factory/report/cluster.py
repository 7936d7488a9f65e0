"""The cluster of WORKFLOW.md's engine, for the doctor: reachable, of this version, and with what contracts need."""

import importlib
from collections.abc import Iterator, Mapping

from factory import __version__
from factory.model.contract import Contract
from factory.model.engine import Engine, offered_by, offers, resources_of, spelled
from factory.model.errors import FactoryError
from factory.report.diagnosis import Diagnosis, Health
from factory.store.repository.far import root_of
from factory.store.repository.repository import Repository

_DASK = "factory.execution.dask.cluster"
_ABOUT = "cluster"
_TLS = "within a network of your own that is as it is; else use tls://, as docs/machines.md says"
_RUNS_ONCE = "start the scheduler with DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0 in its environment"


def of_cluster(
    engine: Engine, repository: Repository, branch: str, contracts: Mapping[str, Contract]
) -> Iterator[Diagnosis]:
    """What there is at the engine's address; nothing where runs happen on this machine."""
    if engine.is_local:
        return
    try:
        cluster = importlib.import_module(_DASK).Cluster(engine.address)
    except FactoryError as error:
        advice = error.hint or f"dask scheduler --port {str(engine.address).rpartition(':')[2]}"
        yield Diagnosis(_ABOUT, Health.BAD, error.message, advice)
        return
    try:
        yield from _workers(engine, cluster.offers(), cluster.abouts(root_of(repository, branch)))
        yield from _needs(contracts, cluster.offers())
        if engine.is_open_to_listeners:
            yield Diagnosis(_ABOUT, Health.NOTE, "what is sent can be read by whoever listens on the way", _TLS)
        if cluster.may_fail():
            found = "its scheduler begins a run anew by itself when it loses a machine, beside the factory"
            yield Diagnosis(_ABOUT, Health.NOTE, found, _RUNS_ONCE)
    except FactoryError as error:
        yield Diagnosis(_ABOUT, Health.BAD, error.message, "look into the scheduler's log")
    finally:
        cluster.close()


def _workers(engine: Engine, there: Mapping[str, object], answered: Mapping[str, object]) -> Iterator[Diagnosis]:
    if not there:
        advice = f"dask worker {engine.address} --nthreads 1, on each machine"
        yield Diagnosis(_ABOUT, Health.BAD, f"the scheduler at {engine.address} has no machine", advice)
        return
    of_version = [getattr(each, "version", "") for each in answered.values()]
    found = f"worker processes at {engine.address}: {len(there)}"
    silent, others = len(there) - len(answered), sorted(set(of_version) - {__version__})
    advice = f"pip install 'git-factory[dask]=={__version__}' where Dask's workers run"
    if silent or others:
        what = f"{silent} do not have git-factory, or do not answer" if silent else f"they have {', '.join(others)}"
        yield Diagnosis(_ABOUT, Health.BAD, f"{found}; this is git-factory {__version__}, and {what}", advice)
    else:
        yield Diagnosis(_ABOUT, Health.GOOD, f"{found}, with git-factory {__version__}")


def _needs(contracts: Mapping[str, Contract], machines: Mapping[str, Mapping[str, float]]) -> Iterator[Diagnosis]:
    for name, contract in contracts.items():
        needs = contract.worker.needs
        if needs and not any(offers(each, resources_of(needs)) for each in machines.values()):
            yield Diagnosis(f"contract {name}", Health.BAD, f"no machine offers {spelled(needs)}", offered_by(needs))
