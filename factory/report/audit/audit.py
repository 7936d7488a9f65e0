"""The audit: a walk through a branch's commits, oldest first, holding each against the rules."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

from factory.model.errors import UnusableError
from factory.model.lifecycle import Lane
from factory.report.audit.authorship import Authorship
from factory.report.audit.reused import Rest
from factory.report.audit.rules import Violation
from factory.report.audit.ruleset import Ruleset
from factory.report.audit.state import AuditState
from factory.store.repository.commit_walk import walk_commits
from factory.store.repository.repository import Repository


@dataclass(frozen=True)
class Audit:
    """What was found."""

    commits: int
    moves: int
    by_people: int
    items: int
    finished: int
    violations: tuple[Violation, ...]
    rests: tuple[Rest, ...]  # the run that each check of each finished item rests on


def audit(repository: Repository, head: str, since: str | None = None) -> Audit:
    """Hold every commit up to a head against the rules; with `since`, only those after it. Raises UnusableError."""
    if repository.git.text("rev-parse", "--is-shallow-repository") != "false":
        raise UnusableError("this clone does not have the whole history", "git fetch --unshallow")
    if repository.git.text("config", "--type=bool", "--get-regexp", r"^remote\..*\.promisor$", allowed=(0, 1)):
        message = "this clone fetches what files hold one by one, and an audit reads all of them"
        raise UnusableError(message, "git clone it without --filter")
    state = AuditState(repository, Authorship.in_history(repository, head))
    with closing(state.reader):
        return _walk(repository, state, head, since)


def _walk(repository: Repository, state: AuditState, head: str, since: str | None) -> Audit:
    rules = Ruleset(state)
    steps = walk_commits(repository, head, since, rules.look)
    first = next(steps, None)
    # A commit that lies beside the line counts from where it left it.
    begin = ((first.before or None) if first else head) if since else None
    if begin is not None:
        state.open_at(begin)
        parents = repository.objects.commit(begin).parents
        *_, last = walk_commits(repository, begin, parents[0] if parents else None)
        rules.begin(last)
    found: list[Violation] = []
    count: Counter[str] = Counter()
    for step in chain([first] if first else [], steps):
        transition = state.transition(step)
        found.extend(rules.check(transition))
        rules.advance(transition)
        state.advance(transition)
        count.update(commits=1, moves=int(transition.moved), people=int(not transition.by_factory))
    found.extend(rules.rest(head, repository.objects.commit(begin).committed_at if begin else 0))
    records = state.items.values()
    return Audit(
        commits=count["commits"],
        moves=count["moves"],
        by_people=count["people"],
        items=sum(bool(record.places or record.archived) for record in records),
        finished=sum(bool(record.lane is Lane.DONE or record.archived) for record in records),
        violations=rules.advised(found, head),
        rests=tuple(rules.reused.rests),
    )
