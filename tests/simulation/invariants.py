"""What must be so whatever has happened: the audit is asked, and what no audit can know is looked at here."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from factory.model.events import Recorded
from factory.model.journal import Entry
from factory.model.layout import ARTIFACTS, artifact_folder, item_path, journal_path, parse
from factory.model.lease import Lease
from factory.model.lifecycle import Event, Lane
from factory.model.places import ItemFile, JournalFile, OpenVerdict
from factory.model.run_layout import JOURNAL
from factory.report.audit.lines import entries_of
from factory.report.audit.rules import Rule
from factory.store.repository.objects import EMPTY_TREE
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff
from tests.simulation import oracle
from tests.simulation.person import WHO
from tests.simulation.workers import Tally, is_green

BY_FACTORY = b"\ncommitter factory <"
NO = re.compile(rb"^decision: (?:reject\b|rework\b[^\x00]*^notes: (?!\|$)\S)", re.MULTILINE)  # with what to do
SEATS = ("human", "second")  # those of people that there are; a verdict in any other cannot count
_SUBJECT = re.compile(rb"^subject: (\S+)", re.MULTILINE)
_VERDICT = r"artifacts/(?:done/[\d-]+/)?([\w-]+)/(run-\d+/verdict\.\w+\.yaml) "
_PUT_AWAY = re.compile(rf"{_VERDICT}{re.escape(WHO)} changed")
_MERGED = re.compile(rf"{_VERDICT}the merge lost ")


def of_history(repository: Repository, tally: Tally, *, alone: bool = True) -> Iterator[str]:
    """What is wrong with the branch: rules of the audit that are broken, and what is there twice or not at all.

    Where a clone is not `alone`, people merge what the factory did in two, and its landings are in either line.
    """
    head = repository.head("main")
    if head is None:
        yield "the branch is gone"
        return
    told = oracle.found(repository.root, repository.system, head)
    brought = {_brought(repository, rule, text) for rule, text in told}
    for rule, text in told:
        if not (_is_persons(repository, rule, text, brought) or (not alone and _is_of_two(repository, rule, text))):
            yield f"audit: {rule} {text}"
    yield from _of_landings(repository, commits_of(repository, head, alone=alone))
    yield from tally.crowds
    yield from (f"run {run} happened {times} times" for run, times in tally.runs.items() if times > 1)


def _is_persons(repository: Repository, rule: str, text: str, brought: Collection[str]) -> bool:
    """Whether the audit tells of what this person did, and rightly: nobody can keep them from it.

    They edited an item in the moment in which it was finished; or they moved one, and no pass has come by yet; or git
    has `brought` a verdict of theirs to where that of an item was put away, and the finish no longer follows from it.
    """
    edited = rule == Rule.PURE_RENAME and f" {WHO} " in text
    place = parse(text.partition(" ")[0]) if rule in (Rule.SUBJECT, Rule.COVERED) else None
    rests = isinstance(place, ItemFile) and place.id in brought
    moved = rule == Rule.JOURNAL and text.endswith("no pass has recorded why")
    return edited or rests or moved or bool(_brought(repository, rule, text))


def _is_of_two(repository: Repository, rule: str, text: str) -> bool:
    """Whether the audit tells of a second journal, of moves in one clone of what the other one has finished.

    Git merges both without a conflict where they led back to where the item lay. Its own journal has to be as it ended.
    """
    place = parse(text.partition(" ")[0]) if rule == Rule.APPEND_ONLY else None
    if not isinstance(place, JournalFile) or text.startswith(f"{ARTIFACTS}/{Lane.DONE}/"):
        return False
    kept = _artifacts(repository, repository.head("main") or "", place.item_id, JOURNAL)
    found = [list(entries_of(data)) for data in kept]
    ended = [entries for entries in found if entries[-1].to is Lane.DONE]
    return len(found) == 2 and len(ended) == 1 and [each.seq for each in ended[0]] == [*range(1, len(ended[0]) + 1)]


def _brought(repository: Repository, rule: str, text: str) -> str:
    """The item whose verdict a person wrote in one clone, and the other one had put away; git follows it in a merge."""
    if found := _PUT_AWAY.match(text) if rule == Rule.ARTIFACTS else None:
        return found[1]
    if found := _MERGED.match(text) if rule == Rule.LOST else None:  # so it does into the clone that they wrote it in
        return found[1] if any(_artifacts(repository, repository.head("main") or "", *found.groups())) else ""
    return ""


def places(repository: Repository) -> Counter[str]:
    """In how many lanes of the branch each item lies."""
    found: Counter[str] = Counter()
    tree = repository.objects.commit(repository.head("main") or "").tree
    for change in diff(repository.objects, EMPTY_TREE, tree):
        place = parse(change.path)
        if isinstance(place, ItemFile):
            found[place.id] += 1
    return found


def journals(repository: Repository) -> Iterator[tuple[str, list[bytes]]]:
    """(item, the lines of its journal) of each item."""
    tree = repository.objects.commit(repository.head("main") or "").tree
    for change in diff(repository.objects, EMPTY_TREE, tree):
        place = parse(change.path)
        if change.new and isinstance(place, JournalFile):
            yield place.item_id, repository.objects.blob(change.new.oid).splitlines()


def happened(repository: Repository) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """(item, what happened to it) of each item."""
    yield from ((item, [json.loads(line) for line in lines]) for item, lines in journals(repository))


def of_claims(repository: Repository, told: Recorded, owner: str) -> Iterator[str]:
    """Whether the factory took an item from another clone, whose lease on it holds.

    What a person does to an item's file counts at once, whoever is at work on it: also that they delete it.
    """
    entry = told.entry
    if entry.source is not Lane.ACTIVE or not entry.actor.startswith("factory <"):
        return
    lease: Lease | None = None
    for line in _told_at(repository, repository.head("main") or "", told.item_id):
        if line.seq < entry.seq:  # what is at work no longer, nobody has a lease on
            lease = line.lease or (None if line.source is Lane.ACTIVE else lease)
    held = lease and lease.owner != owner and lease.holds(entry.at)
    if held and not (entry.event is Event.BLOCK and _was_deleted(repository, told)):
        yield f"{told.item_id} was at work in another clone, and this one took it from there: {entry.event}"


def _told_at(repository: Repository, commit: str, item_id: str) -> list[Entry]:
    """The journal of an item as a commit has it."""
    return list(entries_of(next(_artifacts(repository, commit, item_id, JOURNAL), b"")))


def _artifacts(repository: Repository, commit: str, item_id: str, below: str) -> Iterator[bytes]:
    """What a commit has at a path below the artifacts of an item, be it open or done."""
    tree = repository.objects.commit(commit).tree
    days = ("", *repository.objects.folder(tree, f"{ARTIFACTS}/{Lane.DONE}"))
    files = (repository.objects.file(tree, f"{artifact_folder(item_id, day)}/{below}") for day in days)
    yield from (data for data in files if data is not None)


def _was_deleted(repository: Repository, told: Recorded) -> bool:
    """Whether an item's file lay nowhere when the factory brought it back and told of that."""
    for commit in _line(repository, repository.head("main") or ""):
        if all(line.seq < told.entry.seq for line in _told_at(repository, commit, told.item_id)):
            (before, *_) = repository.objects.commit(commit).parents
            tree = repository.objects.commit(before).tree
            return not any(repository.objects.file(tree, item_path(lane, told.item_id)) for lane in Lane)
    return False


