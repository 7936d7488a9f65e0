"""Redaction: nothing that a run left is written down before it has been looked through for secrets."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from factory.execution.agents.deliverables import Breach, breached
from factory.execution.checks.evidence import Gathered
from factory.execution.outcome import Proof, RunOutcome, SeatResult, Work
from factory.execution.redaction.mask import Mask
from factory.execution.redaction.scanner import Found, Scanner, Unscannable, ends, redacted
from factory.execution.request import RunRequest
from factory.model.base import Format
from factory.model.evidence import Evidence
from factory.model.failure import Failure
from factory.model.run_layout import RESULT, worker_file
from factory.model.verdict import MachineVerdict
from factory.store.repository.objects import Objects

_Model = TypeVar("_Model", bound=Format)
_SERVICE = "services/"  # before the name of one whose log is looked through


class Redactor:
    """Looks through what runs left."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._scanner = Scanner()

    def make_ready(self, request: RunRequest) -> None:
        """Let the scan load while the worker works."""
        self._scanner.make_ready(request.policy.secret_scan)

    def inspect(self, request: RunRequest, done: Work) -> Work:
        """Work that is to be delivered; a breach of its contract when its change or its files hold a secret."""
        if not done.delivers:
            return done
        mask = Mask.of_environment(request.secrets)
        texts = {f"change/{path}": data for path, data in self._changed(done)}
        texts |= {worker_file(name): data for name, data in done.files.items()}
        texts |= {RESULT: done.raw_result} if done.raw_result else {}
        breaches: list[Breach] = [
            (name.removeprefix("change/"), "holds a secret that the contract let through")
            for name, data in texts.items()
            if mask.finds(data) or (done.exposed and name == RESULT)
        ]
        breaches += [
            (change.path, "has a secret in its name that the contract let through")
            for change in done.changes
            if mask.text(change.path) != change.path
        ]
        breaches += [
            (name, "has a secret in its name that the contract let through")
            for name in done.files
            if mask.text(name) != name
        ]
        for found in self._scanner.scan(request.policy.secret_scan, texts):
            where = f"line {found.line} holds" if found.name else "the secret scan found"
            breaches.append((found.name.removeprefix("change/"), f"{where} what looks like a secret: {found.kind}"))
        return breached(done, breaches) if breaches else done

    def _changed(self, done: Work) -> Iterator[tuple[str, bytes]]:
        """(path, content) of each changed file, with the lines that were there before left empty."""
        for change in done.changes:
            if change.new:
                before = self._objects.blob(change.old.oid).split(b"\n") if change.old else []
                known = frozenset(before)
                brought = done.brought.get(change.new.oid)
                now = (brought[1] if brought else self._objects.blob(change.new.oid)).split(b"\n")
                yield change.path, b"\n".join(b"" if line in known else line for line in now)

    def redact(self, request: RunRequest, outcome: RunOutcome) -> RunOutcome:
        """The outcome as it may be written down: secrets by their names, lines that look like secrets left out."""
        given = outcome.work.patch  # of one that holds a secret nothing is kept: without the secret it is another one
        outcome = _masked(outcome, Mask.of_environment(request.secrets))
        work, proof = outcome.work, outcome.proof
        logs = {"log": work.log, "trace": work.trace, "hooks": work.hooks}
        logs |= {f"{_SERVICE}{name}": log for name, log in work.services.items()}
        if proof is not None:
            tails = {f"tail/{ran.name}": ran.tail.encode() for ran in proof.evidence.ran} if proof.evidence else {}
            logs |= {"proof/hooks": proof.hooks, **tails, **proof.logs}
            logs |= {f"finding/{each.id}": each.text.encode() for each in proof.findings}
        texts = dict(logs)
        if (
            outcome.failure is not None or not work.claims_success
        ):  # else they were inspected, and are judged as they are
            texts |= {"raw": work.raw_result or b""} | {worker_file(n): d for n, d in work.files.items()}
            texts |= {} if outcome.proposal else {"patch": work.patch}
        looked_at = {name: ends(data) if name in logs else data for name, data in texts.items() if data}
        found = self._scanner.scan(request.policy.secret_scan, looked_at)
        outcome = _redacted(outcome, texts, found) if found else outcome
        whole = outcome.proposal or outcome.work.patch == given
        return outcome if whole else replace(outcome, work=replace(outcome.work, patch=b""))

    def redact_evidence(self, request: RunRequest, gathered: Gathered) -> Gathered:
        """Evidence that was gathered anew, as it may be written down."""
        outcome = self.redact(request, RunOutcome(Work(), Proof("", gathered.evidence, gathered.logs)))
        assert outcome.proof is not None
        return Gathered(outcome.evidence or gathered.evidence, outcome.proof.logs)

    def redact_reviews(self, request: RunRequest, outcome: RunOutcome) -> RunOutcome:
        """What machine seats said, as it may be written down; a verdict that holds what looks like a secret is lost."""
        texts = {f"log/{said.seat}": ends(said.log) for said in outcome.seats if said.log}
        texts |= {f"trace/{said.seat}": ends(said.trace) for said in outcome.seats if said.trace}
        texts |= {f"verdict/{said.seat}": said.verdict.model_dump_json(indent=1).encode() for said in outcome.seats}
        found = self._scanner.scan(request.policy.secret_scan, texts)
        if not found or outcome.reviews is None:
            return outcome
        seats = tuple(_clean(said, found) for said in outcome.seats)
        return replace(outcome, reviews=replace(outcome.reviews, seats=seats))

    def redact_output(self, request: RunRequest, output: bytes) -> bytes:
        """A text without the lines that look like secrets; nothing of it where that cannot be found out."""
        texts = {"output": ends(output)} if output else {}
        try:
            return redacted(output, self._scanner.scan(request.policy.secret_scan, texts))
        except Unscannable as error:  # what it is the output of has happened
            return f"[masked: {error.message}]\n".encode()

    def close_down(self) -> None:
        """End the scanner."""
        self._scanner.close()


