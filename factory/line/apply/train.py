"""The merge train: what is approved, in the order in which it lands, each on what those ahead of it make of the target.

It is made anew with each pass from what is approved and what the target holds; only what checks came to is remembered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile

from factory.execution.checks.evidence import Candidate
from factory.execution.checks.runner import train_calls
from factory.line.apply.batches import Step, every, tip
from factory.line.apply.blocker import apply_blocker, obstacles
from factory.line.apply.landing import land, reuses_what_is_committed
from factory.line.apply.places import Place
from factory.line.context import Context
from factory.line.dispatch.requests import request_for
from factory.line.review.assess import Assessment, assess
from factory.line.review.proposals import base_of
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.errors import Problem
from factory.model.events import Blocked
from factory.model.evidence import Evidence
from factory.model.failure import Failure, FailureClass
from factory.model.gate import touches
from factory.model.layout import ALL_CONTRACTS, WORKFLOW
from factory.model.lifecycle import Event, Lane, NotApplied
from factory.model.policy import MergeMode
from factory.store.repository.batch import plumbing_commit

_RULES = (ALL_CONTRACTS, WORKFLOW)


@dataclass(frozen=True)
class _Car:
    """An approved item that rides in the train, in its place."""

    assessment: Assessment  # by the evidence of this place, where there is some
    place: Place
    on: str  # the commit that it is merged with
    base: str
    tree: str  # the content that this makes; empty when they conflict
    commit: str  # what the next one is merged with
    proven: bool


@dataclass(frozen=True)
class _Train:
    """What rides, and every place that was looked at for it."""

    cars: tuple[_Car, ...]
    clear: int  # so many of them have nobody ahead who is left out, and whom the gate judges once they have landed
    looked_at: frozenset[Place]
    unprovable: tuple[tuple[Assessment, Failure], ...]  # whose checks could not be run at the front, and why
    judged: frozenset[Place]  # at the front, of all in review: what was found there counts until somebody has judged it

    @property
    def places(self) -> tuple[Place, ...]:
        """Where its cars are."""
        return tuple(car.place for car in self.cars)

    def waits_for(self, batch: tuple[Place, ...]) -> bool:
        """Whether what checks of a batch came to, or will come to, is of use."""
        return (
            batch == self.places[: len(batch)]
            or batch[-1] in self.judged
            or (len(batch) == 1 and batch[0] in self.looked_at)
        )


def ride(context: Context, snapshot: Snapshot, approved: Sequence[Assessment]) -> bool:
    """Land all that is proven in one instant, and have what follows checked; whether the gate is to be asked again."""
    waiting = _unobstructed(context, snapshot, _in_order(context, approved))
    while True:
        train = _train_of(context, snapshot, waiting)
        step, cars = _step(context, snapshot, train)
        item_id = next((car.place.item_id for car in cars[: step.land] if _is_obstructed(context, snapshot, car)), None)
        if item_id is None:
            break
        context.obstructed.add(item_id)  # a person's changes keep it where it is, and nobody else
        waiting = [each for each in waiting if each.state.id != item_id]
    snapshot = snapshot.after(*_blocked(context, snapshot, train))
    before, landed = context.writer.mark(), 0
    stale = False
    for car in cars[: step.land]:
        if not reuses_what_is_committed(context, car.assessment.evidence):
            stale = True
            context.runs.forget_recheck(car.place, car.assessment.evidence)
            break
        with context.isolating(car.assessment.state):
            snapshot = snapshot.after(land(context, snapshot, car.assessment, car.place))
            landed += 1
            continue
        break  # what follows was proven on it
    if landed < step.land and snapshot.policy.merge.mode is MergeMode.TIP:
        context.writer.back_to(before)  # a batch is proven only as a whole
        if not stale:
            path = cars[landed].assessment.state.placed.path
            torn = Problem(path, 1, 1, "cannot be merged, nor its batch of the merge train; factory doctor")
            context.writer.once_published(partial(context.item_problems.append, torn))
        landed, step = 0, Step()
    context.writer.once_published(partial(context.runs.keep_rechecks, train.waits_for))
    if landed == step.land:
        context.writer.once_published(partial(_check, context, snapshot, train, step))
    context.writer.publish()
    return landed > 0 or stale


def _unobstructed(context: Context, snapshot: Snapshot, waiting: Sequence[Assessment]) -> list[Assessment]:
    """Those that no change of a person's was in the way of when they were to land, or is no more."""
    context.obstructed.intersection_update(each.state.id for each in waiting)
    free: list[Assessment] = []
    for assessment in waiting:
        if assessment.state.id in context.obstructed:
            found = apply_blocker(context.repository, snapshot, assessment)
            if found and found[0] is NotApplied.UNCOMMITTED:
                continue
            context.obstructed.discard(assessment.state.id)
        free.append(assessment)
    return free