def is_published(repository: Repository, head: str, *, alone: bool) -> bool:
    """Whether the factory has moved the branch to a commit, so that it is to last.

    What a person commits or pulls, git makes durable by and by; the reflog says who it was.
    """
    if not _is_factorys(repository, head):
        return False
    if alone:
        return True
    log = repository.common_dir / "logs/refs/heads/main"
    last = (log.read_bytes() if log.exists() else b"").rpartition(b"\n")[0].rpartition(b"\n")[2]
    moved, _, how = last.partition(b"\t")
    return moved.split(b" ")[1:2] == [head.encode()] and how.startswith(b"factory: ")


def of_heads(repository: Repository, heads: list[str], taken_off: Sequence[str], *, alone: bool) -> Iterator[str]:
    """What the branch held at the end of a pass, and was not proven.

    Of a clone that is not `alone`, what a person merged may be red, until the factory brings in anything more.
    """
    for head in dict.fromkeys(heads):
        content = repository.content_at(head)
        if not is_green(repository.objects, content) and (alone or content != _of_people(repository, head)):
            yield f"{head[:10]} was on the branch, and the check fails there"
        if not _is_kept(repository, head, taken_off):
            yield f"{head[:10]} was on the branch, and is no longer"


def _is_kept(repository: Repository, commit: str, taken_off: Sequence[str]) -> bool:
    """Whether a commit is on the branch, or on what a person took the branch off."""
    heads = (repository.head("main") or "", *taken_off)
    return any(repository.is_ancestor(commit, head) for head in heads)


