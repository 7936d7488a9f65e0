"""The difference: what an item's proposal changes, or what became of it from one round to another."""

from factory.line.survey import Survey, Surveyor
from factory.model.errors import UsageError
from factory.model.journal import Entry, History
from factory.store.artifacts import run_folder
from factory.store.repository.comparison import shown


def difference(surveyor: Surveyor, survey: Survey, item_id: str, rounds: tuple[int, int] | None = None) -> str:
    """What the newest proposal changes, or the later one of two rounds against the earlier. Raises UsageError."""
    case = survey.cases.get(item_id)
    day = "" if case else surveyor.queue.done_day(survey.tree, item_id) or ""
    history = case.history if case else surveyor.artifacts.history(survey.tree, item_id, day)
    proposed = _proposals(history)
    if not proposed:
        raise UsageError(f"{item_id} has no proposal yet", f"factory log {item_id}")
    if rounds is None:
        newest = proposed[max(proposed)]
        if _is_there(surveyor, newest):
            return shown(surveyor.repository, _base(history, newest), newest.proposal or "")
        path = f"{run_folder(item_id, newest.run, day)}/patch.diff"
        kept = surveyor.repository.objects.file(survey.tree, path)
        return (kept or b"").decode(errors="replace")
    for number in rounds:
        if number not in proposed:
            known = ", ".join(map(str, sorted(proposed)))
            raise UsageError(f"{item_id} has no proposal of round {number}; there are those of {known}")
        if not _is_there(surveyor, proposed[number]):
            path = f"{run_folder(item_id, proposed[number].run, day)}/patch.diff"
            raise UsageError(f"the proposal of round {number} is not in this clone; its patch is {path}")
    old, new = (proposed[number].proposal or "" for number in rounds)
    return shown(surveyor.repository, old, new)


def _proposals(history: History) -> dict[int, Entry]:
    """The newest entry that brought a proposal, by round."""
    return {entry.round: entry for entry in history.entries if entry.proposal}


def _base(history: History, entry: Entry) -> str:
    """What a run began with."""
    leases = [each.lease for each in history.entries if each.run == entry.run and each.lease]
    return leases[-1].base if leases else entry.proposal or ""


def _is_there(surveyor: Surveyor, entry: Entry) -> bool:
    """Whether the repository holds an entry's proposal: a clone of the branch alone may not."""
    found = surveyor.repository.objects.read(entry.proposal or "")
    return found is not None and found[1] == "commit"
