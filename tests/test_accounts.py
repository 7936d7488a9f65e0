"""Accounts: two entries of `agents` are one program with two keys, wherever they work and judge."""

import json

import pytest

from factory.model.failure import FailureClass
from tests.test_seats import REVIEWER
from tests.world import World

KEYS = {"KEY_A": "a-0123456789abcdef", "KEY_B": "b-fedcba9876543210"}
_SAYS = ["sh", "-c", 'echo "$API_KEY"; echo "${API_KEY%%-*} ${KEY_A:-none} ${KEY_B:-none}" > seen.txt']


def accounts(world: World, *run: str) -> None:
    agents = {
        name: {"kind": "command", "run": list(run), "secrets": {"API_KEY": f"KEY_{name.upper()}"}} for name in "ab"
    }
    world.policy(f"agents: {json.dumps(agents)}")


def keys(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in names:
        monkeypatch.setenv(name, KEYS[name])


@pytest.mark.parametrize("account", ["a", "b"])
def test_an_account_sees_its_own_key_under_the_name_that_its_program_looks_for(
    world: World, monkeypatch: pytest.MonkeyPatch, account: str
) -> None:
    keys(monkeypatch, *KEYS)
    accounts(world, *_SAYS)
    world.contract("keyed", worker={"agent": account})
    world.item("one", contract="keyed")
    world.tick()
    assert world.git("show", "main:seen.txt") == f"{account} none none"
    log = world.artifacts("one")["run-1/output.log"]
    assert log.strip() == f"[masked KEY_{account.upper()}]"


def test_an_account_that_judges_has_its_own_key_and_nothing_of_it_is_written_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(monkeypatch, *KEYS)
    told = 'print(os.environ["API_KEY"]); verdict |= {"decision": "approve", "notes": os.environ["API_KEY"]}'
    names = 'assert not {"KEY_A", "KEY_B"} & set(os.environ)'
    accounts(world, "python3", "-c", REVIEWER.replace("verdict |= json.loads(sys.argv[1])", f"{names}; {told}"))
    seats = [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "agent", "agent": "b"}]
    world.contract("judged", review={"seats": seats})
    world.item("one", contract="judged")
    world.tick()
    assert world.lane("one") == "done"
    left = world.artifacts("one")
    assert json.loads(left["run-1/verdict.critic.yaml"])["notes"] == "[masked KEY_B]"
    assert left["run-1/seats/critic.log"].strip() == "[masked KEY_B]"
    assert "fedcba" not in world.git("log", "-p", "--all")


@pytest.mark.parametrize("role", ["worker", "seat"])
def test_nothing_starts_without_the_key_of_whoever_is_to_work_or_to_judge(
    world: World, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    keys(monkeypatch, "KEY_A")
    monkeypatch.delenv("KEY_B", raising=False)
    accounts(world, *_SAYS)
    seats = [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "agent", "agent": "ba"[role == "worker"]}]
    world.contract("keyed", worker={"agent": "ab"[role == "worker"]}, review={"seats": seats})
    world.item("one", contract="keyed")
    world.tick()
    last = world.last("one")
    assert (last.failure, last.run) == (FailureClass.AUTH, 0)
    who = "the contract's worker" if role == "worker" else "its seat 'critic'"
    assert str(last.reason).startswith(f"{who} needs KEY_B, which the factory's environment does not have")
    world.command("audit")  # finds nothing
