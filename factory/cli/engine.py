"""The orchestrator of a command: with the engine that WORKFLOW.md asks for, which is loaded only then."""

import importlib

from factory.execution.agents.kinds import AGENTS
from factory.execution.cell.pool import Cells, cells_root
from factory.execution.host import Host
from factory.execution.local import LocalExecutor
from factory.line.orchestrator import Orchestrator
from factory.line.snapshot import SnapshotReader
from factory.model.engine import KEPT_HERE
from factory.model.errors import UnusableError
from factory.model.events import Tell
from factory.model.layout import WORKFLOW
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository

_DASK = "factory.execution.dask.executor"


def orchestrator_of(repository: Repository, tell: Tell, *, push: bool | None) -> Orchestrator:
    """Raises UnusableError where the engine cannot be had: it is not installed, or other keys are against it."""
    branch = locate_branch(repository)
    tree = repository.objects.commit(repository.tip(branch)).tree
    policy = SnapshotReader(repository, branch).library.workflow(tree, branch).policy
    if policy.engine.is_local:
        return Orchestrator(repository, tell, push=push)
    if policy.workspace.keep:
        raise UnusableError(f"{WORKFLOW}: workspace.keep: {KEPT_HERE}", "factory check")
    cells = Cells(repository, cells_root(repository.common_dir, policy.workspace.root))
    local = LocalExecutor(Host.of(repository, cells, AGENTS))
    executor = importlib.import_module(_DASK).DaskExecutor(policy.engine.address, branch, local)
    return Orchestrator(repository, tell, executor=executor, local=local, push=push)