def _in_order(context: Context, approved: Sequence[Assessment]) -> list[Assessment]:
    """Those that ride already stay in their order, since what is checked hangs on it; behind them, who came first."""
    waiting = {each.state.id: each for each in approved}
    riding = [item_id for item_id in context.riding if item_id in waiting]
    new = sorted((each for each in approved if each.state.id not in riding), key=_came)
    context.riding = [*riding, *(each.state.id for each in new)]
    return [waiting[item_id] for item_id in context.riding]


def _came(assessment: Assessment) -> tuple[str, str]:
    since = assessment.state.history.since
    return since.isoformat() if since else "", assessment.state.id


def _train_of(context: Context, snapshot: Snapshot, waiting: Sequence[Assessment]) -> _Train:
    """The train as it is now. It ends with what changes the rules: those behind are judged by the new ones."""
    on = context.writer.tip_of(snapshot.policy.target_branch)
    cars: list[_Car] = []
    looked_at: set[Place] = set()
    unprovable: list[tuple[Assessment, Failure]] = []
    clear: int | None = None
    for assessment in waiting:
        if len(cars) == snapshot.policy.merge.ahead:
            break
        with context.isolating(assessment.state):
            car = _car(context, assessment, on)
            looked_at.add(car.place)
            if cars and not car.tree:
                continue  # it conflicts with those ahead, and waits until they have landed
            seen = _by_evidence(context, snapshot, car, front=not cars)
            if isinstance(seen, Failure):
                unprovable.append((assessment, seen))
            elif seen is not None:
                cars.append(seen)
                on = seen.commit
                if touches(context.repository.changed(seen.base, assessment.evidence.proposal), _RULES):
                    break
            elif cars and clear is None:
                clear = len(cars)
    front = context.repository.content_at(context.writer.tip_of(snapshot.policy.target_branch))
    reviewed = snapshot.in_lane(Lane.REVIEW)
    judged = frozenset(Place(state.id, state.history.subject, front) for state in reviewed)
    clear = len(cars) if clear is None else clear
    return _Train(tuple(cars), clear, frozenset(looked_at), tuple(unprovable), judged)


def _blocked(context: Context, snapshot: Snapshot, train: _Train) -> Iterator[ItemState]:
    """Those whose checks the machine cannot run, once a person has to look."""
    for assessment, failure in train.unprovable:
        with context.isolating(assessment.state):
            blocked = Blocked(
                reason=failure.reason,
                failure=FailureClass.CONFIG,
                not_applied=NotApplied.UNPROVABLE,
                verdicts=assessment.decision.verdicts,
            )
            yield context.writer.move(assessment.state, Move(blocked), snapshot.listing.verdicts)


def _car(context: Context, assessment: Assessment, on: str) -> _Car:
    """An item merged with what a commit holds."""
    repository = context.repository
    objects, proposal = repository.objects, assessment.state.history.proposal
    base = base_of(repository, proposal)
    place = Place(assessment.state.id, assessment.subject, repository.content_at(on))
    merge = repository.merged_content(base, proposal, on)
    if merge.conflicts:
        return _Car(assessment, place, on, base, "", on, proven=False)
    tree = repository.with_content(objects.commit(on).tree, merge.tree)
    commit = plumbing_commit(objects, tree, (on, proposal), f"{place.item_id} in the merge train.\n")
    return _Car(assessment, place, on, base, merge.tree, commit, proven=False)


def _by_evidence(context: Context, snapshot: Snapshot, car: _Car, *, front: bool) -> _Car | Failure | None:
    """A car with what is known of it in its place; None when it may not ride now, as far as that is known.

    At the front also why nothing can be known of it.

    Behind others it is not to blame yet: what they bring may be what it does not get on with.
    """
    state = car.assessment.state
    if _is_of(context, car.assessment.evidence, car) and reuses_what_is_committed(context, car.assessment.evidence):
        return replace(car, proven=True)
    by_itself = front or snapshot.policy.merge.mode is MergeMode.EVERY
    if by_itself and car.tree and context.runs.evidence_at(car.place) is None:
        _recheck_at_once(context, snapshot, car)
    found = context.runs.evidence_at(car.place) if by_itself else None
    if found is None:
        return car
    if isinstance(found, Failure):
        return found if front else None
    assessment = assess(context.reader, snapshot, state, found)
    if isinstance(assessment, str) or assessment.decision.event is not Event.FINISH:
        return None
    return replace(car, assessment=assessment, proven=found.evidence.tree == car.tree)


