"""Mission control on a terminal: it shows the queue as it moves, and its keys do what the commands do."""

import subprocess
import sys
from contextlib import closing

import pytest

from factory.line.person.answers import answer
from factory.line.person.editing import editing
from factory.model.errors import UsageError
from factory.model.questions import Question
from factory.store.repository.repository import Repository
from tests.missions import Mission, assertion, feature, milestone
from tests.terminal import Terminal
from tests.top import Screen, watched
from tests.world import World

HOSTILE = "[red]Stop[/red] [/nope] \\e[31mthe\\e[0m \\e]0;press\\a [@click=app.exit]here[/]"
LEFT = {"left_undone": ["the [b]docs[/b]"], "issues": [{"severity": "minor", "text": "a smell"}]}
ASKS = {"result": {"status": "blocked", "questions": [{"id": "name", "text": "What is [it] called?"}]}}


def in_review(world: World, text: str = "", **result: object) -> None:
    world.item("one", [{"write": {"path": "a.txt", "text": "a\n"}}, {"result": result}], text=text, contract="reviewed")
    world.tick()
    assert world.lane("one") == "review"


def asking(world: World) -> None:
    world.item("one", [ASKS], [{"write": {"path": "a.txt", "text": "a\n"}}])
    world.tick()
    assert world.lane("one") == "blocked"


def test_an_approval_is_asked_for_once_and_becomes_the_verdict_of_whoever_gave_it(world: World) -> None:
    in_review(world)

    async def story(screen: Screen) -> None:
        await screen.shows("REVIEW 1", "waits for you: 1 verdict", "a approve")
        await screen.press("a")
        await screen.shows("Approve one, round 1?")
        await screen.press("escape")
        await screen.lacks("Approve one")
        assert "decision: pending" in world.read("queue/review/one.human.verdict.yaml")
        await screen.press("a", "y")
        await screen.shows("one.human.verdict.yaml: approve; the next tick takes it in")
        await screen.tick()
        await screen.shows("0 review", "1 done today", "nothing waits for you")

    watched(world, story)
    assert world.last("one").outcome == "applied"
    assert world.last("one").verdicts[-1].reviewer.startswith("Ann")
    world.command("audit")


def test_what_no_check_answers_and_what_was_left_is_asked_with_the_approval(world: World) -> None:
    in_review(world, "acceptance: [{id: A1, text: it reads well}]\n", handoff=LEFT)

    async def story(screen: Screen) -> None:
        await screen.shows("verdict")
        await screen.press("a")
        await screen.shows("A1 passes: it reads well", "U1: the [b]docs[/b]", "I1: minor: a smell")
        await screen.press("tab", "tab", "tab", "enter")  # nothing is ticked
        await screen.shows("one is left as it was: approved, but A1 is 'unread'")
        await screen.press("a", "space")
        await screen.shows("▐x▌ A1 passes")
        await screen.press("tab", "tab")
        await screen.press("ctrl+u")
        await screen.type("it is no smell at all")
        await screen.press("enter", "enter")
        await screen.shows("approve; the next tick takes it in")
        await screen.tick()
        await screen.shows("1 done today", "the [b]docs[/b]")

    watched(world, story)
    assert world.last("one").outcome == "applied"


def test_sent_back_it_is_done_again_for_the_reason_that_was_given(world: World) -> None:
    in_review(world)

    async def story(screen: Screen) -> None:
        await screen.shows("r rework")
        await screen.press("r", "enter", "enter")
        await screen.shows("This has to be filled in.")
        await screen.type("say why [it] works")
        await screen.press("enter", "enter")
        await screen.shows("rework; the next tick takes it in")
        await screen.tick()
        await screen.shows("do one")

    watched(world, story)
    assert "rework" in world.events("one")
    assert "say why [it] works" in str([entry.reason for entry in world.journal("one")])


def test_a_verdict_on_what_was_delivered_anew_meanwhile_is_not_given(world: World) -> None:
    rounds = [[{"write": {"path": "a.txt", "text": f"{number}\n"}}] for number in (1, 2)]
    world.item("one", *rounds, contract="reviewed")
    world.tick()

    async def story(screen: Screen) -> None:
        await screen.shows("a approve")
        await screen.press("a")
        await screen.shows("Approve one, round 1?")
        # meanwhile somebody else sends it back, and it is delivered again
        await screen.command("review", "one", "--rework", "-m", "not yet")
        await screen.tick(drain=True)
        assert (world.lane("one"), world.last("one").round) == ("review", 2)
        await screen.press("y")
        await screen.shows("one has been delivered anew since you looked at it; nothing was done")

    watched(world, story)
    assert "finish" not in world.events("one")


