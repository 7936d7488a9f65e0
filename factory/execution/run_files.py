"""The files of a run: what its outcome leaves in its folder, by name."""

from factory.execution.checks.evidence import Gathered
from factory.execution.outcome import RunOutcome, SeatResult
from factory.model.evidence import Evidence
from factory.model.run_layout import (
    EVIDENCE,
    HOOKS,
    OUTPUT,
    PATCH,
    PROMPT,
    RECHECK,
    RESULT,
    TRACE,
    kept_verdict,
    rechecked,
    seat_log,
    seat_trace,
    service_log,
    worker_file,
)
from factory.store import files
from factory.store.logs import cut


def run_files(outcome: RunOutcome) -> dict[str, bytes]:
    """Everything that an outcome leaves, by its path below the run's folder."""
    work, proof = outcome.work, outcome.proof
    written: dict[str, bytes] = {OUTPUT: cut(work.log), PATCH: work.patch}
    if outcome.hooks:
        written[HOOKS] = cut(outcome.hooks)
    if work.trace:
        written[TRACE] = work.trace
    if work.prompt:
        written[PROMPT] = work.prompt.encode()
    if work.raw_result is not None:
        written[RESULT] = work.raw_result
    elif work.result is not None:
        written[RESULT] = files.as_json(work.result.model_dump(mode="json"))
    if outcome.evidence is not None:
        written[EVIDENCE] = evidence_file(outcome.evidence)
    written |= {name: cut(log) for name, log in proof.logs.items()} if proof else {}
    written |= {service_log(name): cut(log) for name, log in work.services.items()}
    for each in outcome.seats:
        written[kept_verdict(each.seat)] = _verdict(each)
        written[seat_log(each.seat)] = cut(each.log)
        if each.trace:
            written[seat_trace(each.seat)] = each.trace
    return written | {worker_file(name): data for name, data in work.files.items()}


def rechecked_files(gathered: Gathered) -> dict[str, bytes]:
    """What the checks said when they were run again, to be kept beside what they said first."""
    logs = {rechecked(name): cut(log) for name, log in gathered.logs.items()}
    return {RECHECK: evidence_file(gathered.evidence), **logs}


def _verdict(said: SeatResult) -> bytes:
    """What is kept of a machine's verdict: with who gave it, and without what says nothing."""
    told = said.verdict.model_dump(mode="json", exclude_defaults=True)
    return files.as_json({**told, "decision": str(said.verdict.decision), "reviewer": said.reviewer})


def evidence_file(evidence: Evidence) -> bytes:
    """Evidence as it is kept, and as seats are told it."""
    return files.as_json(evidence.model_dump(mode="json"))
