"""`factory check` says what would only come to light once a worker is at work, with the place to jump to."""

import json
import re

import pytest

from tests.world import World

GOOD = "all files are valid\n"


def said_by_check(world: World, *paths: str) -> str:
    return world.command("check", *paths, status=1)


def test_a_prompt_that_is_no_template_is_named_with_its_line(world: World) -> None:
    # given a default prompt and a contract's own, each with a tag that nothing knows or ends
    world.write("WORKFLOW.md", "---\nbranch: main\n---\n\n# {{ item.title }}\n{% endf %}\n")
    world.write("contracts/prompts/fix.md", "Fix it.\n\n{% for a in findings %}\n{{ a.text }}\n")
    # when they are checked, then each is named where it breaks
    said = said_by_check(world)
    assert re.search(r"^WORKFLOW\.md:6:1: is not a template that can be used: .*'endf'", said, re.MULTILINE), said
    assert re.search(r"^contracts/prompts/fix\.md:\d:1: is not a template that can be used: ", said, re.MULTILINE)
    assert "WORKFLOW.md:6:1" in said_by_check(world, "WORKFLOW.md")
    assert "fix.md" not in said_by_check(world, "WORKFLOW.md")


def test_a_filter_that_is_not_there_is_named(world: World) -> None:
    world.write("WORKFLOW.md", "---\nbranch: main\n---\n{{ item.title | shuot }}\n")
    assert "WORKFLOW.md:4:1: is not a template that can be used: no filter is called 'shuot'" in said_by_check(world)


def test_a_prompt_elsewhere_is_named_where_it_breaks(world: World) -> None:
    world.contract("fix", worker={"run": ["true"], "prompt": "docs/fix.md"})
    world.write("docs/fix.md", "Fix\n{{ item.title\n")
    assert "docs/fix.md:2:1: is not a template that can be used: " in said_by_check(world)


ARGV = """purpose: p
worker:
  run: [tool, "{{ prompt }", fine]
checks:
  - {name: tests, run: [tool, "{% endf %}"]}
review:
  seats:
    - {name: style, kind: command, run: [tool, "{{ subject"]}
apply: {mode: command, run: [tool, "{{ item.title | shuot }}"]}
"""


def test_an_argument_that_is_no_template_is_named_with_its_place(world: World) -> None:
    world.write("contracts/odd.yaml", ARGV)
    said = said_by_check(world)
    for where, key in (("3:15", "worker.run.1"), ("5:31", "checks.0.run.1"), ("8:48", "review.seats.0.run.1")):
        assert f"contracts/odd.yaml:{where}: {key}: is not a template that can be used: " in said, said
    assert "contracts/odd.yaml:9:36: apply.run.1: is not a template that can be used: no filter" in said


def test_an_agents_argument_that_is_no_template_is_named_with_its_place(world: World) -> None:
    world.write("WORKFLOW.md", '---\nbranch: main\nagents:\n  a: {kind: command, run: [tool, "{{ x }"]}\n---\nx\n')
    assert "WORKFLOW.md:4:34: agents.a.run.1: is not a template that can be used: " in said_by_check(world)


def test_text_with_braces_that_is_no_template_of_anybodys_is_left_alone(world: World) -> None:
    world.item("one", text='description: "{% endf %} {{ x }"\nacceptance: [{id: A1, text: t, check: [echo, "{{ x"]}]\n')
    assert world.command("check") == GOOD


def test_a_route_to_a_contract_that_is_not_there_is_named(world: World) -> None:
    world.write(
        "WORKFLOW.md",
        "---\nbranch: main\nroutes:\n  - {when: {labels: [a]}, contract: nowhere}\n  - {contract: scripted}\n---\nx\n",
    )
    expected = "WORKFLOW.md:4:27: routes.0.contract: there is no contract 'nowhere' (contracts/nowhere.yaml)\n"
    assert said_by_check(world) == expected
    assert said_by_check(world, "WORKFLOW.md") == expected


RECEIVES = {"type": "object", "required": ["mode"], "properties": {"mode": {"type": "string"}}}


@pytest.mark.parametrize(
    ("inputs", "where", "what"),
    [
        ("inputs:\n  mode: 3\n", "4:3", "inputs.mode: 3 is not of type 'string'"),
        ("", "1:1", "inputs: 'mode' is a required property"),
        ("inputs: {other: 1}\n", "3:1", "inputs: 'mode' is a required property"),
    ],
)
def test_inputs_that_the_contract_does_not_receive_are_named(world: World, inputs: str, where: str, what: str) -> None:
    world.contract("typed", receives=RECEIVES)
    world.write("queue/inbox/one.yaml", f"title: t\ncontract: typed\n{inputs}")
    expected = f"queue/inbox/one.yaml:{where}: {what}; contracts/typed.yaml says what it receives\n"
    assert said_by_check(world) == expected
    assert said_by_check(world, "queue/inbox/one.yaml") == expected
    world.write("queue/inbox/one.yaml", "title: t\ncontract: typed\ninputs: {mode: fast}\n")
    assert world.command("check") == GOOD


