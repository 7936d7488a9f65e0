"""Audit: how many commits a second are held against the rules, in a short history and in one four times as long."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from factory.line.review.review_request import ReviewRequest
from factory.line.review.verdict_file import verdict_file
from factory.line.review.votes import delivery_of
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.line.writer import Move, Writer
from factory.model.events import Delivered, Finished, Released, RunSummary, Started
from factory.model.evidence import Evidence, Ran
from factory.model.journal import SeatVerdict
from factory.model.layout import verdict_path
from factory.model.lease import Lease
from factory.model.lifecycle import Lane, Outcome
from factory.model.subject import subject_of
from factory.model.verdict import Decision
from factory.report.audit.audit import Audit, audit
from factory.report.audit.content import content_name
from factory.store.artifacts import left_by_worker, with_manifest
from factory.store.files import as_json
from factory.store.queue import VerdictFile
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.comparison import FileChange
from factory.store.repository.objects import FILE, Person, TreeEntry, name_of
from factory.store.repository.repository import Repository
from factory.store.repository.trees import TreeEditor
from factory.store.system import MACHINE
from tests.benchmarks.measure import Row, build
from tests.world import REVIEWED, SCRIPTED, WORKFLOW, say_nothing

_CYCLES, _TOSSED, _TOSSES = 160, 60, 10  # of the short history: items finished, and items only started and released
_ME, _ANN = Person("factory", "factory@benchmark"), Person("Ann", "ann@example.org")


def _files(times: int) -> dict[str, str]:
    files = {"WORKFLOW.md": WORKFLOW, "contracts/scripted.yaml": SCRIPTED, "contracts/reviewed.yaml": REVIEWED}
    files |= {f"queue/inbox/tossed-{n}.yaml": f"title: Item {n}\n" for n in range(_TOSSED * times)}
    made = "contract: reviewed\ndescription: to be made, judged and merged\n"
    return files | {f"queue/inbox/made-{n}.yaml": f"title: Make {n}\n{made}" for n in range(_CYCLES * times)}


class _Maker:
    """Makes a history with the ledger, as the line would, but without running anything."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._objects = repository.objects
        self._writer = Writer(repository, "main", _ME, say_nothing)
        self._reader = SnapshotReader(repository, "main")
        head = repository.head("main")
        assert head is not None
        self._snapshot: Snapshot = self._reader.snapshot(MACHINE.now(), head)
        self._writer.begin(head)

    def make(self) -> None:
        """Everything, in batches."""
        cases = list(self._snapshot.items.values())
        tossed = [case for case in cases if case.id.startswith("tossed")]
        for _ in range(_TOSSES):
            for number, case in enumerate(tossed):
                tossed[number] = self._writer.move(self._start(case), Move(Released(to=Lane.INBOX, reason="on")))
                self._writer.publish_when_due()
        for case in cases:
            if case.id.startswith("made"):
                self._cycle(case)
                self._writer.publish_when_due()
        self._writer.publish()

    def _start(self, case: ItemState) -> ItemState:
        run = case.history.run + 1
        ends = MACHINE.now() + timedelta(minutes=20)
        lease = Lease(owner="benchmark", generation=run, expires_at=ends, base=self._writer.head, item=case.placed.blob)
        move = Move(Started(lease=lease, worker="factory-scripted"), run=run)
        return self._writer.move(case, move)

    def _cycle(self, case: ItemState) -> None:
        """Start, delivery with artifacts, a person's verdict, the merge, and the finish."""
        base = self._writer.head
        case = self._start(case)
        assert case.item is not None and case.contract is not None
        path, data = f"made/{case.id[5:].zfill(6)[:4]}/{case.id}.txt", f"{case.id}\n".encode()
        proposal = self._proposal(case.id, base, path, data)
        tree = content_name(self._objects, self._objects.commit(proposal).tree)
        ran = tuple(Ran(name=f"check-{n}", run=("true",), exit_code=0, seconds=0.1) for n in range(2))
        evidence = Evidence(base=base, proposal=proposal, target=base, tree=tree, ran=ran)
        files = {
            "output.log": b"working\n" * 50,
            "patch.diff": _patch(path, data),
            "prompt.md": b"Make it.\n" * 20,
            "result.json": b'{"status": "ok"}\n',
            "evidence.json": as_json(evidence.model_dump(mode="json")),
            **{f"checks/{each.name}.log": b"fine\n" for each in ran},
        }
        source = self._reader.library.contract_bytes(self._snapshot.tree, "reviewed") or b""
        governing = self._snapshot.policy.governing()
        subject = subject_of(case.item, source, governing, files["patch.diff"], left_by_worker(files))
        delivered = Delivered(subject=subject, proposal=proposal, summary=RunSummary(seconds=1.0))
        opened = verdict_path(case.id, "human")
        request = ReviewRequest(
            delivery=delivery_of(case, subject),
            contract=case.contract,
            policy=self._snapshot.policy,
            evidence=evidence,
            changes=(FileChange("A", path, added=1, removed=0),),
            result=None,
            said={},
            earlier=(),
        )
        verdict = verdict_file(request, "human")
        move = Move(delivered, with_manifest(files), {opened: verdict})
        case = self._writer.move(case, move)
        verdict = verdict.replace(b"decision: pending", b"decision: approve")
        self._writer.take_in(_ANN, {opened: verdict}, "factory: take in a verdict")
        self._finish(case, subject, evidence, (path, data), VerdictFile(case.id, "human", opened, ""))

    def _finish(
        self, case: ItemState, subject: str, evidence: Evidence, file: tuple[str, bytes], verdict: VerdictFile
    ) -> None:
        batch = self._writer.batch
        batch.tree.put_file(*file)
        text = f"Merge {case.id}\n\nFactory-Item: {case.id}\nFactory-Subject: {subject}\nFactory-Actor: {_ME}\n"
        applied = batch.commit(text, Signature(_ME, _ME, MACHINE.now()), evidence.proposal)
        said = SeatVerdict(seat="human", decision=Decision.APPROVE, reviewer=str(_ANN))
        finished = Finished(
            outcome=Outcome.APPLIED,
            subject=subject,
            proposal=evidence.proposal,
            verdicts=(said,),
            applied=applied,
        )
        self._writer.move(case, Move(finished), [verdict])

    def _proposal(self, item_id: str, base: str, path: str, data: bytes) -> str:
        tree = TreeEditor(self._objects, self._objects.commit(base).tree)
        tree.put(path, TreeEntry(FILE, self._objects.add("blob", data)))
        worker = Person("worker factory-scripted", f"{item_id}@workers.factory.invalid")
        return add_commit(self._objects, tree.write(), (base,), "Make it.\n", Signature(worker, _ME, MACHINE.now()))


