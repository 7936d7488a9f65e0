"""The journeys of whoever writes a worker: what it sees, what it may leave, and what follows from what it says."""

import pytest

from factory.model.failure import FailureClass
from tests.steps import result, write
from tests.world import World


def test_a_worker_that_cannot_be_started_blocks_with_the_reason(world: World) -> None:
    world.contract("absent", worker={"run": ["no-such-program"]})
    world.item("one", contract="absent")
    world.tick()
    assert world.lane("one") == "blocked"
    assert world.last("one").failure is FailureClass.CONFIG
    assert "no-such-program" in str(world.last("one").reason)


@pytest.mark.parametrize(
    ("steps", "lane", "event", "failure", "reason"),
    [
        ([result(status="blocked", question="which?")], "blocked", "block", None, "which?"),
        ([result(status="refused", summary="not my job")], "blocked", "block", "refusal", "not my job"),
        ([result(confidence=0.3), write("a.txt", "a\n")], "blocked", "block", None, "the worker's confidence is 0.3"),
        ([result(status="failed", summary="fell over")], "inbox", "release", "crash", "fell over"),
        ([{"exit": 3}], "inbox", "release", "crash", "exit status 3"),
        ([], "rework", "rework", "empty", "nothing was changed"),
        ([write("program.py", "print('hello')\n")], "rework", "rework", "empty", "nothing was changed"),
        ([result(confidence=2)], "rework", "rework", "contract", "confidence"),
    ],
    ids=["blocked", "refused", "unsure", "failed", "exit 3", "empty", "same content", "bad result"],
)
def test_what_a_worker_says_decides_where_its_item_goes(
    world: World, steps: list[dict[str, object]], lane: str, event: str, failure: str | None, reason: str
) -> None:
    world.item("one", steps)
    world.tick()
    assert world.lane("one") == lane
    assert world.last("one").event == event
    assert world.last("one").failure == failure
    assert reason in str(world.last("one").reason)
    assert world.status() == ""


@pytest.mark.parametrize(("unknown", "lane"), [("enough", "done"), ("too_little", "blocked")])
def test_a_worker_that_does_not_say_how_sure_it_is_is_as_sure_as_the_contract_takes_it(
    world: World, unknown: str, lane: str
) -> None:
    world.contract("silent", unknown_confidence=unknown)
    world.item("one", [result(summary="It is done."), write("a.txt", "a\n")], contract="silent")
    world.tick(drain=True)
    assert world.lane("one") == lane
    if lane == "blocked":
        assert world.last("one").reason == "the worker's confidence is not known; the contract asks for 0.7"


def test_low_confidence_is_sent_back_where_the_contract_says_refuse(world: World) -> None:
    world.contract("sure", on_uncertainty="refuse")
    world.item("one", [result(confidence=0.3), write("a.txt", "a\n")], [write("a.txt", "b\n")], contract="sure")
    world.tick(drain=True)
    assert world.events("one") == ["submit", "start", "rework", "start", "deliver", "finish"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{", "result.json:1:"),
        ('{"status": "fine"}', "status"),
        ('{"status": "ok", "konfidence": 1}', "did you mean 'confidence'?"),
        ("[]", "result.json"),
        ("\u0000", "result.json"),
    ],
    ids=["cut off", "unknown status", "unknown key", "a list", "NUL"],
)
def test_a_broken_result_is_a_breach_of_contract_that_says_where(world: World, text: str, where: str) -> None:
    world.item("one", [write("a.txt", "a\n"), {"out": {"path": "result.json", "text": text}}])
    world.tick()
    assert world.lane("one") == "rework"
    assert world.last("one").failure is FailureClass.CONTRACT
    assert where in world.last("one").findings[0].text


def test_a_result_that_is_too_large_is_not_read(world: World) -> None:
    world.contract(
        "large", worker={"run": ["sh", "-c", "echo a > a.txt; yes | head -c 300000 > $FACTORY_OUT/result.json"]}
    )
    world.item("one", contract="large")
    world.tick()
    assert world.lane("one") == "rework"
    assert "bytes long" in str(world.last("one").reason)


@pytest.mark.parametrize(
    ("patch", "steps", "said"),
    [
        ({"paths": ["src/**"]}, [write("src/a.txt", "a\n"), write("b.txt", "b\n")], "b.txt: may not be changed"),
        (
            {"max_files": 1},
            [write("a.txt", "a\n"), write("b.txt", "b\n")],
            "2 files were changed; at most 1 may be (what tests leave belongs into .gitignore)",
        ),
        ({"max_lines": 2}, [write("a.txt", "1\n2\n3\n")], "3 lines were changed; at most 2"),
        ({}, [write("queue/inbox/mine.yaml", "title: more\n")], "belongs to the factory"),
        ({}, [write("artifacts/one/journal.jsonl", "{}\n")], "belongs to the factory"),
    ],
    ids=["path", "files", "lines", "queue", "artifacts"],
)
def test_a_patch_outside_its_contract_goes_back_with_the_breach_named(
    world: World, patch: dict[str, object], steps: list[dict[str, object]], said: str
) -> None:
    world.contract("narrow", produces={"patch": patch})
    world.item("one", steps, contract="narrow")
    world.tick()
    assert world.lane("one") == "rework"
    assert world.last("one").failure is FailureClass.CONTRACT
    assert said in str(world.last("one").reason)
    assert world.status() == ""


