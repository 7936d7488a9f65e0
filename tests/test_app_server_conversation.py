"""The conversation with an app-server, as a pure function: lines recorded from the real one, and lines that never were.

The recordings are what codex 0.169.0 printed while it talked with this client and a scripted model.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.execution.agents.app_server.conversation import Conversation, begin, interrupt, take
from factory.execution.agents.app_server.lines import Lines
from factory.execution.agents.app_server.requests import CONTINUE, Settings
from factory.execution.agents.app_server.talk import Beside, Talk
from factory.execution.agents.programs.heard import Event
from factory.execution.agents.programs.trace import Trace
from factory.execution.control import unfollowed
from factory.model.failure import Failure, FailureClass
from factory.model.result import MOST_TOKENS
from factory.model.symphony import Codex
from factory.store.system import MACHINE

_RECORDED = Path(__file__).parent / "fixtures/app_server"
THREAD = "01a22cc5-5ba5-7090-a9ab-5eab64c50574"
SETTINGS = Settings(
    prompt="do it",
    folder="/work/tree",
    name="one: do it",
    approval="never",
    sandbox="danger-full-access",
    sandbox_policy={"type": "externalSandbox", "networkAccess": "restricted"},
    max_turns=3,
    item={"id": "one", "title": "do it"},
)


def follow(
    lines: Iterable[Event], settings: Settings = SETTINGS, *, wrote: bool = False
) -> tuple[Conversation, list[Event]]:
    """Where a conversation comes to by these lines, and all that is said in it."""
    state, first = begin(settings, "1")
    said = list(first)
    for line in lines:
        state, more = take(state, line, wrote=wrote)
        said += more
    return state, said


def recorded(name: str) -> list[Event]:
    return list(Lines().take((_RECORDED / f"{name}.jsonl").read_bytes()))


def methods(said: Iterable[Event]) -> list[str]:
    return [str(each["method"]) for each in said if "method" in each]


def params(said: Iterable[Event], method: str) -> list[Mapping[str, object]]:
    found = [each["params"] for each in said if each.get("method") == method]
    return [each for each in found if isinstance(each, Mapping)]


def answered(number: int, **result: object) -> Event:
    return {"id": number, "result": result}


def told(method: str, **more: object) -> Event:
    return {"method": method, "params": {"threadId": THREAD, **more}}


def asked(method: str, number: int | str = 7, **more: object) -> Event:
    return {"id": number, **told(method, **more)}


def in_turn(*lines: Event) -> list[Event]:
    """The handshake, a first turn that has begun, and what follows."""
    begun = [answered(1, userAgent="factory/0.169.0 (Debian)"), answered(2, thread={"id": THREAD}, model="m-1")]
    return [*begun, answered(3, turn={"id": "t1"}), *lines]


def tool(**arguments: object) -> Event:
    return asked("item/tool/call", tool="queue_item", arguments=arguments, callId="c")


def worked(what: str = "make") -> Event:
    return told("item/started", item={"type": "commandExecution", "command": what})


def message(text: str) -> Event:
    return told("item/completed", item={"type": "agentMessage", "text": text})


def ended(turn: str = "t1", status: str = "completed", **more: object) -> Event:
    return told("turn/completed", turn={"id": turn, "status": status, **more})


def failure_of(state: Conversation) -> Failure:
    assert state.over and state.heard.finished and state.heard.failure is not None
    return state.heard.failure


def test_the_handshake_says_who_speaks_where_it_works_and_which_tool_there_is() -> None:
    _, said = follow(recorded("delivered"))
    assert methods(said) == ["initialize", "initialized", "thread/start", "thread/name/set", "turn/start"]
    assert [each.get("id") for each in said[:5]] == [1, None, 2, "name", 3]
    assert params(said, "initialize")[0]["capabilities"] == {"experimentalApi": True}
    (thread,), (turn,) = params(said, "thread/start"), params(said, "turn/start")
    assert (thread["cwd"], thread["approvalPolicy"], thread["sandbox"]) == ("/work/tree", "never", "danger-full-access")
    assert [each["name"] for each in thread["dynamicTools"]] == ["queue_item"]  # type: ignore[attr-defined]
    assert turn["input"] == [{"type": "text", "text": "do it"}]
    assert turn["sandboxPolicy"] == {"type": "externalSandbox", "networkAccess": "restricted"}
    assert params(said, "thread/name/set")[0]["name"] == "one: do it"


def test_what_the_agent_tells_with_its_tool_is_what_a_result_would_say() -> None:
    state, said = follow(recorded("delivered"))
    assert state.over and state.heard.failure is None
    result = json.loads(state.told.result() or b"")
    assert (result["status"], result["summary"]) == ("ok", "Wrote a.txt")
    assert result["handoff"]["issues"] == [{"text": "The README is out of date"}]
    heard = state.heard
    assert (heard.version, heard.model, heard.usage.tokens, heard.message) == ("0.169.0", "gpt-x", 1360, "All done.")
    replies = [each["result"] for each in said if "method" not in each]
    assert all(isinstance(each, Mapping) and each["success"] is True for each in replies) and len(replies) == 3


def test_a_question_is_what_the_run_comes_to() -> None:
    state, _ = follow(recorded("question"))
    assert state.over and json.loads(state.told.result() or b"") == {
        "status": "blocked",
        "question": "Which of the two?",
    }


def test_an_agent_that_has_not_delivered_goes_on_in_the_same_thread_with_guidance_alone() -> None:
    state, said = follow(recorded("continued"))
    first, second = params(said, "turn/start")
    assert first["threadId"] == second["threadId"] == state.thread
    assert second["input"] == [{"type": "text", "text": CONTINUE}]
    assert state.turns == 2 and state.told.delivered is not None and state.heard.failure is None


def test_an_agent_that_does_nothing_when_told_to_go_on_is_at_its_end() -> None:
    state, _ = follow(recorded("idle"))
    assert state.over and state.turns == 2 and state.heard.finished and state.heard.failure is None
    assert state.told.result() is None and state.heard.message == "All done."


def test_no_more_turns_are_begun_than_may_be() -> None:
    lines = in_turn(worked(), ended())
    for number in (2, 3):
        lines += [answered(2 + number, turn={"id": f"t{number}"}), worked(f"make {number}"), ended(f"t{number}")]
    state, said = follow(lines)
    assert methods(said).count("turn/start") == state.turns == 3
    assert failure_of(state).kind is FailureClass.MAX_TURNS


@pytest.mark.parametrize("settings", [replace(SETTINGS, item=None), SETTINGS], ids=["a seat", "it wrote its result"])
def test_one_turn_is_all_where_nothing_more_is_to_come(settings: Settings) -> None:
    state, said = follow(in_turn(worked(), ended()), settings, wrote=settings.item is not None)
    assert state.over and state.heard.finished and methods(said).count("turn/start") == 1


def test_a_fenced_result_in_the_last_message_delivers_as_well() -> None:
    state, _ = follow(in_turn(message('```json\n{"status": "ok"}\n```'), ended()))
    assert state.over and state.turns == 1


def test_a_thread_of_a_round_before_is_gone_on_with_and_only_what_is_new_is_counted() -> None:
    state, said = follow(recorded("resumed"), replace(SETTINGS, session="01a22cd0"))
    assert methods(said)[2] == "thread/resume" and params(said, "thread/resume")[0]["threadId"] == "01a22cd0"
    assert (state.turns, state.heard.usage.tokens) == (2, 110)


def test_a_thread_that_is_not_there_any_more_is_begun_anew() -> None:
    settings = replace(SETTINGS, session=THREAD, prompt="go on", whole_prompt="do it, whole")
    state, said = follow(recorded("gone"), settings)
    assert methods(said)[2:4] == ["thread/resume", "thread/start"]
    assert state.thread not in ("", THREAD) and state.heard.session == state.thread
    assert params(said, "turn/start")[0]["input"] == [{"type": "text", "text": "do it, whole"}]


FAILED = {
    "auth": FailureClass.AUTH,
    "quota": FailureClass.BILLING,
    "usage": FailureClass.BILLING,
    "rate": FailureClass.RATE_LIMIT,
    "server": FailureClass.SERVER,
    "overloaded": FailureClass.OVERLOADED,
    "model": FailureClass.MODEL_NOT_FOUND,
    "bad": FailureClass.INVALID_REQUEST,
    "context": FailureClass.CONTEXT,
    "cut": FailureClass.NETWORK,
    "policy": FailureClass.CONFIG,
}


@pytest.mark.parametrize("name", FAILED)
def test_every_failure_that_was_seen_has_its_class(name: str) -> None:
    state, _ = follow(recorded(name))
    assert failure_of(state).kind is FAILED[name]


@pytest.mark.parametrize("name", ["delivered", "question", "idle", *FAILED])
def test_a_conversation_that_breaks_off_is_at_no_end(name: str) -> None:
    lines = recorded(name)
    last = next(
        number for number, line in enumerate(lines) if line.get("method") == "turn/completed" or "error" in line
    )
    for count in range(last):
        state, _ = follow(lines[:count])
        assert not state.over and not state.heard.finished


def test_the_end_of_an_accounts_limit_is_told() -> None:
    window = {"usedPercent": 100, "windowDurationMins": 300, "resetsAt": 1_800_000_000}
    limits = told("account/rateLimits/updated", rateLimits={"primary": {"usedPercent": 3}, "secondary": window})
    error = {"message": "You’ve hit your usage limit.", "codexErrorInfo": "usageLimitExceeded"}
    failure = failure_of(follow(in_turn(limits, ended(status="failed", error=error)))[0])
    assert failure == Failure(FailureClass.BILLING, "You’ve hit your usage limit.; it resets 2027-01-15T08:00:00Z")


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (
            asked("item/commandExecution/requestApproval", availableDecisions=["accept", {"other": {}}, "cancel"]),
            {"result": {"decision": "accept"}},
        ),
        (asked("item/fileChange/requestApproval"), {"result": {"decision": "accept"}}),
        (
            asked("item/commandExecution/requestApproval", availableDecisions=["decline", "cancel"]),
            {"result": {"decision": "decline"}},
        ),
        (
            asked("item/commandExecution/requestApproval", availableDecisions=[{"x": {}}]),
            {"result": {"decision": "cancel"}},
        ),
        (asked("execCommandApproval"), {"result": {"decision": "approved_for_session"}}),
        (asked("applyPatchApproval", number="a"), {"result": {"decision": "approved_for_session"}}),
        (asked("mcpServer/elicitation/request"), {"result": {"action": "decline"}}),
    ],
)
def test_what_asks_for_approval_is_answered_by_policy_at_once(request_: Event, reply: Event) -> None:
    state, said = follow(in_turn(request_))
    assert said[-1] == {"id": request_["id"], **reply} and not state.over
    assert bool(state.heard.denials) is (reply["result"] in ({"decision": "decline"}, {"decision": "cancel"}))


def test_a_request_that_nobody_knows_is_an_error_and_the_turn_goes_on() -> None:
    state, said = follow(in_turn(asked("item/permissions/requestApproval"), worked()))
    error = said[-1]["error"]
    assert isinstance(error, Mapping) and error["code"] == -32601
    assert state.running and state.heard.steps == 1


def test_input_that_only_a_person_has_ends_the_turn_and_is_put_to_them() -> None:
    question = asked("item/tool/requestUserInput", questions=[{"id": "q", "question": "Which?"}, {"header": "When"}])
    state, said = follow(in_turn(question, ended(status="interrupted")))
    assert methods(said)[-1] == "turn/interrupt" and "error" in said[-2]
    assert params(said, "turn/interrupt") == [{"threadId": THREAD, "turnId": "t1"}]
    assert state.over and state.heard.failure is None
    assert json.loads(state.told.result() or b"")["question"] == "Which?\nWhen"


@pytest.mark.parametrize(
    "arguments",
    [
        {"action": "explode"},
        {},
        {"action": "deliver", "usage": {"usd": 0}},
        {"action": "note", "text": "x", "item": "two"},
        {"action": "ask", "text": "  "},
        {"action": "note", "text": "x", "data": 1},
        {"action": "deliver", "acceptance": {"a": "perhaps"}},
        {"action": "deliver", "data": "x" * 300_000},
        {"action": "deliver", "commands": [{"run": [], "exit_code": 0}]},
        {"action": "deliver", "left_undone": ["x"] * 21},
        {"action": "deliver", "data": float("nan")},
    ],
)
def test_a_call_that_is_none_of_the_tools_own_changes_nothing_and_is_answered(arguments: dict[str, object]) -> None:
    state, said = follow(in_turn(tool(**arguments)))
    result = said[-1]["result"]
    assert isinstance(result, Mapping) and result["success"] is False and result["contentItems"]
    assert state.told.result() is None and state.running


def test_a_tool_that_there_is_not_is_refused_and_so_is_every_tool_in_a_seat() -> None:
    for settings, name in ((SETTINGS, "linear_graphql"), (replace(SETTINGS, item=None), "queue_item")):
        call = asked("item/tool/call", tool=name, arguments={"action": "deliver"})
        state, said = follow(in_turn(call), settings)
        assert said[-1]["result"]["success"] is False and not state.told.final  # type: ignore[index]


def test_the_agent_is_shown_its_own_item_and_no_more_follow_ups_are_taken_than_anybody_reads() -> None:
    state, said = follow(in_turn(tool(action="show", item="one"), *[tool(action="follow_up", text="more")] * 25))
    replies = [each["result"] for each in said if "method" not in each]
    assert json.loads(replies[0]["contentItems"][0]["text"]) == SETTINGS.item  # type: ignore[index]
    assert [each["success"] for each in replies[1:]] == [True] * 20 + [False] * 5  # type: ignore[index]
    assert len(state.told.issues) == 20


def test_what_it_says_it_does_is_what_it_does_now() -> None:
    state, _ = follow(in_turn(tool(action="progress", text="reading the tests\nof the parser")))
    assert state.heard.step == "reading the tests of the parser"


def test_of_asking_and_delivering_the_later_counts() -> None:
    lines = (tool(action="ask", text="Which?"), tool(action="deliver", text="Both"))
    for order, status in ((lines, "ok"), (lines[::-1], "blocked")):
        state, _ = follow(in_turn(*order, ended()))
        assert json.loads(state.told.result() or b"")["status"] == status


def test_a_helpers_thread_ends_no_turn_and_what_it_uses_is_counted() -> None:
    def used(thread: str, total: object) -> Event:
        usage = {"total": {"inputTokens": total, "outputTokens": 1}}
        return {
            "method": "thread/tokenUsage/updated",
            "params": {"threadId": thread, "turnId": "x", "tokenUsage": usage},
        }

    helper = {"method": "turn/completed", "params": {"threadId": "helper", "turn": {"id": "t1", "status": "completed"}}}
    lines = [used(THREAD, 10), used(THREAD, 30), used("helper", 5), helper, used(THREAD, 30), used("helper", -9)]
    state, _ = follow(in_turn(*lines))
    assert state.running and state.heard.usage.tokens == 35 + 2
    state, _ = follow(in_turn(*(used(f"h{number}", 10**30) for number in range(300))))
    assert state.heard.usage.input_tokens == MOST_TOKENS and len(state.tokens.totals) == 100


def test_an_end_of_a_turn_that_is_over_or_of_another_one_is_none() -> None:
    state, said = follow(in_turn(worked(), ended("t0"), ended("t1"), ended("t1")))
    assert not state.over and state.turns == 2 and methods(said).count("turn/start") == 2


@pytest.mark.parametrize(
    "end",
    [
        ended(status="interrupted"),
        ended(status="inProgress"),
        ended(status=""),
        told("turn/completed", turn={"id": "t1"}),
        told("turn/failed", turn={"id": "t1"}),
        told("turn/cancelled", turnId="t1"),
        ended(status="failed", error="rubbish"),
    ],
)
def test_only_a_turn_that_is_completed_is_a_success(end: Event) -> None:
    state, _ = follow(in_turn(tool(action="deliver"), end))
    assert failure_of(state).kind is FailureClass.CRASH


def test_who_is_logged_in_with_a_key_is_so_before_there_is_a_thread() -> None:
    settings = replace(SETTINGS, key="k-1")
    _, said = follow([answered(1), answered(2, type="apiKey")], settings)
    assert methods(said) == ["initialize", "initialized", "account/login/start", "thread/start"]
    assert params(said, "account/login/start") == [{"type": "apiKey", "apiKey": "k-1"}]
    assert methods(follow([answered(1)], replace(settings, url="http://h/v1"))[1])[-1] == "thread/start"


def test_a_turn_that_is_under_way_can_be_interrupted_and_no_other() -> None:
    state, _ = follow(in_turn())
    assert methods(interrupt(state)[1]) == ["turn/interrupt"]
    assert interrupt(follow(in_turn()[:1])[0])[1] == () and interrupt(follow(in_turn(worked(), ended()))[0])[1] == ()


def test_lines_are_put_together_however_they_come_and_what_is_none_is_counted() -> None:
    data = (_RECORDED / "delivered.jsonl").read_bytes()
    small = Lines()
    pieces = [each for at in range(0, len(data), 7) for each in small.take(data[at : at + 7])]
    assert pieces == recorded("delivered") and small.malformed == 0
    odd = Lines()
    rubbish = (
        b"\n[1]\n{\n\xff\n" + b'{"a": ' + b"9" * 5000 + b"}\n" + b"[" * 100_000 + b'\n"' + b"x" * 11_000_000 + b'"\n'
    )
    assert list(odd.take(rubbish + b'{"method": "a"}\n{"method": "b"}')) == [{"method": "a"}]
    assert odd.malformed == 6
    long = Lines()
    assert [each for _ in range(200) for each in long.take(b"x" * 100_000)] == []
    assert list(long.take(b'}\n{"id": 1}\n')) == [{"id": 1}] and long.malformed == 1


def test_nobody_is_answered_for_ever() -> None:
    item = {"id": "one", "description": "x" * 90_000}
    talk = Talk(replace(SETTINGS, item=item), Codex(), Beside(lambda: False), unfollowed(MACHINE), Trace(MACHINE))
    talk.opening()
    for line in in_turn(*[tool(action="show")] * 220):
        talk.answer(f"{json.dumps(line)}\n".encode())
        assert talk.overdue() is None
    for _ in range(20):
        talk.answer(f"{json.dumps(tool(action='show'))}\n".encode())
    failure = talk.overdue()
    assert failure is not None and "more than anybody answers" in failure.reason


_VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
_JSON = _VALUE | st.lists(_VALUE, max_size=2) | st.dictionaries(st.sampled_from(["id", "type", "total"]), _VALUE)
_KNOWN = sorted(
    {str(line["method"]) for name in ("delivered", "auth", "approved") for line in recorded(name) if "method" in line}
)
_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from([0, 1, 2, 3, 4, "name", True, None, 2.0]),
        "method": st.sampled_from([*_KNOWN, "item/tool/requestUserInput", 3]) | st.text(max_size=8),
        "params": _JSON
        | st.fixed_dictionaries(
            {"threadId": st.just(THREAD)},
            optional={
                **dict.fromkeys(("turn", "item", "tokenUsage", "error", "rateLimits", "questions"), _JSON),
                **dict.fromkeys(("arguments", "availableDecisions", "turnId", "tool"), _JSON),
            },
        ),
        "result": _JSON,
        "error": _JSON,
    },
)


@given(st.lists(_EVENTS, max_size=6))
def test_no_rubbish_is_an_error_of_the_readers_or_a_success(lines: list[Event]) -> None:
    completed = any(
        line.get("method") == "turn/completed" and '"completed"' in json.dumps(line.get("params")) for line in lines
    )
    state, said = follow(in_turn(*lines))
    json.dumps(said)
    if state.over and not completed:
        assert state.heard.failure is not None
    assert 0 <= state.heard.usage.tokens <= 2 * MOST_TOKENS
