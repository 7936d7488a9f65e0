"""The seal: nothing that a run left is written down before it has been looked through for secrets."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from factory.execution.agents.deliverables import Breach
from factory.execution.agents.reviewer import SeatResult
from factory.execution.agents.worker import Run, breached
from factory.execution.redaction.mask import Mask
from factory.execution.redaction.scanner import Found, Scanner, Unscannable, ends, redacted
from factory.execution.request import RunRequest
from factory.model.base import Format
from factory.model.verdict import MachineVerdict
from factory.store.repository.objects import Objects

_Model = TypeVar("_Model", bound=Format)


class Redactor:
    """Looks through what runs left."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._scanner = Scanner()

    def make_ready(self, request: RunRequest) -> None:
        """Let the scan load while the worker works."""
        self._scanner.make_ready(request.policy.secret_scan)

    def inspect(self, request: RunRequest, run: Run) -> Run:
        """A run that wants to deliver; a breach of its contract when its change or its files hold a secret."""
        if run.failure is not None:
            return run
        mask = Mask.of_environment(request.contract.worker.secrets)
        texts = {f"change/{path}": data for path, data in self._changed(run)}
        texts |= {f"files/{name}": data for name, data in run.files.items()}
        texts |= {"result.json": run.raw_result} if run.raw_result else {}
        breaches: list[Breach] = [
            (name.removeprefix("change/"), "holds a secret that the contract let through")
            for name, data in texts.items()
            if mask.holds(data) or (run.exposed and name == "result.json")
        ]
        breaches += [
            (change.path, "has a secret in its name that the contract let through")
            for change in run.changes
            if mask.text(change.path) != change.path
        ]
        for found in self._scanner.scan(request.policy.secret_scan, texts):
            where = f"line {found.line} holds" if found.name else "the secret scan found"
            breaches.append((found.name.removeprefix("change/"), f"{where} what looks like a secret: {found.kind}"))
        return breached(run, breaches) if breaches else run

    def _changed(self, run: Run) -> Iterator[tuple[str, bytes]]:
        """(path, content) of each changed file, with the lines that were there before left empty."""
        for change in run.changes:
            if change.new:
                before = self._objects.blob(change.old.oid).split(b"\n") if change.old else []
                known = frozenset(before)
                brought = run.brought.get(change.new.oid)
                now = (brought[1] if brought else self._objects.blob(change.new.oid)).split(b"\n")
                yield change.path, b"\n".join(b"" if line in known else line for line in now)

    def close(self, request: RunRequest, run: Run) -> Run:
        """The run as it may be written down: named secrets by their names, lines that look like secrets left out."""
        run = _masked(run, Mask.of_environment(request.contract.worker.secrets))
        tails = {f"tail/{ran.name}": ran.tail.encode() for ran in run.evidence.ran} if run.evidence else {}
        logs = {"log": run.log, "hooks": run.hooks, **tails, **run.logs}
        texts = dict(logs)
        if run.failure is not None or not run.delivers:  # else they have been inspected, and are judged as they are
            texts |= {"raw": run.raw_result or b""} | {f"files/{n}": d for n, d in run.files.items()}
            texts |= {} if run.proposal else {"patch": run.patch}
        looked_at = {name: ends(data) if name in logs else data for name, data in texts.items() if data}
        found = self._scanner.scan(request.policy.secret_scan, looked_at)
        return _redacted(run, texts, found) if found else run

    def close_said(self, request: RunRequest, run: Run) -> Run:
        """The same of what machine seats said; a verdict that holds what looks like a secret is lost."""
        texts = {f"log/{said.seat}": ends(said.log) for said in run.said if said.log}
        texts |= {f"verdict/{said.seat}": said.verdict.model_dump_json(indent=1).encode() for said in run.said}
        found = self._scanner.scan(request.policy.secret_scan, texts)
        return replace(run, said=tuple(_clean(said, found) for said in run.said)) if found else run

    def clean(self, request: RunRequest, output: bytes) -> bytes:
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
    names = {each.name for each in found} | ({f"log/{said.seat}", f"verdict/{said.seat}"} if _of_all(found) else set())
    if f"log/{said.seat}" in names:
        said = replace(said, log=redacted(said.log, [each for each in found if each.name in ("", f"log/{said.seat}")]))
    if f"verdict/{said.seat}" in names:
        subject = said.verdict.subject
        lost = MachineVerdict(subject=subject, lost="it holds what looks like a secret, and is not kept")
        said = replace(said, verdict=lost)
    return said


def _of_all(found: list[Found]) -> bool:
    """Whether the scan found something and does not say where."""
    return any(not each.name for each in found)


def _masked(run: Run, mask: Mask) -> Run:
    hide = mask.hide
    return replace(
        run,
        prompt=mask.text(run.prompt),
        log=hide(run.log),
        hooks=mask.hide_cut(run.hooks),
        result=run.result and _without(run.result, mask),
        raw_result=run.raw_result and hide(run.raw_result),
        failure=run.failure and run.failure._replace(reason=mask.text(run.failure.reason)),
        # A proposal was inspected before it was made, and is made again from its patch.
        patch=run.patch if run.proposal else hide(run.patch),
        files={name: hide(data) for name, data in run.files.items()},
        findings=tuple(_without(finding, mask) for finding in run.findings),
        evidence=run.evidence and _without(run.evidence, mask),
        logs={name: hide(data) for name, data in run.logs.items()},
    )


def _without(model: _Model, mask: Mask) -> _Model:
    """The same without secrets in its texts; as it is when a secret is a word that the format itself needs."""
    try:
        return type(model).model_validate_json(json.dumps(_hidden(model.model_dump(mode="json"), mask)))
    except ValidationError:
        return model


def _hidden(value: JsonValue, mask: Mask) -> JsonValue:
    if isinstance(value, str):
        return mask.text(value)
    if isinstance(value, list):
        return [_hidden(each, mask) for each in value]
    return {name: _hidden(each, mask) for name, each in value.items()} if isinstance(value, dict) else value


def _redacted(run: Run, texts: Mapping[str, bytes], found: list[Found]) -> Run:
    """The run without the lines that were found."""
    clean = dict(texts)
    for name in texts:
        here = [each for each in found if each.name in (name, "")]
        if here and texts[name]:
            clean[name] = redacted(texts[name], here)
    evidence = run.evidence and run.evidence.model_copy(
        update={
            "ran": tuple(
                ran.model_copy(update={"tail": clean[f"tail/{ran.name}"].decode(errors="replace")})
                for ran in run.evidence.ran
            )
        }
    )
    return replace(
        run,
        log=clean["log"],
        hooks=clean["hooks"],
        logs={name: clean[name] for name in run.logs},
        evidence=evidence,
        patch=clean.get("patch", run.patch),
        raw_result=clean.get("raw", run.raw_result or b"") or None,
        files={name: clean.get(f"files/{name}", data) for name, data in run.files.items()},
    )
