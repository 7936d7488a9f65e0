"""Votes: verdicts given by people in their files and by machines with the run, believed when they hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.findings import Table
from factory.model.gate import Vote, unanswered
from factory.model.item import Item
from factory.model.layout import parse
from factory.model.lifecycle import Lane
from factory.model.places import OpenVerdict
from factory.model.policy import Policy
from factory.model.verdict import LOOSE_ITEM, LOOSE_OPEN, SHORTEST_REASON, Decision, MachineVerdict, Verdict
from factory.model.worker_address import WORKERS
from factory.store import yaml
from factory.store.repository.objects import Person

TELL_GIT = "git config --global user.name NAME, and git config --global user.email ADDRESS"


@dataclass(frozen=True)
class Delivery:
    """A delivered proposal, as its seats are asked about it."""

    item_id: str
    item: Item
    run: int
    round: int
    subject: str
    worker: str
    loose_ends: Mapping[str, str]
    table: Table


def delivery_of(state: ItemState, subject: str = "") -> Delivery:
    """What an item that was delivered puts before its seats."""
    assert state.item is not None
    history = state.history
    now = subject or history.subject
    return Delivery(
        state.id, state.item, history.run, history.round, now, history.worker, history.loose_ends, history.table
    )


class Refused(InvalidFile):
    """A verdict that does not count; for each problem the key that it is about."""

    def __init__(self, keys: tuple[str, ...], *problems: Problem) -> None:
        super().__init__(*problems)
        self.keys = keys


@lru_cache(maxsize=64)  # every pass asks for those that lie beside their items
def read_verdict(path: str, data: bytes) -> Verdict:
    """A verdict from a file's bytes. Raises InvalidFile."""
    return yaml.load(Verdict, yaml.Source(path, data))


def machine_vote(seat: str, path: str, data: bytes, delivery: Delivery) -> Vote | str:
    """The verdict that a machine seat gave when the proposal was delivered, or why it does not count."""
    try:
        verdict = yaml.load(MachineVerdict, yaml.Source(path, data))
    except InvalidFile as error:
        return error.problems[0].message
    if verdict.lost or verdict.decision is Decision.PENDING:
        return verdict.lost or "it decided nothing"
    if verdict.subject != delivery.subject:
        return "it judges another subject"
    answers = verdict.acceptance
    failed = [key for key in unanswered(delivery.item) if answers.get(key, "unread") != "pass"]
    if verdict.decision is Decision.APPROVE and failed:
        return f"it approves, but {failed[0]} is {answers.get(failed[0], 'unread')!r}"
    return Vote(seat, verdict, verdict.reviewer or seat, path)


@dataclass(frozen=True)
class Reviewers:
    """Who may give the verdict of a human seat; nobody listed means anybody but the maker."""

    listed: tuple[str, ...]
    factory: frozenset[str]  # how the factory signs here: nobody gives a verdict in its name


def reviewers_of(seat: str, contract: Contract | None, policy: Policy) -> Reviewers:
    """Whom the contract, or else the policy, lets judge in a seat."""
    seats = contract.review.seats if contract else ()
    listed = next((each.reviewers for each in seats if each.name == seat), ()) or policy.reviewers
    signs = policy.identity
    return Reviewers(listed, frozenset(_plain(each) for each in ("factory", signs.name, signs.email) if each))


def read_vote(
    seat: str, path: str, data: bytes, delivery: Delivery, author_of: Callable[[], Person], reviewers: Reviewers
) -> Vote | None:
    """The verdict in a file if it counts; None while it is pending. Raises InvalidFile with the line and the reason.

    The author is only asked for when there is a decision, since git has to search its history for them.
    """
    verdict = read_verdict(path, data)
    if verdict.decision is Decision.PENDING:
        return None
    author = author_of()
    given = (verdict.reviewer or "").strip()
    problems = list(_objections(verdict, delivery, given, author, reviewers))
    if problems:
        source = yaml.Source(path, data)
        placed = [Problem(path, *yaml.place(source, key), message) for key, message in problems]
        raise Refused(tuple(key[0] for key, _ in problems), *placed)
    # Anybody can write a name into a file; who brought it is what git knows.
    reviewer = str(author) if not given or _plain(given) in _names(author) else f"{given} (by {author})"
    return Vote(seat, verdict, reviewer, path, _plain(author.email) or _plain(author.name))