def test_an_answer_is_written_where_the_worker_asks_and_sends_it_on(world: World) -> None:
    asking(world)

    async def story(screen: Screen) -> None:
        await screen.shows("asks", "waits for you: 1 answer", "n answer")
        await screen.press("n")
        await screen.shows("What is [it] called?")
        await screen.type("the green one")
        await screen.press("enter", "enter")
        await screen.shows("one.answers.yaml: answered")
        await screen.tick()
        await screen.shows("1 done today")

    watched(world, story)
    assert "the green one" in str([entry.answers for entry in world.journal("one")])


def test_an_answer_to_what_is_asked_no_more_is_not_given(world: World) -> None:
    asking(world)
    earlier = (Question(id="name", text="What was it called?"),)
    said = pytest.raises(UsageError, match="asks something else by now; nothing was done")
    with said, closing(Repository(world.root)) as opened, editing(opened) as desk:
        answer(desk, "one", {"name": "the green one"}, earlier)
    assert "green" not in world.read("queue/blocked/one.answers.yaml")


def test_retry_hold_and_cancel_are_the_commands(world: World) -> None:
    asking(world)

    async def story(screen: Screen) -> None:
        await screen.shows("t retry")
        await screen.press("t", "n")
        await screen.press("t", "y")
        await screen.shows("one: moved to queue/inbox; the next tick takes it up")
        world.item("two", contract="reviewed")
        await screen.shows("two")
        await screen.choose("two")
        await screen.press("h")
        await screen.shows("two: hold is on")
        await screen.tick()
        await screen.shows("[hold] do two", "1 done today")
        await screen.press("h")
        await screen.shows("two: hold is off")
        await screen.tick()
        await screen.shows("REVIEW 1")
        assert screen.chosen == "two"  # it stays chosen as it moves
        await screen.press("c", "y")
        await screen.shows("two: moved to queue/done/two.yaml")
        await screen.tick()
        await screen.shows("2 done today")

    watched(world, story)
    assert (world.last("one").outcome, world.last("two").outcome) == ("applied", "cancelled")
    assert world.status() == ""
    world.command("audit")


