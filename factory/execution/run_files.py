"""The record of a run: the files that it leaves in its folder, by name."""

from factory.execution.agents.reviewer import SeatResult
from factory.execution.agents.worker import Run
from factory.execution.checks.evidence import Gathered
from factory.model.evidence import Evidence
from factory.store import files
from factory.store.logs import cut


def run_files(run: Run) -> dict[str, bytes]:
    """What a run leaves."""
    written: dict[str, bytes] = {"output.log": cut(run.log), "patch.diff": run.patch}
    if run.hooks:
        written["hooks.log"] = cut(run.hooks)
    if run.prompt:
        written["prompt.md"] = run.prompt.encode()
    if run.raw_result is not None:
        written["result.json"] = run.raw_result
    elif run.result is not None:
        written["result.json"] = files.as_json(run.result.model_dump(mode="json"))
    if run.evidence is not None:
        written["evidence.json"] = _evidence(run.evidence)
    written |= {name: cut(log) for name, log in run.logs.items()}
    for each in run.said:
        written[f"verdict.{each.seat}.yaml"] = _verdict(each)
        written[f"seats/{each.seat}.log"] = cut(each.log)
    return written | {f"files/{name}": data for name, data in run.files.items()}


def recheck_files(gathered: Gathered | None) -> dict[str, bytes]:
    """What the checks said when they were run again, to be kept beside what they said first."""
    if gathered is None:
        return {}
    logs = {f"recheck/{name}": cut(log) for name, log in gathered.logs.items()}
    return {"recheck.json": _evidence(gathered.evidence), **logs}


def _verdict(said: SeatResult) -> bytes:
    """What is kept of a machine's verdict: with who gave it, and without what says nothing."""
    told = said.verdict.model_dump(mode="json", exclude_defaults=True)
    return files.as_json({**told, "decision": str(said.verdict.decision), "reviewer": said.reviewer})


def _evidence(evidence: Evidence) -> bytes:
    return files.as_json(evidence.model_dump(mode="json"))