def vote_in(reader: SnapshotReader, snapshot: Snapshot, path: str, data: bytes) -> Vote | None:
    """The verdict that a person is about to give in a file; None while it is pending. Raises InvalidFile."""
    file = parse(path)
    state = snapshot.items.get(file.item_id) if isinstance(file, OpenVerdict) else None
    known = reader.repository.objects.find(snapshot.tree, path) is not None
    judged = state is not None and state.lane is Lane.REVIEW and known
    if not isinstance(file, OpenVerdict) or state is None or state.item is None or not judged:
        message = "judges nothing that is in review; the factory writes these files itself"
        raise InvalidFile(Problem(path, 1, 1, message))
    reviewers = reviewers_of(file.seat, state.contract, snapshot.policy)
    return read_vote(file.seat, path, data, delivery_of(state), lambda: _author(reader, path), reviewers)


def _author(reader: SnapshotReader, path: str) -> Person:
    """Who gives a verdict that is not committed yet. Raises InvalidFile when git does not know."""
    who = reader.repository.identity()
    if who is None:
        raise InvalidFile(Problem(path, 1, 1, f"git does not know whose verdict this is; {TELL_GIT}"))
    return who


def _objections(
    verdict: Verdict, delivery: Delivery, given: str, author: Person, reviewers: Reviewers
) -> list[tuple[tuple[str, ...], str]]:
    """(key, what is wrong with it), for everything that keeps a verdict from counting."""
    found: list[tuple[tuple[str, ...], str]] = []
    if verdict.subject != delivery.subject:
        found.append(
            (("subject",), f"stale: it judges {verdict.subject[:19]}…, but {delivery.subject[:19]}… is here now")
        )
    makers = {_plain(delivery.worker), f"worker {_plain(delivery.worker)}", *reviewers.factory}
    people = [(str(author), author, f"{author} brought this, and")]
    people += [(given, _person_in(given), f"{given!r}")] if given and _plain(given) not in _names(author) else []
    for name, person, subject in people:
        names = _names(person)
        if makers & names or any(WORKERS in each for each in names):
            found.append((("reviewer",), f"{name} made this, and nobody approves their own work"))
        if reviewers.listed and not any(_is(person, entry) for entry in reviewers.listed):
            found.append((("reviewer",), f"{subject} is not among the reviewers who may give it"))
    found.extend(_about_criteria(verdict, delivery.item))
    found.extend(_about_loose_ends(verdict, delivery))
    if verdict.decision is Decision.REWORK and not verdict.findings and not (verdict.notes or "").strip():
        found.append((("decision",), "rework needs a finding or a note that says what to do"))
    return found


def _about_loose_ends(verdict: Verdict, delivery: Delivery) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key, what is wrong) with the answers to what the worker left undone or came across: silence is no answer."""
    for key in sorted(verdict.handoff.keys() - delivery.loose_ends.keys()):
        yield ("handoff", key), f"the worker left nothing that is called {key!r}"
    for key in delivery.loose_ends if verdict.decision is Decision.APPROVE else ():
        answer = verdict.handoff.get(key, LOOSE_OPEN)
        if answer != LOOSE_ITEM and not verdict.dismisses(key):
            said = f"{answer!r} is no reason" if answer != LOOSE_OPEN else "nothing is said"
            how = f"write `item`, or a reason of at least {SHORTEST_REASON} characters"
            yield ("handoff", key), f"approved, but of {key} ({delivery.loose_ends[key][:60]}) {said}; {how}"


def _about_criteria(verdict: Verdict, item: Item) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key, what is wrong) with the answers to the acceptance criteria."""
    approved = verdict.decision is Decision.APPROVE
    asked = unanswered(item)
    known = {criterion.id for criterion in item.acceptance}
    for key in sorted({*asked, *verdict.acceptance}):
        answer = verdict.acceptance.get(key, "unread")
        if key not in known:
            yield ("acceptance", key), f"{'approved, but ' if approved else ''}the item has no criterion {key!r}"
        elif approved and (answer == "fail" or (key in asked and answer != "pass")):
            yield ("acceptance", key), f"approved, but {key} is {answer!r}; an approval needs 'pass'"


def _person_in(given: str) -> Person:
    """Whom somebody wrote down: a git identity, an address or a name."""
    name, less, rest = given.partition("<")
    if less and rest.endswith(">") and "<" not in rest and ">" not in rest[:-1]:
        return Person(name, rest[:-1])
    return Person("", given) if "@" in given else Person(given, "")


def _is(person: Person, entry: str) -> bool:
    """Whether an entry of a list is this person: one with an address by that alone, since hosts verify no names."""
    listed = _person_in(entry)
    if listed.email:
        return _plain(listed.email) == _plain(person.email)
    return _plain(listed.name) in (_plain(person.name), _plain(person.email))


def _names(person: Person) -> set[str]:
    """Every way in which a git identity may be written in a list."""
    return {_plain(person.name), _plain(person.email), _plain(str(person))}


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