def test_a_symbolic_link_in_a_patch_is_a_breach(world: World) -> None:
    world.contract("linking", worker={"run": ["ln", "-s", "/etc/passwd", "link"]})
    world.item("one", contract="linking")
    world.tick()
    assert world.lane("one") == "rework"
    assert "link: is a symbolic link" in str(world.last("one").reason)


def test_a_linked_file_in_the_out_folder_is_not_read(world: World) -> None:
    script = "echo x > a.txt; ln -s /etc/passwd $FACTORY_OUT/report.md"
    world.contract("leak", worker={"run": ["sh", "-c", script]}, produces={"files": [{"path": "report.md"}]})
    world.item("one", contract="leak")
    world.tick()
    assert world.lane("one") == "rework"
    assert not any("root:" in text for text in world.artifacts("one").values())


@pytest.mark.parametrize(
    ("size", "said"), [(None, "is missing in $FACTORY_OUT"), (3000, "is larger than 2 KiB")], ids=["missing", "large"]
)
def test_a_required_file_must_be_there_and_small_enough(world: World, size: int | None, said: str) -> None:
    world.contract("report", produces={"files": [{"path": "report.md", "max_kb": 2}]})
    steps = [write("a.txt", "a\n")]
    if size:
        steps.append({"out": {"path": "report.md", "text": "x" * size}})
    world.item("one", steps, contract="report")
    world.tick()
    assert world.lane("one") == "rework"
    assert said in str(world.last("one").reason)


def test_a_worker_sees_only_its_own_item_and_a_small_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # given secrets in the environment, of which the contract names one
    monkeypatch.setenv("PARENT_SECRET", "hidden")
    monkeypatch.setenv("NAMED", "let-through")
    world.contract("nosy", worker={"run": ["sh", "-c", "env | sort > env.txt; ls -A > seen.txt"], "env": ["NAMED"]})
    world.item("one", contract="nosy")
    world.item("two", text="hold: true\n")
    world.tick()
    names = {line.partition("=")[0] for line in world.read("env.txt").split("\n")} - {"", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "PARENT_SECRET" not in names
    assert "NAMED" in names
    asked = {"ITEM", "PROMPT", "OUT", "RUN", "ROUND", "FINDINGS", "EARLIER", "BASE"}
    assert {name for name in names if name.startswith("FACTORY_")} == {f"FACTORY_{name}" for name in asked}
    assert names - {f"FACTORY_{name}" for name in asked} <= {
        "HOME",
        "TMPDIR",
        "PATH",
        "LANG",
        "TERM",
        "NAMED",
        "TRACEPARENT",
    }
    assert not {"queue", "artifacts"} & set(world.read("seen.txt").split())


def test_a_worker_may_commit_what_it_likes_and_only_the_content_counts(world: World) -> None:
    script = (
        "git config user.name W; git config user.email w@example.org; echo 1 > a.txt; git add -A;"
        " git commit -qm mine; echo 2 > b.txt"
    )
    world.contract("committing", worker={"run": ["sh", "-c", script]})
    world.item("one", contract="committing")
    world.tick()
    assert world.lane("one") == "done"
    assert (world.read("a.txt"), world.read("b.txt")) == ("1\n", "2\n")
    assert "mine" not in world.git("log", "--format=%s", "main").split("\n")


def test_item_text_never_becomes_a_second_argument_or_a_template(world: World) -> None:
    world.contract(
        "echo", worker={"run": ["sh", "-c", 'printf "%s|" "$@" > args.txt', "sh", "{{ inputs.text }}", "end"]}
    )
    text = "a b; touch pwned; {{ 7*7 }} $(touch pwned)"
    world.write("queue/inbox/one.yaml", f"title: t\ncontract: echo\ninputs: {{text: '{text}'}}\n")
    world.tick()
    assert world.read("args.txt") == f"{text}|end|"
    assert not (world.root / "pwned").exists()


def test_a_template_that_names_something_unknown_blocks_with_the_place(world: World) -> None:
    world.contract("wrong", worker={"run": ["echo", "{{ inputs.nothing }}"]})
    world.item("one", contract="wrong")
    world.tick()
    assert world.lane("one") == "blocked"
    assert "worker.run[1]" in str(world.last("one").reason)


def test_a_worker_can_see_what_its_proposal_changes_so_far_and_what_this_run_has(world: World) -> None:
    shown = (
        "git diff --name-only $FACTORY_BASE -- ':!queue' ':!artifacts' > all.txt; git diff --name-only HEAD > now.txt"
    )
    run = ["sh", "-c", f"[ -e first.txt ] && echo 2 > program.py || echo 1 > first.txt; {shown}"]
    seats = [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]
    world.contract("shell", worker={"run": run}, review={"seats": seats})
    world.item("one", contract="shell")
    world.tick()
    world.command("review", "one", "--rework", "-m", "and the program")
    world.tick()
    assert world.lane("one") == "review"
    assert set(world.git("show", "factory/one:all.txt").split()) >= {"first.txt", "program.py"}
    assert "first.txt" not in world.git("show", "factory/one:now.txt").split()
    assert "queue/" not in world.git("show", "factory/one:all.txt")