def test_a_batch_line_that_no_contract_would_take_is_named(world: World) -> None:
    world.contract("typed", receives=RECEIVES)
    lines = (
        {"title": "good", "contract": "typed", "inputs": {"mode": "fast"}},
        {"title": "odd", "contract": "typed", "inputs": {"mode": 3}},
        {"title": "lost", "contract": "nowhere"},
    )
    world.write("queue/inbox/more.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    said = said_by_check(world)
    assert re.search(r"^queue/inbox/more\.jsonl:2:\d+: inputs\.mode: 3 is not of type 'string'", said, re.MULTILINE)
    assert re.search(r"^queue/inbox/more\.jsonl:3:\d+: there is no contract 'nowhere'", said, re.MULTILINE)
    assert "jsonl:1:" not in said


def test_a_workflow_without_front_matter_is_named(world: World) -> None:
    world.write("WORKFLOW.md", "canary: person\nreviewers: [ann@example.org]\n\nDo what the item says.\n")
    said = said_by_check(world)
    assert "WORKFLOW.md:1:1: has no front matter, so that every key has its default" in said
    # and whoever wants the defaults says so
    world.write("WORKFLOW.md", "---\n---\nDo what the item says.\n")
    world.commit("The defaults will do")
    assert world.command("check") == GOOD


def test_everything_that_is_wrong_with_one_contract_is_said_at_once(world: World) -> None:
    world.write(
        "contracts/odd.yaml",
        "purpose: p\nreceives: {type: 3}\n"
        'worker: {agent: nobody, prompt: nowhere.md}\nchecks: [{name: a, run: ["{{ x"]}]\n',
    )
    said = said_by_check(world)
    for line in (":2:1: receives: ", ":3:10: worker.agent: ", ":3:25: worker.prompt: ", ":4:26: checks.0.run.0: "):
        assert f"contracts/odd.yaml{line}" in said, said


ASSERTIONS = "- {id: VAL-1, text: A cart is there, check: [test, -f, cart.py]}\n"
PLAN = "goal: A shop\nmilestones: [{id: m1, title: A cart, features: [{id: cart, title: A cart, fulfills: [VAL-1]}]}]\n"


def test_a_plan_that_nobody_has_committed_is_held_to_the_rules_and_named_with_its_line(world: World) -> None:
    folder = "contracts/missions/shop"
    world.write(f"{folder}/assertions.yaml", ASSERTIONS)
    world.write(f"{folder}/plan.yaml", PLAN)
    assert world.command("check") == GOOD
    # given a feature that depends on another which is not there, and more money than the mission's item has
    world.write("queue/inbox/shop.yaml", "title: A shop\nbudget: {usd: 2}\n")
    bad = PLAN.replace("[VAL-1]", "[VAL-1], depends_on: [till]") + "budget: {usd: 3}\n"
    world.write(f"{folder}/plan.yaml", bad)
    said = [
        f"{folder}/plan.yaml:2:107: there is no feature 'till' in this plan",
        f"{folder}/plan.yaml:3:10: the plan takes 3 USD, and the item of the mission has 2",
    ]
    # then both are said, whatever path is asked for that has to do with it
    for paths in [(), (folder,), (f"{folder}/plan.yaml",), ("contracts",)]:
        assert said_by_check(world, *paths).splitlines() == said
    assert world.command("check", "WORKFLOW.md") == GOOD


def test_the_rest_of_a_factory_is_told_beside_a_plan_that_is_no_yaml(world: World) -> None:
    world.write("contracts/missions/shop/assertions.yaml", ASSERTIONS)
    world.write("contracts/missions/shop/plan.yaml", "goal: [")
    world.write("contracts/missions/shop/services.yaml", f"# {'x' * 300_000}")
    world.write("contracts/missions/Shop Two/plan.yaml", PLAN)
    world.write("contracts/scripted.yaml", "purpose: p\n")
    said = said_by_check(world)
    assert "contracts/missions/shop/plan.yaml:2:1: is not YAML: " in said
    assert "contracts/missions/shop/services.yaml:1:1: is 300002 bytes long; at most 262144 are read" in said
    assert "contracts/missions/Shop Two/plan.yaml:1:1: the id 'Shop Two' must be 1 to 80 of " in said
    assert "rename the folder" in said
    assert "contracts/scripted.yaml:1:1: the key 'worker' is missing" in said


def test_a_contract_that_plans_is_named_when_what_it_plans_could_not_be_validated(world: World) -> None:
    world.write("contracts/mission.yaml", "purpose: p\nworker: {run: [x]}\nproduces: {plan: true}\n")
    world.write("contracts/scrutiny.yaml", "purpose: p\nworker: {run: [x]}\n")
    said = "produces.plan: contracts/testing.yaml is not there, under which milestones are validated; factory init"
    assert f"warning: contracts/mission.yaml:3:12: {said} --missions lays it" in world.command("check")
    assert "contracts/scrutiny.yaml" not in world.command("check")


# Agents that WORKFLOW.md names


def with_agent(world: World, agent: dict[str, object]) -> str:
    world.policy(f"agents:\n  it: {json.dumps(agent)}")
    return world.command("check", status=None)


@pytest.mark.parametrize(
    ("kind", "advice"),
    [("claud", "did you mean 'claude'?"), ("Codex", "did you mean 'codex'?"), ("x", "use acp, claude, codex, ")],
)
def test_a_kind_of_agent_that_there_is_not_is_named(world: World, kind: str, advice: str) -> None:
    said = with_agent(world, {"kind": kind})
    assert re.search(
        rf"^WORKFLOW\.md:\d+:8: agents\.it\.kind: there is no kind '{kind}'; {re.escape(advice)}", said, re.M
    )
    assert GOOD not in said


HERE = {"url": "http://127.0.0.1:8000/v1", "network": ["127.0.0.1:8000"]}


@pytest.mark.parametrize(
    ("agent", "doubt"),
    [
        ({"kind": "claude", **HERE}, "agents.it.url: claude adds /v1/messages itself: write http://127.0.0.1:8000\n"),
        ({"kind": "claude", **HERE, "url": "http://127.0.0.1:8000"}, ""),
        ({"kind": "codex", **HERE}, ""),
        ({"kind": "opencode", **HERE}, "agents.it: names no model, and opencode would ask its url for none\n"),
        ({"kind": "opencode", **HERE, "model": "m"}, ""),
        ({"kind": "codex", **HERE, "network": True}, ""),
        (
            {"kind": "codex", **HERE, "network": ["api.openai.com"]},
            "agents.it.url: 127.0.0.1:8000 is not in its network;",
        ),
        (
            {"kind": "codex", "url": "https://models.example/v1"},
            "agents.it.url: models.example:443 is not in its network;",
        ),
    ],
)
def test_a_url_that_leads_to_no_model_is_warned_of(world: World, agent: dict[str, object], doubt: str) -> None:
    said = with_agent(world, agent)
    assert GOOD in said
    assert (doubt in said) if doubt else "warning" not in said


def test_a_host_that_the_contract_of_an_agent_lets_it_reach_is_not_missed(world: World) -> None:
    agent: dict[str, object] = {"kind": "codex", "url": "https://models.example/v1"}
    for worker, missed in (("it", False), ("another", True)):
        world.contract("made", worker={"agent": worker, "sandbox": {"network": ["models.example"]}})
        assert ("is not in its network" in with_agent(world, agent)) == missed


# What is committed, and what lies here


def test_what_is_staged_as_it_lies_here_is_only_noted(world: World) -> None:
    # given a policy that was edited, which no hook before its commit could pass if that were wrong
    world.write("WORKFLOW.md", world.read("WORKFLOW.md") + "\nBe brief.\n")
    edited = "WORKFLOW.md:1:1: has uncommitted changes; the committed one is in force"
    assert f"\n{edited}" in f"\n{said_by_check(world)}"
    world.git("add", "WORKFLOW.md")
    noted = world.command("check")
    assert noted.startswith(f"warning: {edited}") and noted.endswith(GOOD)
    # then one that is edited once more is not what a commit would hold
    world.write("WORKFLOW.md", world.read("WORKFLOW.md") + "\nBe kind.\n")
    assert f"\n{edited}" in f"\n{said_by_check(world)}"


def test_a_policy_that_is_committed_invalid_is_named_beside_the_one_that_mends_it(world: World) -> None:
    good = world.read("WORKFLOW.md")
    world.write("WORKFLOW.md", good.replace("---\n", "---\nlimits: {inbox: x}\n", 1))
    world.commit()
    # while both are wrong, it is said once
    wrong = "WORKFLOW.md:2:10: limits.inbox: should be a valid integer"
    assert [line[: len(wrong)] for line in said_by_check(world).splitlines()] == [wrong]
    # once the one here is right, only a commit is missing, and whoever asks is told so
    world.write("WORKFLOW.md", good)
    said = said_by_check(world)
    assert said.startswith("WORKFLOW.md:2:10: as committed: limits.inbox: should be")
    assert said.endswith("; the one that lies here is right: git commit WORKFLOW.md\n")
    for command in ("tick", "status"):
        told = world.command(command, status=3)
        assert wrong in told and "next: correct it, factory check, git commit WORKFLOW.md" in told
