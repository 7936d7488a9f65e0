"""How many of a train land, and which of it are checked next: pure, against trains with any cars that break it."""

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from factory.line.apply.batches import Step, every, tip

BREAKING = st.lists(st.booleans(), min_size=1, max_size=40)


class Yard:
    """A train of cars of which some break what they come into, and who checks it in the mode `tip`."""

    def __init__(self, breaking: Sequence[bool]) -> None:
        self.train = list(enumerate(breaking))
        self.landed: list[int] = []
        self.sent_back: list[int] = []
        self.checks = 0
        self.known: dict[tuple[int, ...], bool] = {}

    def batch(self, start: int, end: int) -> tuple[int, ...]:
        return tuple(number for number, _ in self.train[start:end])

    def step(self) -> Step:
        return tip(len(self.train), 0, lambda count: self.known.get(self.batch(0, count)))

    def go_on(self) -> None:
        """As a pass does: land, judge who is found at the front, and check what is to be checked."""
        step = self.step()
        front = self.batch(0, step.land + 1)
        self.landed += self.batch(0, step.land)
        checked = [self.train[start:end] for start, end in step.check]
        self.train = self.train[step.land :]
        if not step.check and self.train and self.known.get(front) is False:
            self.sent_back.append(self.train.pop(0)[0])
        for batch in checked:
            self.checks += 1
            self.known[tuple(number for number, _ in batch)] = not any(breaks for _, breaks in batch)

    def run(self) -> None:
        for _ in range(10_000):
            if not self.train:
                return
            self.go_on()
        raise AssertionError("it never comes to an end")


@given(BREAKING)
def test_by_its_tip_all_that_breaks_nothing_lands_in_order_and_the_rest_is_found(breaking: list[bool]) -> None:
    yard = Yard(breaking)
    yard.run()
    assert yard.landed == [number for number, breaks in enumerate(breaking) if not breaks]
    assert yard.sent_back == [number for number, breaks in enumerate(breaking) if breaks]


@given(BREAKING)
def test_by_its_tip_no_more_checks_are_run_than_a_search_by_halves_needs(breaking: list[bool]) -> None:
    yard = Yard(breaking)
    yard.run()
    assert yard.checks <= 1 + sum(breaking) * (math.ceil(math.log2(len(breaking))) + 1)


@given(st.lists(st.booleans(), max_size=40))
def test_in_its_place_each_that_is_not_proven_is_checked_and_the_proven_front_lands(proven: list[bool]) -> None:
    step = every(proven, len(proven))
    assert all(proven[: step.land])
    assert step.land == len(proven) or not proven[step.land]
    assert every(proven, len(proven) // 2).land == min(step.land, len(proven) // 2)
    assert step.check == tuple((n, n + 1) for n, each in enumerate(proven) if not each)


def test_what_its_delivery_proves_needs_no_batch() -> None:
    assert tip(5, 2, lambda _: None) == Step(2, ((2, 5),))


def test_while_what_breaks_a_train_is_searched_nothing_is_checked_twice_for_what_lands_meanwhile() -> None:
    known = {3: False, 1: True}
    assert tip(3, 1, known.get) == Step(0, ((0, 2),))
    assert tip(3, 1, {**known, 2: False}.get) == Step(1)
    assert tip(3, 1, {**known, 2: True}.get) == Step(2)


def test_those_that_came_while_a_batch_was_checked_make_the_next_one() -> None:
    assert tip(5, 0, lambda count: True if count == 3 else None) == Step(3, ((3, 5),))
