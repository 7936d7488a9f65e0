"""The check cache: how commands ended, for whoever asks the same of the same files, and for nobody else.

Within a process what passed is known for the same content. Beyond that a result is lent only by a run that is committed
or lands before whoever takes it over, for the same key: what the check reads, its argv, environment and contract.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from factory.execution.cell.environments import fingerprint
from factory.execution.checks.flights import CheckResult, Flight, Flights, Question
from factory.execution.checks.precedents import Precedents
from factory.execution.checks.reads import ReadContents, reads_of, setup_of
from factory.execution.checks.sampling import Sampler, text_of
from factory.execution.control import Control
from factory.execution.request import RunRequest
from factory.model.base import Argv
from factory.model.evidence import CheckKey, Taken
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
        if result.passed and result.taken is None and not result.on:
            self._shared.put((tree, argv, self._surroundings), result)


@dataclass(frozen=True)
class Asker:
    """Who asks for results: a request in its surroundings, and where its own runs will be committed."""

    request: RunRequest
    environment: str
    folders: str  # the fingerprint of the machine's folders that its cells see
    proof: str = "evidence"
    ahead: tuple[str, ...] = ()  # the items that land before it
    flight: Flight | None = None

    def key(self, read: str, argv: Argv) -> CheckKey:
        """What decides how a command ends here."""
        return CheckKey(read, argv, self.environment, text_of(self.request))

    def question(self, read: str, argv: Argv) -> Question:
        """The same, for those who wait in this process."""
        return self.key(read, argv), self.folders

    def run_on(self, tree: str) -> Taken:
        """How others call a run of its own, on a content."""
        request = self.request
        told = {"item": request.item_id, "run": request.run, "proof": self.proof, "tree": tree}
        return Taken.model_validate(told)


class Lender:
    """Lends results of runs on other contents, or of other processes and clones."""

    def __init__(self, repository: Repository) -> None:
        self.sampler = Sampler(repository.objects, ReadSamples(repository.state), repository.system)
        self.flights = Flights()
        self._repository = repository
        self._contents = ReadContents(repository.objects)
        self._looking = threading.Lock()
        self._precedents = Precedents(repository)
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

    def lend(self, asker: Asker, name: str, argv: Argv, read: str, control: Control) -> CheckResult | None:
        """A result for a check that reads this; None when it has to be run."""
        if not read or self.sampler.beyond(asker.request, name):
            return None
        key = asker.key(read, argv)
        if asker.folders == NO_FOLDERS:
            found = self._precedents.find(asker.request.policy, name, key)
        else:  # no commit tells of these folders
            wanted = self._runs.get(key, asker.folders)
            found = self._precedents.find(asker.request.policy, name, key, wanted) if wanted else None
        if found is not None:
            ran = found.ran
            return CheckResult(0, "", ran.seconds, found.log, reused=True, read=read, taken=found.taken)
        question = asker.question(read, argv)
        own = asker.flight.own.get(question) if asker.flight else None  # it will be committed with this very proof
        return own or self.flights.lent(asker.ahead, question, control)

    def ended(self, asker: Asker, argv: Argv, result: CheckResult, tree: str) -> None:
        """Remember how a check ended on a content: who has taken its result over says from whom."""
        if not (result.passed and result.read) or result.missed:
            if asker.flight is not None:
                asker.flight.end(asker.question(result.read, argv), None)
            return
        on = result.on or tree
        if asker.flight is not None:
            question = asker.question(result.read, argv)
            if result.taken is None:
                asker.flight.own[question] = replace(result, reused=True, on=on)
            asker.flight.end(question, replace(result, reused=True, taken=result.taken or asker.run_on(on), on=""))
        if not result.reused and asker.folders != NO_FOLDERS:
            self._runs.put(asker.key(result.read, argv), asker.folders, asker.run_on(on))