def _clean(said: SeatResult, found: list[Found]) -> SeatResult:
    of_log, of_trace = (
        [each for each in found if each.name in ("", f"{text}/{said.seat}")] for text in ("log", "trace")
    )
    said = replace(said, log=redacted(said.log, of_log) if of_log else said.log)
    said = replace(said, trace=redacted(said.trace, of_trace) if of_trace and said.trace else said.trace)
    if _of_all(found) or any(each.name == f"verdict/{said.seat}" for each in found):
        subject = said.verdict.subject
        lost = MachineVerdict(subject=subject, lost="it holds what looks like a secret, and is not kept")
        said = replace(said, verdict=lost)
    return said


def _of_all(found: list[Found]) -> bool:
    """Whether the scan found something and does not say where."""
    return any(not each.name for each in found)


def _masked(outcome: RunOutcome, mask: Mask) -> RunOutcome:
    hide, work, proof = mask.hide, outcome.work, outcome.proof
    clean = replace(
        work,
        prompt=mask.text(work.prompt),
        log=hide(work.log),
        trace=hide(work.trace),
        hooks=mask.hide_cut(work.hooks),
        result=work.result and _without(work.result, mask),
        raw_result=work.raw_result and hide(work.raw_result),
        failure=_hidden_failure(work.failure, mask),
        # A proposal was inspected before it was made, and is made again from its patch.
        patch=work.patch if outcome.proposal else hide(work.patch),
        files={name: hide(data) for name, data in work.files.items()},
        services={name: mask.hide_cut(log) for name, log in work.services.items()},
        findings=tuple(_without(finding, mask) for finding in work.findings),
        still_wrong=(),  # the proof has them
    )
    proven = proof and replace(
        proof,
        hooks=mask.hide_cut(proof.hooks),
        failure=_hidden_failure(proof.failure, mask),
        findings=tuple(_without(finding, mask) for finding in proof.findings),
        evidence=proof.evidence and _with_names_of(proof.evidence, _without(proof.evidence, mask)),
        logs={name: hide(data) for name, data in proof.logs.items()},
    )
    return replace(outcome, work=clean, proof=proven)


def _hidden_failure(failure: Failure | None, mask: Mask) -> Failure | None:
    return failure and failure._replace(reason=mask.text(failure.reason))


def _without(model: _Model, mask: Mask) -> _Model:
    """A value without secrets in its texts; as it is when a secret is a word that the format itself needs."""
    try:
        return type(model).model_validate_json(json.dumps(_hidden(model.model_dump(mode="json"), mask)))
    except ValidationError:
        return model


def _with_names_of(evidence: Evidence, hidden: Evidence) -> Evidence:
    """Evidence without secrets, that still says what it is about: a request's own names are no secrets."""
    names = {name: getattr(evidence, name) for name in ("base", "proposal", "target", "tree")}
    ran = tuple(
        now.model_copy(update={"name": was.name, "criterion": was.criterion})
        for was, now in zip(evidence.ran, hidden.ran, strict=True)
    )
    return hidden.model_copy(update={**names, "ran": ran})


def _hidden(value: JsonValue, mask: Mask) -> JsonValue:
    if isinstance(value, str):
        return mask.text(value)
    if isinstance(value, list):
        return [_hidden(each, mask) for each in value]
    return {name: _hidden(each, mask) for name, each in value.items()} if isinstance(value, dict) else value


def _redacted(outcome: RunOutcome, texts: Mapping[str, bytes], found: list[Found]) -> RunOutcome:
    """The outcome without the lines that were found."""
    clean = dict(texts)
    for name in texts:
        here = [each for each in found if each.name in (name, "")]
        if here and texts[name]:
            clean[name] = redacted(texts[name], here)
    work, proof = outcome.work, outcome.proof
    work = replace(
        work,
        log=clean["log"],
        trace=clean["trace"],
        hooks=clean["hooks"],
        patch=clean.get("patch", work.patch),
        raw_result=clean.get("raw", work.raw_result or b"") or None,
        files={name: clean.get(worker_file(name), data) for name, data in work.files.items()},
        services={name: clean[f"{_SERVICE}{name}"] for name in work.services},
    )
    if proof is None:
        return replace(outcome, work=work)
    evidence = proof.evidence and proof.evidence.model_copy(
        update={
            "ran": tuple(
                ran.model_copy(update={"tail": clean[f"tail/{ran.name}"].decode(errors="replace")})
                for ran in proof.evidence.ran
            )
        }
    )
    logs = {name: clean[name] for name in proof.logs}
    findings = tuple(
        each.model_copy(update={"text": clean[f"finding/{each.id}"].decode(errors="replace")})
        for each in proof.findings
    )
    proof = replace(proof, hooks=clean["proof/hooks"], logs=logs, findings=findings, evidence=evidence)
    return replace(outcome, work=work, proof=proof)
