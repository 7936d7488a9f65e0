"""Engine settings: what WORKFLOW.md and contracts say of machines and cannot be had, seen from the files alone."""

from collections.abc import Iterator
from pathlib import Path

from factory.line.policy_problems import at
from factory.model.engine import KEPT_HERE, unmet_here
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import WORKFLOW, contract_path
from factory.report.cross_checks import content, contracts_in
from factory.store import files, yaml
from factory.store.library import front_matter, read_workflow


def of_engine(root: Path) -> Iterator[Problem]:
    """What is wrong with the engine, and with what contracts need of it; nothing of files that cannot be read."""
    data = files.read_regular(root / WORKFLOW)
    try:
        source, policy = front_matter(data or b"")[0], read_workflow(data or b"").policy
    except InvalidFile:
        return  # told of the file itself
    if source is not None and policy.workspace.keep and not policy.engine.is_local:
        yield at(source, ("workspace", "keep"), KEPT_HERE)
    for name, contract in contracts_in(root):
        unmet = unmet_here(contract.worker.needs, policy.engine)
        if unmet:
            path = contract_path(name)
            yield at(yaml.Source(path, content(root, path) or b""), ("worker", "needs"), unmet)
