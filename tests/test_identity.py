"""How the factory signs its commits can be set, and is then the same on every machine."""

import pytest

from tests.world import World

BOT = "Acme Bot <bot@acme.example>"


def _signers(world: World, *more: str) -> set[str]:
    return set(world.git("log", "--format=%cn <%ce>", "--grep=^Factory-Actor: ", *more).split("\n"))


def test_the_factory_signs_as_the_policy_says_and_the_audit_knows_it(world: World) -> None:
    world.item("before")
    world.tick(drain=True)
    world.policy("identity: {name: Acme Bot, email: bot@acme.example}")
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert _signers(world, "--grep=^Factory-Item: one", "--all-match") == {BOT}
    assert BOT in world.git("log", "--format=%an <%ae>", "--grep=^Factory-Subject: ")
    assert {entry.actor for entry in world.journal("one") if entry.event == "start"} == {BOT}
    # and back again: what was signed before stays the factory's
    world.policy()
    world.item("after")
    world.tick(drain=True)
    assert "every commit keeps the rules" in world.command("audit")


def test_a_name_alone_keeps_the_address_of_each_machine(world: World) -> None:
    world.policy("identity: {name: Acme Bot}")
    world.item("one")
    world.tick(drain=True)
    assert all(signer.startswith("Acme Bot <factory@") for signer in _signers(world))
    world.command("audit")


def test_an_identity_that_was_somebodys_already_is_theirs_for_ever(world: World) -> None:
    # given a person who worked here, and whose name a policy gives the factory
    world.item("one")
    world.tick(drain=True)
    world.write("notes.md", "mine\n")
    before = world.commit("Mine")
    ann = world.git("log", "-1", "--format={name: %an, email: %ae}", before)
    world.policy(f"identity: {ann}")
    world.policy()
    # then what they made before and since stays theirs
    assert "every commit keeps the rules" in world.command("audit")


def test_an_identity_that_somebody_works_under_is_refused(world: World) -> None:
    world.item("one")
    world.tick(drain=True)
    who = world.git("log", "-1", "--format=%an <%ae>", "--grep=The beginning")
    name, email = who.removesuffix(">").split(" <")
    # when the policy gives the factory a person's own
    world.policy(f"identity: {{name: {name}, email: {email}}}")
    world.item("two")
    # then check says so with the line, and no pass is made
    assert "WORKFLOW.md:4:" in (said := world.command("check", status=1))
    assert f"{who} has signed" in said
    assert f"identity: {who} has signed" in world.command("tick", status=3)
    # until it has one of its own
    world.policy("identity: {name: Acme Bot, email: bot@acme.example}")
    world.command("check")
    world.tick(drain=True)
    world.tick(drain=True)
    assert world.lane("two") == "done"


@pytest.mark.parametrize("given", ["Acme Bot", "bot@acme.example", BOT])
def test_nobody_approves_as_the_factory(world: World, given: str) -> None:
    world.policy("identity: {name: Acme Bot, email: bot@acme.example}")
    world.item("one", contract="reviewed")
    world.tick()
    place = world.verdict("one", "approve")
    place.write_text(place.read_text().replace("reviewer:", f"reviewer: {given}"))
    report = world.tick()
    assert world.lane("one") == "review"
    assert "nobody approves their own work" in str(report.problems[0])


@pytest.mark.parametrize("name", ['"a <b>"', '"a\\nb"', '" "', '""'])
def test_what_no_commit_can_carry_is_refused_with_the_line(world: World, name: str) -> None:
    world.policy()
    world.write("WORKFLOW.md", f"---\nbranch: main\nidentity: {{name: {name}}}\n---\n")
    assert "WORKFLOW.md:3:" in world.command("check", status=1)
