"""What is wrong with WORKFLOW.md is said by every pass and by `status`, in the words of `check`."""

import json

import pytest

from factory.execution.prompts.prompt import flaw
from factory.execution.request import VARIABLES, RunRequest
from factory.model.contract import Contract
from factory.model.item import Item
from factory.model.policy import Policy
from tests.world import World

MISSPELT = "---\nbranch: main\nreviewrs: [ann]\nagent: {max_concurent_agents: 2}\n---\n{{ item.title }}\n"
SAID = (
    "WORKFLOW.md:3:1: unknown key 'reviewrs' is ignored; did you mean 'reviewers'?",
    "WORKFLOW.md:4:9: unknown key 'agent.max_concurent_agents' is ignored; did you mean 'max_concurrent_agents'?",
)


def committed(world: World, workflow: str) -> None:
    world.write("WORKFLOW.md", workflow)
    world.commit("Edit WORKFLOW.md")


def test_a_misspelt_key_is_named_by_tick_and_status_with_its_place_and_what_was_meant(world: World) -> None:
    committed(world, MISSPELT)
    for command in (["tick"], ["status"], ["tick", "--dry-run"]):
        said = world.command(*command)
        assert [line for line in said.splitlines() if line.startswith("WORKFLOW.md")] == list(SAID), command
    world.command("tick", "--strict", status=1)
    assert [each["line"] for each in json.loads(world.command("status", "--json"))["problems"]] == [3, 4]


def test_a_misspelt_key_stays_a_warning_of_check_with_the_same_words(world: World) -> None:
    committed(world, MISSPELT)
    said = world.command("check", status=0)
    assert [f"warning: {line}" for line in SAID] == said.splitlines()[:2]


def test_a_misspelt_key_in_a_list_is_named_where_it_stands(world: World) -> None:
    committed(
        world, "---\nbranch: main\nroutes:\n  - {contract: scripted}\n  - {contract: reviewed, wen: {}}\n---\nx\n"
    )
    assert "WORKFLOW.md:5:26: unknown key 'routes.1.wen' is ignored; did you mean 'when'?" in world.command("status")


@pytest.mark.parametrize(
    ("workflow", "said"),
    [
        ("branch: main\n---\n{{ item.title }}\n", "WORKFLOW.md:1:1: has no front matter"),
        (
            "---\nbranch: main\nroutes: [{contract: chnage}]\n---\nx\n",
            "WORKFLOW.md:3:11: routes.0.contract: there is no contract 'chnage'",
        ),
        (
            "---\nbranch: main\n---\n\nx\n{{ item.title }\n",
            "WORKFLOW.md:6:1: is not a template that can be used: ",
        ),
        (
            "---\nbranch: main\n---\n{{ item.titel }}\n",
            "WORKFLOW.md:4:1: is not a template that can be used: 'item' has no 'titel'; did you mean 'title'?",
        ),
        (
            "---\nbranch: main\n---\nx\n{{ itm.title }}\n",
            "WORKFLOW.md:5:1: is not a template that can be used: there is no 'itm'; did you mean 'item'?",
        ),
    ],
)
def test_what_check_says_of_the_policy_a_pass_says_too(world: World, workflow: str, said: str) -> None:
    committed(world, workflow)
    for arguments in (["check"], ["tick", "--strict"]):
        assert said in world.command(*arguments, status=1), arguments
    assert said in world.command("status")


def test_a_policy_that_was_put_right_is_no_problem_any_more(world: World) -> None:
    committed(world, "---\nbranch: main\nroutes: [{contract: late}]\n---\nx\n")
    assert "there is no contract 'late'" in str(world.tick().problems)
    world.contract("late")
    assert world.tick().problems == ()


def test_a_broken_contract_is_named_while_no_item_needs_it(world: World) -> None:
    # given a contract that somebody broke, and an empty queue
    world.contract("made")
    good = world.read("contracts/made.yaml")
    world.write("contracts/made.yaml", good.replace("purpose", "porpose"))
    world.commit()
    wrong = "contracts/made.yaml:"
    # then every pass and every look names it, until it is put right
    for arguments, status in ((["tick", "--strict"], 1), (["status"], 0), (["check"], 1)):
        said = [line for line in world.command(*arguments, status=status).splitlines() if line.startswith(wrong)]
        assert any("unknown key 'porpose'; did you mean 'purpose'?" in line for line in said), arguments
        assert len(said) == len(set(said)), arguments
    world.write("contracts/made.yaml", good)
    assert "porpose" not in world.command("check", status=1)  # it judges what is about to be committed
    world.commit()
    assert world.tick().problems == ()


def test_check_judges_the_policy_that_is_being_edited_and_not_the_committed_one(world: World) -> None:
    committed(world, "branch: main\n")
    world.policy()
    committed(world, "branch: main\n")
    world.write("WORKFLOW.md", "---\nbranch: main\nroutes: [{contract: scripted}]\n---\nx\n")
    assert "front matter" not in world.command("check", status=None)


def test_a_contract_that_a_route_names_and_is_not_there_is_looked_for_in_the_routes(world: World) -> None:
    committed(world, "---\nbranch: main\nroutes: [{contract: chnage}]\n---\nx\n")
    world.write("queue/inbox/one.yaml", "title: one\n")
    world.tick()
    pointed = "a route in WORKFLOW.md names it"
    rows = {row["id"]: row["note"] for row in json.loads(world.command("status", "--json"))["items"]}
    assert pointed in rows["one"]
    assert any(line.startswith("queue/") and pointed in line for line in world.command("check", status=1).splitlines())


def test_the_names_that_templates_may_use_are_those_that_a_run_gives() -> None:
    contract = Contract.model_validate_json('{"purpose": "p", "worker": {"run": ["true"]}}')
    given = RunRequest("one", Item(title="one"), "c", contract, Policy(), "", 1, 1, "", "").variables()
    assert given.keys() == VARIABLES.keys()
    for name, below in VARIABLES.items():
        value = given[name]
        assert not below or (isinstance(value, dict) and value.keys() == below), name


@pytest.mark.parametrize(
    "text",
    [
        "{% if item.due is defined %}{{ item.due }}{% endif %}{{ other | default('none') }}",
        "{% set word = 'x' %}{{ word }}{% for each in findings %}{{ loop.index }} {{ each.text }}{% endfor %}",
        "{% macro row(one) %}{{ one.anything }}{% endmacro %}{{ row(inputs) }}",
        "{{ inputs.program }}{{ range(3) }}{{ item.items() }}{{ issue.identifier }}{{ contract.purpose }}",
    ],
)
def test_a_variable_that_the_template_makes_itself_or_asks_for_with_care_is_not_unknown(text: str) -> None:
    assert flaw(text, VARIABLES) is None
