"""The files of a run: what its outcome leaves in its folder, by name."""

from factory.execution.checks.evidence import Gathered
from factory.execution.outcome import RunOutcome, SeatResult
from factory.model.evidence import Evidence
from factory.store import files
from factory.store.logs import cut


def run_files(outcome: RunOutcome) -> dict[str, bytes]:
    """Everything that an outcome leaves, by its path below the run's folder."""
    work, proof = outcome.work, outcome.proof
    written: dict[str, bytes] = {"output.log": cut(work.log), "patch.diff": work.patch}
    if outcome.hooks:
        written["hooks.log"] = cut(outcome.hooks)
    if work.prompt:
        written["prompt.md"] = work.prompt.encode()
    if work.raw_result is not None:
        written["result.json"] = work.raw_result
    elif work.result is not None:
        written["result.json"] = files.as_json(work.result.model_dump(mode="json"))
    if outcome.evidence is not None:
        written["evidence.json"] = _evidence(outcome.evidence)
    written |= {name: cut(log) for name, log in proof.logs.items()} if proof else {}
    for each in outcome.seats:
        written[f"verdict.{each.seat}.yaml"] = _verdict(each)
        written[f"seats/{each.seat}.log"] = cut(each.log)
    return written | {f"files/{name}": data for name, data in work.files.items()}


def rechecked_files(gathered: Gathered) -> dict[str, bytes]:
    """What the checks said when they were run again, to be kept beside what they said first."""
    logs = {f"recheck/{name}": cut(log) for name, log in gathered.logs.items()}
    return {"recheck.json": _evidence(gathered.evidence), **logs}


def _verdict(said: SeatResult) -> bytes:
    """What is kept of a machine's verdict: with who gave it, and without what says nothing."""
    told = said.verdict.model_dump(mode="json", exclude_defaults=True)
    return files.as_json({**told, "decision": str(said.verdict.decision), "reviewer": said.reviewer})


def _evidence(evidence: Evidence) -> bytes:
    return files.as_json(evidence.model_dump(mode="json"))