def _patch(path: str, data: bytes) -> bytes:
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex {'0' * 40}..{name_of('blob', data)}\n"
    return f"{head}--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+".encode() + data


def _history(place: Path, times: int) -> Path:
    world = build(place, _files(times), 200)
    world.git("symbolic-ref", "HEAD", "refs/heads/elsewhere")
    with closing(Repository(world.root)) as repository:
        repository.state.mkdir(exist_ok=True)
        _Maker(repository).make()
    world.git("symbolic-ref", "HEAD", "refs/heads/main")
    return world.root


def _quiet(root: Path) -> Audit:
    with closing(Repository(root)) as repository:
        head = repository.head("main")
        assert head is not None
        found = audit(repository, head)
    if found.violations:
        raise AssertionError(f"an honest history was found fault with: {found.violations[:3]}")
    return found


_PROGRAM = """import re, sys, pathlib
from factory.cli.program import run
status = run(["audit"])
print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
sys.exit(status)
"""


def _run(root: Path) -> tuple[float, float]:
    """(seconds, the most MB held) of the command as a person runs it, start and all."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=root, capture_output=True, text=True, check=True)
    return time.perf_counter() - begun, int(done.stdout.split("\n")[-2]) / 1024


def measure(place: Path) -> Iterator[Row]:
    """The same kinds of commits, once and four times as many."""
    short, long = _history(place / "short", 1), _history(place / "long", 4)
    few, many = _quiet(short).commits, _quiet(long).commits
    runs = [(_run(short), _run(long)) for _ in range(3)]  # in turns, and the best counts: others work here too
    fast, slow = (count / min(run[n][0] for run in runs) for n, count in enumerate((few, many)))
    yield Row(f"audit of {few} commits", fast, "/s", ">=", 300)
    yield Row(f"audit of {many} commits", slow, "/s", ">=", 300)
    yield Row("… beside the shorter history", slow, "/s", ">=", 0.8, fast)
    small, large = (max(run[n][1] for run in runs) for n in (0, 1))
    yield Row("memory for four times the commits", large, "MB", "<=", 2, small)