def _recheck_at_once(context: Context, snapshot: Snapshot, car: _Car) -> None:
    """Have the evidence for a car for which no command has to be run: nothing of it has to be waited for."""
    candidate = _candidate(context, snapshot, car, ())
    if next(train_calls(candidate.request), None) is None:
        context.runs.recheck_at_once(car.place, candidate, snapshot.policy.merge.mode)


def _is_of(context: Context, evidence: Evidence, car: _Car) -> bool:
    """Whether evidence says all that has to be known of a car in its place: a delivery's, when nothing has moved."""
    objects = context.repository.objects
    if evidence.pending or not car.tree or evidence.tree != car.tree or not objects.has(evidence.target):
        return False  # the last of these: somebody has made the target's history anew
    return context.repository.content_at(evidence.target) == car.place.before


def _step(context: Context, snapshot: Snapshot, train: _Train) -> tuple[Step, tuple[_Car, ...]]:
    """What happens to the train, and its cars by the evidence that they land with."""
    cars = train.cars
    if snapshot.policy.merge.mode is MergeMode.EVERY:
        return every([car.proven for car in cars], train.clear), cars
    if cars and not cars[0].tree:
        return Step(check=((0, 1),)), cars  # a conflict is told of at once
    proven = len(tuple(takewhile(lambda car: car.proven, cars)))
    batches = {count: _by_batch(context, snapshot, cars[:count]) for count in range(1, len(cars) + 1)}
    known = {count: None if batch is None else bool(batch) for count, batch in batches.items()}
    step = tip(len(cars), proven, lambda count: known[count])
    return step, (batches.get(step.land) if step.land > proven else None) or cars


def _by_batch(context: Context, snapshot: Snapshot, cars: Sequence[_Car]) -> tuple[_Car, ...] | None:
    """Cars by what their batch came to; none of them when it does not land, None when there is no answer."""
    found = context.runs.evidence_of(tuple(car.place for car in cars))
    if found is None or isinstance(found, Failure):
        return None if found is None else ()
    proven: list[_Car] = []
    for car, gathered in zip(cars, found, strict=True):
        assessment = assess(context.reader, snapshot, car.assessment.state, gathered)
        if isinstance(assessment, str) or assessment.decision.event is not Event.FINISH:
            return ()
        proven.append(replace(car, assessment=assessment, proven=True))
    return tuple(proven)


def _is_obstructed(context: Context, snapshot: Snapshot, car: _Car) -> bool:
    """Whether a person has changes where it would be written."""
    return bool(obstacles(context.repository, snapshot.policy.target_branch, car.tree))


def _check(context: Context, snapshot: Snapshot, train: _Train, step: Step) -> None:
    """Begin as many of the checks as there are hands for."""
    free = snapshot.policy.agent.most_checks - len(context.runs.rechecking)
    wanted = [each for each in step.check if _is_to_be_checked(context, train, *each)][: max(free, 0)]
    if wanted:
        context.repository.objects.flush()
        context.repository.under_check.keep_train(train.cars[-1].commit)
    for start, end in wanted:
        # Each of those ahead lands with evidence of its own, which this one may reuse; of a batch all land at once.
        every = snapshot.policy.merge.mode is MergeMode.EVERY
        ahead = tuple(car.place.item_id for car in train.cars[:start]) if every else ()
        candidates = [_candidate(context, snapshot, car, ahead) for car in train.cars[start:end]]
        context.runs.recheck(train.places[start:end], candidates, snapshot.policy.merge.mode)


def _is_to_be_checked(context: Context, train: _Train, start: int, end: int) -> bool:
    """Whether nothing is known of a batch, nor of what it begins with, and nothing will be."""
    following = train.places[start:]
    under_way = any(running == following[: len(running)] for running in context.runs.rechecking)
    return not under_way and context.runs.evidence_of(train.places[start:end]) is None


def _candidate(context: Context, snapshot: Snapshot, car: _Car, ahead: tuple[str, ...]) -> Candidate:
    state = car.assessment.state
    source = context.reader.library.contract_bytes(snapshot.tree, state.contract_name or "") or b""
    request = replace(request_for(context.reader, snapshot, state, car.base, car.base), contract_source=source)
    return Candidate(request, state.history.proposal, car.on, ahead)