def _of_people(repository: Repository, head: str) -> str:
    """The content of the newest commit on a line that is not the factory's."""
    while _is_factorys(repository, head) and (parents := repository.objects.commit(head).parents):
        head = parents[0]
    return repository.content_at(head)


def _is_factorys(repository: Repository, commit: str) -> bool:
    found = repository.objects.read(commit)
    return found is not None and BY_FACTORY in found[2]


def commits_of(repository: Repository, head: str, *, alone: bool) -> Iterator[str]:
    """The commits that moved the branch; of a clone that is not `alone` the factory's, in whichever they were made."""
    return _line(repository, head) if alone else _by_factory(repository, head)


def _line(repository: Repository, head: str) -> Iterator[str]:
    """A commit and what is behind it along first parents, but for the first commit of all."""
    while parents := repository.objects.commit(head).parents:
        yield head
        head = parents[0]


def _by_factory(repository: Repository, head: str) -> Iterator[str]:
    """The factory's commits among all that are behind one."""
    seen, waiting = {head}, [head]
    while waiting:
        commit = waiting.pop()
        if _is_factorys(repository, commit):
            yield commit
        new = [each for each in repository.objects.commit(commit).parents if each not in seen]
        seen.update(new)
        waiting += new


def _of_landings(repository: Repository, commits: Iterable[str]) -> Iterator[str]:
    """Proposals that came into the branch twice, or against a hold or a verdict that was committed before."""
    objects = repository.objects
    merged, allowed = Counter[str](), _taken_up_again(repository)
    found = {commit: objects.commit(commit) for commit in commits}
    then = {first: commit.tree for commit in found.values() for first in commit.parents[:1]}
    for name, commit in found.items():
        first, *others = commit.parents
        merged.update(others)
        if others:  # the next commit moves the item
            yield from _against_a_person(repository, first, then.get(name, commit.tree))
    yield from (f"{each[:10]} was merged {times} times" for each, times in merged.items() if times > 1 + allowed[each])


def _taken_up_again(repository: Repository) -> Counter[str]:
    """How often people took a finished item up again, by its proposals: its file lay among the open ones.

    So it may after a loss of power in the midst of a person's `git switch`, which syncs no file that it writes.
    """
    found: Counter[str] = Counter()
    for _, entries in happened(repository):
        times = sum(each.get("from") == Lane.DONE for each in entries)
        found.update(dict.fromkeys({each["proposal"] for each in entries if "proposal" in each}, times))
    return found


def _against_a_person(repository: Repository, before: str, after: str) -> Iterator[str]:
    """What a merge finished although a person had said no by then."""
    objects = repository.objects
    tree = objects.commit(before).tree
    in_review = objects.folder(tree, f"queue/{Lane.REVIEW}")
    still = objects.folder(after, f"queue/{Lane.REVIEW}")
    for name in in_review.keys() - still.keys():
        data = objects.blob(in_review[name].oid)
        place = parse(f"queue/{Lane.REVIEW}/{name}")
        if isinstance(place, ItemFile) and b"hold: true" in data:
            yield f"{name} was finished in {before[:10]}, and it was held"
        if not isinstance(place, OpenVerdict) or place.seat not in SEATS:
            continue
        subject, journal = _SUBJECT.search(data), objects.file(tree, journal_path(place.item_id)) or b""
        if NO.search(data) and subject and subject[1] in journal:  # else it is about something else, and cannot count
            yield f"{name} says no, and was finished in {before[:10]}"


def of_person(
    repository: Repository, mine: Mapping[str, bytes], commits: Sequence[str], taken_off: Sequence[str]
) -> Iterator[str]:
    """What a person wrote or committed that is not there any more."""
    gone = (each for each in commits if not _is_kept(repository, each, taken_off))
    yield from (f"the person's commit {each[:10]} is gone" for each in gone)
    for path, data in mine.items():
        place = repository.root / path
        if not place.is_file() or place.read_bytes() != data:
            yield f"the person's {path} is not what they wrote"
