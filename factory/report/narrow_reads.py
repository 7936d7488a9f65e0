"""Narrow reads: checks that were seen to read more than their contract says, whose results nobody reuses."""

import json
from collections.abc import Iterator

from factory.execution.checks.committed_runs import CommittedRuns
from factory.execution.checks.trace import tracer
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.base import digest
from factory.model.contract import Check, Contract
from factory.model.layout import contract_path
from factory.model.policy import Policy
from factory.model.reads import HISTORY, Reads
from factory.report.diagnosis import Diagnosis, Health
from factory.store import yaml
from factory.store.read_samples import ReadSamples

_SHOWN = 10  # paths that are named
_LOOK = "factory doctor --checks, or the next run of it that passes"


def seen_reads(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Diagnosis]:
    """What is known of the `reads` of every check, without running any."""
    samples, committed = ReadSamples(reader.repository.state), CommittedRuns(reader.repository)
    untold = not tracer()
    for name, contract in reader.library.contracts(snapshot.tree):
        source = yaml.Source(contract_path(name), reader.library.contract_bytes(snapshot.tree, name) or b"")
        text = digest(source.data)
        for number, check in enumerate(contract.checks):
            if check.reads is None:
                continue
            if untold:
                untold = False
                found = (
                    "strace is missing, or does not work here: what checks read cannot be held against their `reads`"
                )
                yield Diagnosis("reads", Health.NOTE, found, "apt-get install strace")
            line, column = yaml.place(source, ("checks", number, "reads"))
            where = f"{source.path}:{line}:{column}"
            sample = samples.get(name, check.name)
            lacking = Reads.of(check.reads).lacking(sample.beyond) if sample else ()
            lacking = tuple(sorted({*lacking, *committed.missed(snapshot.tree, check.name, text)}))
            if idle := _idle(snapshot.policy, contract):
                yield Diagnosis(f"reads of {name}", Health.NOTE, f"{where}: have no effect, since {idle}")
            elif lacking:
                yield _narrow(name, where, check, lacking)
            elif sample is None or sample.text != text:
                found = f"{where}: what the check {check.name} reads has not been looked at yet"
                yield Diagnosis(f"reads of {name}", Health.NOTE, found, _LOOK if tracer() else "")
            elif not sample.seen:
                found = f"{where}: the check {check.name} passes only while nobody looks at what it reads"
                yield Diagnosis(f"reads of {name}", Health.NOTE, found, "see that its `reads` name all of it")
            else:
                yield Diagnosis(f"reads of {name}", Health.GOOD, f"{check.name} reads no more than it says")


def _idle(policy: Policy, contract: Contract) -> str:
    """Why `reads` cannot be relied on, whatever they name."""
    if (policy.hooks.after_create or "").strip():
        return "the hook after_create may make anything of the files"
    return "what may use the network can end in any way" if contract.worker.sandbox.network else ""


def _narrow(name: str, where: str, check: Check, lacking: tuple[str, ...]) -> Diagnosis:
    """What to do about a check that reads more than it says."""
    shown = ", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else "")
    found = f"{where}: the check {check.name} reads {shown}, which its `reads` do not name; its results are not reused"
    if HISTORY in lacking:
        advice = "take `reads` away: git's own folder is no part of what they can name"
    else:
        advice = f"add {', '.join(map(json.dumps, to_add(lacking)))}"
    return Diagnosis(f"reads of {name}", Health.BAD, found, advice)


def to_add(lacking: tuple[str, ...]) -> list[str]:
    """What covers all of it, in few words: of many paths the folders at the top, with all that these hold."""
    if "*" in lacking:  # which covers what lies there
        lacking = ("*", *(path for path in lacking if "/" in path))
    return sorted({path.partition("/")[0] for path in lacking} if len(lacking) > _SHOWN else lacking)
