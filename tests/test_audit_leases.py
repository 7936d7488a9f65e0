"""The audit's gallery: falsified claims, ends and renewals of runs, each found with its rule and its commit."""

import atexit
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp

import pytest

from factory.line.writer import Move
from factory.model.events import Blocked, Released, RunSummary, Started
from factory.model.failure import FailureClass
from factory.model.lease import GRACE, LEASE, Lease, Renewal
from factory.model.lifecycle import Lane
from factory.model.moments import epoch
from factory.report.audit.rules import Rule
from factory.store.repository.objects import Person
from tests.forger import ANN, Forger, assert_found_out
from tests.synced import clones_of
from tests.world import World

MINUTE = timedelta(minutes=1)
ELSEWHERE = "elsewhere:2"
ELSEWHERES = Person("factory", "factory@elsewhere")  # how that clone signs


@cache
def _history() -> Path:
    """A clone has claimed `one`, `two` and `three`, renewed its leases, and finished `two`; `four` waits."""
    folder = Path(mkdtemp(prefix="factory-leases-"))
    atexit.register(rmtree, folder)
    world = World.create(folder / "repo")
    for name in ("one", "two", "three"):
        world.item(name)
    world.item("four", text="hold: true\n")
    world.commit("Items")
    with clones_of(world, 0) as (time, [clone]):
        clone.pass_()
        time.go_on(minutes=6)
        clone.pass_()
        clone.workers.end("two")
        clone.pass_()
        assert [clone.world.lane(name) for name in ("one", "two", "three")] == ["active", "done", "active"]
        origin = world.root.parent / "known.git"
        copytree(world.root.parent / "origin.git", origin)
    return origin


@dataclass(frozen=True)
class Leased(Forger):
    """Somebody who falsifies what clones say of their leases."""

    @property
    def lease(self) -> Lease:
        """The lease on `one`, as it was claimed."""
        return Lease.model_validate_json(json.dumps(self.journal("one")[-1]["lease"]))

    @property
    def said(self) -> str:
        (path,) = self.paths("queue/leases")
        return path

    @property
    def renewal(self) -> Renewal:
        """What the clone says last."""
        return Renewal(owner=self.lease.owner, expires_at=self.when + LEASE, runs={"one": 1, "three": 1})

    def renew(self, renewal: Renewal | bytes | None, by: Person | None = None, later: timedelta = timedelta()) -> str:
        """Somebody commits what a clone says of its leases."""
        data = renewal.file() if isinstance(renewal, Renewal) else renewal
        path = renewal.path if isinstance(renewal, Renewal) else self.said
        at = f"{epoch(self.when + later)} +0000"
        return self.put({path: data}, "factory: renew 2 leases", by or self.me, at=at)


Forged = Callable[[Leased], tuple[Rule, str]]
FORGERIES: list[Forged] = []


def forgery(made: Forged) -> Forged:
    FORGERIES.append(made)
    return made


@pytest.fixture
def leased(tmp_path: Path) -> Leased:
    copytree(_history(), tmp_path / "origin.git")
    return Leased(tmp_path / "origin.git")


def released(owner: str | None, seconds: float | None = None) -> Move:
    return Move(Released(to=Lane.INBOX, reason="nobody works on it", summary=RunSummary(owner=owner, seconds=seconds)))


def test_an_honest_history_is_not(leased: Leased) -> None:
    assert leased.audit() == []
    leased.renew(leased.renewal, later=MINUTE)
    leased.renew(replace_runs(leased.renewal, one=1), later=4 * MINUTE)
    assert leased.audit() == []


def test_nor_is_one_in_which_a_run_was_taken_over_after_the_grace_or_taken_back_by_its_own_clone(
    leased: Leased,
) -> None:
    leased.move("three", released(leased.lease.owner))
    leased.move("one", released(ELSEWHERE), later=LEASE + GRACE, by=ELSEWHERES)
    leased.renew(None, ELSEWHERES, later=MINUTE)
    assert leased.audit() == []


def replace_runs(renewal: Renewal, **runs: int) -> Renewal:
    return renewal.model_copy(update={"runs": runs})


# Ends