def test_a_mission_is_paused_and_goes_on(world: World) -> None:
    mission = Mission(world)
    tests = [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt")]
    mission.plan(tests, milestone("m1", feature("a", "VAL-1")), milestone("m2", feature("b", "VAL-2")))
    world.tick()

    async def story(screen: Screen) -> None:
        await screen.shows("> 0/1  The milestone m1", "  0/1  The milestone m2", "shop.a  run 1 to review: made shop.a")
        await screen.choose("shop")
        await screen.press("p")
        await screen.shows("Pause the mission shop?")
        await screen.press("y")
        await screen.shows("shop: moved to queue/blocked")
        await screen.tick()
        await screen.shows("BLOCKED 1")
        assert world.last("shop").event == "pause"
        await screen.press("p")
        await screen.shows("Let the mission shop go on?")
        await screen.press("y")
        await screen.shows("shop: moved to queue/active")
        await screen.tick()
        await screen.shows("0 blocked")

    watched(world, story, (140, 40))
    assert "resume" in world.events("shop")


def test_what_workers_print_is_shown_as_they_print_it_and_is_nothing_but_text(world: World) -> None:
    first = "[bold]first[/bold] \x1b[31mred\x1b[0m \x1b]0;title\x07[/x]"
    world.item("one", [{"say": first}, {"sleep": 0.4}, {"say": "second"}, {"sleep": 600}])
    running = world.start("run")
    try:

        async def story(screen: Screen) -> None:
            await screen.shows("1 worker at work", "[bold]first[/bold] red [/x]", "second", "last sign of life")
            assert "\x1b" not in screen.text
            await screen.press("c", "y")
            await screen.shows("nobody is at work", "1 done today")

        watched(world, story)
    finally:
        running.terminate()
        running.communicate()


def test_it_stays_right_while_the_queue_changes_underneath(world: World) -> None:
    for name in ("a", "b", "c"):
        world.item(name, text="hold: true\n")
    world.tick()

    async def story(screen: Screen) -> None:
        await screen.shows("INBOX 3")
        await screen.choose("b")
        # one comes before it
        world.item("aa", text="hold: true\n")
        await screen.shows("INBOX 4")
        assert screen.chosen == "b"
        # it moves to another lane, and is chosen there
        world.move("b", "queue/blocked", commit=True)
        await screen.tick()
        await screen.shows("BLOCKED 1", "INBOX 3")
        assert screen.chosen == "b"
        # it is broken, by an edit that nobody commits
        (world.root / world.path("a")).write_text("title: [\n")
        await screen.shows("1 problem: factory check")
        # it vanishes, and a neighbour is chosen; its keys do nothing that would be meant for the other
        await screen.command("cancel", "b")
        await screen.tick()
        await screen.shows("1 done today")
        assert screen.chosen in ("a", "aa", "c")
        # the policy breaks, and what was last seen stays
        world.write("WORKFLOW.md", "---\nnope: [\n---\n")
        world.git("commit", "-qam", "Break it", check=True)
        await screen.shows("this is what was last to be seen", "INBOX 3")
        world.git("reset", "-q", "--hard", "HEAD^")
        await screen.lacks("this is what was last to be seen")

    watched(world, story)


def test_a_key_for_what_is_gone_says_so_and_does_nothing(world: World) -> None:
    in_review(world)

    async def story(screen: Screen) -> None:
        await screen.shows("c cancel")
        await screen.press("c")
        await screen.shows("Cancel one?")
        await screen.command("review", "one", "--reject")
        await screen.tick()
        await screen.press("y")
        await screen.shows("one is done")

    watched(world, story)
    assert world.last("one").outcome == "rejected"


def test_an_item_is_opened_and_its_patch_read(world: World) -> None:
    in_review(world, summary="Wrote it")

    async def story(screen: Screen) -> None:
        await screen.shows("d diff")
        await screen.press("enter")
        await screen.shows("item       queue/review/one.yaml", "file       A  a.txt  +1 -0")
        await screen.press("escape", "d")
        await screen.shows("diff --git a/a.txt b/a.txt", "+a")
        await screen.press("q")
        await screen.shows("REVIEW 1")
        await screen.press("tab", "tab", "tab")
        await screen.shows("one  run 1 to review: Wrote it")

    watched(world, story)


def test_text_of_others_is_text_wherever_it_stands(world: World) -> None:
    text = f'title: "{HOSTILE}"\n'
    world.item("one", [{"write": {"path": "a.txt", "text": "[/x]\x1b[2J\n"}}, {"result": {"summary": HOSTILE}}])
    path = world.root / "queue/inbox/one.yaml"
    path.write_text(path.read_text().replace("title: do one\n", text).replace("scripted", "reviewed"))
    world.tick()

    async def story(screen: Screen) -> None:
        await screen.shows("[red]Stop[/red] [/nope] \ufffd[31mthe")
        await screen.press("o")
        await screen.shows("[red]Stop[/red] [/nope] \ufffd[31mthe")
        await screen.press("escape", "d")
        await screen.shows("+[/x]\ufffd[2J")
        await screen.press("escape", "tab", "tab", "tab")
        await screen.shows("run 1 to review: [red]Stop[/red]")
        assert "\x1b" not in screen.text

    watched(world, story)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_it_ends_at_a_key_from_wherever_one_is(world: World, key: str) -> None:
    in_review(world)

    async def story(screen: Screen) -> None:
        await screen.shows("a approve")
        if key == "ctrl+c":
            await screen.press("a")
            await screen.shows("Approve one")
        await screen.press(key)
        await screen.until(lambda: not screen.app.is_running or screen.app.looking.done())

    watched(world, story)
    assert world.status() == ""


def test_at_a_terminal_it_ends_clean_by_a_key_or_a_signal(world: World) -> None:
    in_review(world)
    for end in ("\x03", ""):
        terminal = Terminal(world, "top")
        terminal.until("REVIEW")
        if end:
            terminal.type(end)
        else:
            terminal.process.terminate()
        assert "\x1b[?1049l" in terminal.end()  # the screen that was there before is back
        assert terminal.process.returncode == 0


def test_a_policy_that_cannot_be_used_is_said_before_the_screen_is_taken(world: World) -> None:
    world.write("WORKFLOW.md", "---\nnope: [\n---\n")
    world.commit("Break it")
    terminal = Terminal(world, "top")
    said = terminal.end()
    assert "correct it, factory check, git commit WORKFLOW.md" in said
    assert ("\x1b[?1049h" in said, terminal.process.returncode) == (False, 3)


def test_without_a_terminal_it_says_what_a_program_asks_for(world: World) -> None:
    assert "a program asks for factory status --json" in world.factory("top", status=2)


def test_without_the_extra_it_says_in_a_sentence_how_to_have_it(world: World) -> None:
    hidden = "import sys; sys.modules['textual'] = None; from factory.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "top"], cwd=world.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "factory: Textual, which draws this, is not installed\n  next: pip install 'git-factory[tui]'\n"
    )
