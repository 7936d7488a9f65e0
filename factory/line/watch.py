"""Watch: pass after pass for ever, woken by the file system, by ended runs and by the clock."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

from factory.line.dispatch.still import same_until
from factory.line.leases.renew import due_in_s
from factory.line.orchestrator import Orchestrator, PassReport
from factory.model.errors import FactoryError, NothingButCommits, OutOfTurn, UnusableError
from factory.model.events import Noticed
from factory.model.layout import CONTRACTS, QUEUE, lane_folder
from factory.model.lifecycle import Lane
from factory.store.changes import FolderWatch
from factory.store.repository.repository import Repository
from factory.store.standstill import sight

_AGAIN_S = 5.0  # after a pass that could not be made
_PAUSE_S = 0.5


def is_news(place: Path) -> bool:
    """In git's own folder only what is checked out and what is staged is: it may have to be mended."""
    return place.name != ".git" and (place.parent.name != ".git" or place.name in ("HEAD", "index"))


def folders_of(repository: Repository, branch: str, target: str) -> list[tuple[Path, bool]]:
    """(folder, with all below it) of everything whose change may be news of the queue on a branch."""
    folders = [(repository.common_dir / "refs" / "heads", True)]
    view = repository.view_of(branch)
    if view is not None:
        queue = (view.root / QUEUE, *(view.root / lane_folder(lane) for lane in Lane), view.root / CONTRACTS)
        folders += [(view.git_dir, False), *((folder, False) for folder in queue if folder.is_dir())]
    beside = repository.view_of(target)
    if beside is not None and (beside.root / lane_folder(Lane.INBOX)).is_dir():
        folders.append((beside.root / lane_folder(Lane.INBOX), False))
    return list(dict.fromkeys(folders))


def _watched(orchestrator: Orchestrator) -> list[tuple[Path, bool]]:
    """The same, once every lane has its folder: what is dropped into one is to be noticed."""
    context = orchestrator.context
    view = context.repository.view_of(context.branch)
    if view is not None:
        for lane in Lane:
            (view.root / lane_folder(lane)).mkdir(parents=True, exist_ok=True)
    return folders_of(context.repository, context.branch, orchestrator.workflow.policy.target_branch)


class _Still:
    """Whether a pass that the clock alone asks for can be left out, as it would find what the last one has found."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._seen = self._relied_on = ""
        self._until: datetime | None = None

    def lasts(self, *, woken: bool) -> bool:
        """Look, unless there is news anyhow."""
        context, policy = self._orchestrator.context, self._orchestrator.workflow.policy
        known, until = self._relied_on, self._until
        self._relied_on = ""
        if context.synced and not woken:
            self._orchestrator.exchange()  # what has come changes what is to be seen
        self._seen = "" if woken else sight(context.repository, context.branch, policy.target_branch)
        if known and known == self._seen and until is not None and context.system.now() < until:
            self._relied_on = known
        return bool(self._relied_on)

    def note(self, report: PassReport) -> None:
        """Rely from now on on what was seen before the pass, if that had nothing to do."""
        self._until = (
            same_until(self._orchestrator.context, self._orchestrator.present(), report) if self._seen else None
        )
        self._relied_on = self._seen if self._until else ""


def watch(
    orchestrator: Orchestrator, after_pass: Callable[[PassReport], None], most: Callable[[], int | None] = lambda: None
) -> None:
    """Make passes until it is asked to stop, in each of which at most so many runs begin. Raises StopRequested then."""
    context = orchestrator.context
    folders = FolderWatch(lambda *_: orchestrator.wake(), lambda said: context.tell(Noticed(said)), is_news)
    still = _Still(orchestrator)
    tidied, woken = 0, True
    report = PassReport(0)
    with ExitStack() as stack:
        stack.callback(folders.stop)
        while True:
            wait = orchestrator.workflow.policy.polling.interval_ms / 1000
            try:
                folders.follow(_watched(orchestrator))  # first: what comes after the pass has looked must wake the next
                if not still.lasts(woken=woken):
                    report = orchestrator.one_pass(most=most())
                    still.note(report)
            except (NothingButCommits, OutOfTurn):
                raise
            except (FactoryError, OSError) as error:  # what is in its way, a full disk too, will be gone some time
                if not context.repository.common_dir.is_dir():
                    raise UnusableError(
                        f"the repository {context.repository.common_dir} is gone", "git clone"
                    ) from None
                report, wait = PassReport(0, waiting=_said(error)), min(wait, _AGAIN_S)
                context.system.sleep(_PAUSE_S)  # whatever its half-done work wakes must not make it try again at once
            after_pass(report)
            untils = [entry.until for entry in report.schedule if entry.until]
            if untils:
                wait = min(wait, max(0.0, (min(untils) - context.system.now()).total_seconds()))
            due = due_in_s(context.runs)
            wait = wait if due is None else min(wait, max(_AGAIN_S, due))
            woken = context.wakeup.wait(wait)
            if not woken and not context.runs.busy and context.writer.commits > tidied:
                tidied = context.writer.commits
                with suppress(FactoryError, OSError):  # another time
                    orchestrator.tidy()


def _said(error: FactoryError | OSError) -> str:
    """Why no pass could be made, with the command that helps where only a person can."""
    if isinstance(error, OSError):
        return f"the system refused: {error}"
    return f"{error.message}; {error.hint}" if isinstance(error, UnusableError) and error.hint else error.message