@forgery
def a_run_is_taken_over_while_its_lease_holds(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.move("one", released(ELSEWHERE), by=ELSEWHERES)


@forgery
def a_run_is_taken_over_within_the_grace(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.move("one", released(ELSEWHERE), later=LEASE + GRACE - 2 * MINUTE, by=ELSEWHERES)


@forgery
def a_run_is_taken_over_and_started_elsewhere_while_its_lease_holds(leased: Leased) -> tuple[Rule, str]:
    taken = leased.move("one", released(ELSEWHERE), by=ELSEWHERES)
    lease = leased_elsewhere(leased, 2)
    leased.move("one", Move(Started(lease=lease, worker="factory-scripted"), run=2), by=ELSEWHERES)
    return Rule.LEASE, taken


def leased_elsewhere(leased: Leased, run: int, **difference: object) -> Lease:
    ends = leased.when + LEASE
    made = Lease(owner=ELSEWHERE, generation=run, expires_at=ends, base=leased.head, item="0" * 40, renewable=True)
    return made.model_copy(update=difference)


@forgery
def a_clone_delivers_what_another_one_has_claimed(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.move("one", released(ELSEWHERE, 1.0), by=ELSEWHERES)


@forgery
def a_clone_blocks_what_another_one_has_claimed_long_after_its_end(leased: Leased) -> tuple[Rule, str]:
    blocked = Blocked(failure=FailureClass.AUTH, reason="no key", summary=RunSummary(owner=ELSEWHERE, seconds=1.0))
    return Rule.LEASE, leased.move("one", Move(blocked), later=timedelta(hours=2), by=ELSEWHERES)


@forgery
def nobody_says_whose_run_has_ended(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.move("one", released(None, 1.0))


@forgery
def a_run_is_ended_in_the_name_of_the_clone_that_has_it(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.move("one", released(leased.lease.owner), by=ELSEWHERES)


# Claims


def claimed(leased: Leased, lease: Lease) -> tuple[Rule, str]:
    leased.put({"queue/inbox/four.yaml": leased.read("queue/inbox/four.yaml").replace(b"hold: true\n", b"")}, "Go on")
    return Rule.LEASE, leased.move("four", Move(Started(lease=lease, worker="factory-scripted"), run=1), by=ELSEWHERES)


@forgery
def a_lease_that_is_renewed_is_claimed_for_a_day(leased: Leased) -> tuple[Rule, str]:
    return claimed(leased, leased_elsewhere(leased, 1, expires_at=leased.when + timedelta(days=1)))


@forgery
def a_claim_tells_of_another_run(leased: Leased) -> tuple[Rule, str]:
    return claimed(leased, leased_elsewhere(leased, 3))


# Renewals


@forgery
def a_person_renews_a_lease(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(leased.renewal, ANN)


@forgery
def a_person_takes_away_what_a_clone_says(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(None, ANN)


@forgery
def a_clone_renews_the_lease_of_another_one(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(leased.renewal, ELSEWHERES)


@forgery
def a_clone_claims_by_a_renewal_what_another_one_has(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(leased.renewal.model_copy(update={"owner": ELSEWHERE}), ELSEWHERES)


@forgery
def a_lease_is_renewed_after_its_end_and_the_grace(leased: Leased) -> tuple[Rule, str]:
    late = LEASE + GRACE + MINUTE
    return Rule.LEASE, leased.renew(replace_until(leased, late + LEASE), later=late)


@forgery
def a_lease_is_renewed_for_a_day(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(replace_until(leased, timedelta(days=1)))


def replace_until(leased: Leased, after: timedelta) -> Renewal:
    return leased.renewal.model_copy(update={"expires_at": leased.when + after})


@forgery
def a_renewal_names_a_run_that_is_over(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(replace_runs(leased.renewal, one=1, two=1))


@forgery
def a_renewal_names_another_run(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(replace_runs(leased.renewal, one=2))


@forgery
def a_renewal_names_an_item_that_there_is_not(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(replace_runs(leased.renewal, nothing=1))


@forgery
def a_renewal_cannot_be_read(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(b"owner: me\n")


@forgery
def a_renewal_lies_where_another_clone_says_its_own(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(leased.renewal.model_copy(update={"owner": ELSEWHERE}).file())


@forgery
def what_a_clone_says_is_taken_away_while_it_holds(leased: Leased) -> tuple[Rule, str]:
    return Rule.LEASE, leased.renew(None, ELSEWHERES)


@forgery
def a_lease_is_renewed_beside_a_move(leased: Leased) -> tuple[Rule, str]:
    commit = leased.move("three", released(leased.lease.owner))
    return Rule.TRAILERS, leased.again(commit, {leased.said: leased.renewal.file()})


# What came too late


@forgery
def what_came_too_late_is_not_what_its_manifest_says(leased: Leased) -> tuple[Rule, str]:
    files: dict[str, bytes | None] = {
        "artifacts/one/run-1/late-2/patch.diff": b"else\n",
        "artifacts/one/run-1/late-2/manifest.json": b'{"files": {"patch.diff": {"digest": "sha256:00", "bytes": 1}}}',
    }
    return Rule.DIGESTS, leased.put(files, "factory: keep what came too late", leased.me)


@forgery
def a_person_writes_what_came_too_late(leased: Leased) -> tuple[Rule, str]:
    return Rule.ARTIFACTS, leased.put({"artifacts/one/run-1/late-2/patch.diff": b"mine\n"})


@forgery
def what_came_too_late_is_taken_away(leased: Leased) -> tuple[Rule, str]:
    path = "artifacts/one/run-1/late-2/"
    digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    manifest = b'{"files": {"patch.diff": {"digest": "%s", "bytes": 0}}}' % digest.encode()
    leased.put({f"{path}patch.diff": b"", f"{path}manifest.json": manifest}, "factory: keep it", leased.me)
    assert leased.audit() == []
    return Rule.ARTIFACTS, leased.put({f"{path}patch.diff": None}, "factory: tidy up", leased.me)


@pytest.mark.parametrize("made", FORGERIES, ids=lambda made: made.__name__)
def test_a_falsified_lease_is_found_out(leased: Leased, made: Forged) -> None:
    assert_found_out(leased, lambda _: made(leased))
