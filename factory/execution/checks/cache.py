"""The check cache: how commands ended, for whoever asks the same of the same files, and for nobody else.

Within a process what passed is known for the same content. Beyond that only results are reused of runs that are
committed, or land before whoever reuses them, for the same key: what the check reads, its argv, environment, contract.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from factory.execution.cell.environments import fingerprint
from factory.execution.checks.committed_runs import CommittedRuns
from factory.execution.checks.in_flight import CheckResult, InFlight, Question, SingleFlight
from factory.execution.checks.reads import ReadContents, reads_of, setup_of
from factory.execution.checks.sampling import Sampler, text_of
from factory.execution.control import Control
from factory.execution.request import RunRequest
from factory.model.base import Argv
from factory.model.evidence import CheckKey, ReusedRun
from factory.model.run_layout import EVIDENCE
from factory.store.check_runs import CheckRuns
from factory.store.logs import cut
from factory.store.read_samples import ReadSamples
from factory.store.repository.repository import Repository

_MOST = 500
NO_FOLDERS = fingerprint(())

Key = tuple[str, Argv, str]  # tree, command, digest of what surrounds them


class CheckCache:
    """A memory that threads share, of what ended well; the oldest go first."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, CheckResult] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> CheckResult | None:
        """How a command ended, if it is known."""
        with self._lock:
            return self._known.get(key)

    def put(self, key: Key, result: CheckResult) -> None:
        """Remember how a command ended, with no more of its log than would be committed."""
        with self._lock:
            self._known[key] = replace(result, log=cut(result.log))
            while len(self._known) > _MOST:
                self._known.popitem(last=False)


class GatheringCache:
    """What those who gather evidence know: all that they ran themselves, and what ended well for others.

    What failed for others may have been the machine's fault, and a person may have mended that where nobody looks.
    """

    def __init__(self, shared: CheckCache, surroundings: str) -> None:
        self._shared = shared
        self._surroundings = surroundings
        self._own: dict[tuple[str, Argv], CheckResult] = {}

    def get(self, tree: str, argv: Argv) -> CheckResult | None:
        """How a command ended on a tree, if it is known."""
        return self._own.get((tree, argv)) or self._shared.get((tree, argv, self._surroundings))

    def put(self, tree: str, argv: Argv, result: CheckResult) -> None:
        """Remember how a command ended on a tree; for others only if it ended well there."""
        self._own[tree, argv] = result
        if result.passed and result.reused_from is None and not result.on:
            self._shared.put((tree, argv, self._surroundings), result)


@dataclass(frozen=True)
class Asker:
    """Who asks for results: a request in its surroundings, and where its own runs will be committed."""

    request: RunRequest
    environment: str
    folders: str  # the fingerprint of the machine's folders that its cells see
    file: str = EVIDENCE  # in which they will be
    ahead: tuple[str, ...] = ()  # the items that land before it
    in_flight: InFlight | None = None

    def key(self, read: str, argv: Argv) -> CheckKey:
        """What decides how a command ends here."""
        return CheckKey(read, argv, self.environment, text_of(self.request))

    def question(self, read: str, argv: Argv) -> Question:
        """The same, for those who wait in this process."""
        return self.key(read, argv), self.folders

    def run_on(self, tree: str) -> ReusedRun:
        """How others call a run of its own, on a content."""
        request = self.request
        told = {"item": request.item_id, "run": request.run, "file": self.file, "tree": tree}
        return ReusedRun.model_validate(told)


class ReusableResults:
    """Finds results of runs on other contents, or of other processes and clones, that count here as well."""

    def __init__(self, repository: Repository) -> None:
        self.sampler = Sampler(repository.objects, ReadSamples(repository.state), repository.system)
        self.single_flight = SingleFlight()
        self._repository = repository
        self._contents = ReadContents(repository.objects)
        self._looking = threading.Lock()
        self._committed = CommittedRuns(repository)
        self._runs = CheckRuns(repository.state, repository.system)

    def read(self, request: RunRequest, name: str, argv: Argv, tree: str, target: str) -> str:
        """What a check of a contract reads of a content; nothing when its result hangs on what nobody can tell."""
        if not request.contract_source or request.contract.worker.sandbox.network:
            return ""
        reads = reads_of(request.policy, request.contract, name)
        if reads is not None and not self._is_set_up_alike(request, tree, target):
            reads = None
        with self._looking:
            return self._contents.digest(tree, request.contract, argv, reads)

    def _is_set_up_alike(self, request: RunRequest, tree: str, target: str) -> bool:
        """Whether the setup is that of the target's own content: else it is run with the proposal's."""
        setup, objects = setup_of(request.policy, request.contract), self._repository.objects
        locks = setup.locks if setup else ()
        trees = (tree, *(objects.commit(commit).tree for commit in (request.base, target)))
        of_proposal, *others = [[objects.find(each, path) for path in locks] for each in trees]
        return of_proposal in others

    def find(self, asker: Asker, name: str, argv: Argv, read: str, control: Control) -> CheckResult | None:
        """A result for a check that reads this; None when it has to be run."""
        if not read or self.sampler.beyond(asker.request, name):
            return None
        key = asker.key(read, argv)
        if asker.folders == NO_FOLDERS:
            found = self._committed.find(asker.request.policy, name, key)
        else:  # no commit tells of these folders
            wanted = self._runs.get(key, asker.folders)
            found = self._committed.find(asker.request.policy, name, key, wanted) if wanted else None
        if found is not None:
            ran = found.ran
            return CheckResult(0, "", ran.seconds, found.log, reused=True, read=read, reused_from=found.reused_from)
        question = asker.question(read, argv)
        own = asker.in_flight.own.get(question) if asker.in_flight else None  # it will be committed in this very file
        return own or self.single_flight.answer(asker.ahead, question, control)

    def ended(self, asker: Asker, argv: Argv, result: CheckResult, tree: str) -> None:
        """Remember how a check ended on a content; of a result that was reused, from whom it is."""
        if not (result.passed and result.read) or result.missed:
            if asker.in_flight is not None:
                asker.in_flight.end(asker.question(result.read, argv), None)
            return
        on = result.on or tree
        if asker.in_flight is not None:
            question = asker.question(result.read, argv)
            if result.reused_from is None:
                asker.in_flight.own[question] = replace(result, reused=True, on=on)
            source = result.reused_from or asker.run_on(on)
            asker.in_flight.end(question, replace(result, reused=True, reused_from=source, on=""))
        if not result.reused and asker.folders != NO_FOLDERS:
            self._runs.put(asker.key(result.read, argv), asker.folders, asker.run_on(on))
