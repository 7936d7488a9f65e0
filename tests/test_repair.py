"""What the repair worker does with programs it has never seen: real processes, real folders, nothing imitated."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNITTEST = (sys.executable, "-m", "unittest", "-q", "test_it")


@dataclass(frozen=True)
class Bug:
    """A program with one mistake, expressions with the values they should have, and the line that puts it right."""

    kind: str
    program: str
    cases: tuple[tuple[str, object], ...]


def bug(kind: str, program: str, *cases: tuple[str, object]) -> Any:
    return pytest.param(Bug(kind, program, cases), id=kind.replace(" ", "-"))


BUGS = [
    bug(
        "a wrong comparison",
        "def adults(ages):\n    return [age for age in ages if age > 18]\n",
        ("adults([17, 18, 19])", [18, 19]),
        ("adults([])", []),
    ),
    bug(
        "a wrong operator",
        "def area(width, height):\n    # in square metres\n    return width + height\n",
        ("area(2, 3)", 6),
        ("area(4, 5)", 20),
    ),
    bug(
        "and instead of or",
        "def weekend(day):\n    return day == 'sat' and day == 'sun'\n",
        ("weekend('sat')", True),
        ("weekend('mon')", False),
    ),
    bug(
        "a missing not",
        "def missing(found, wanted):\n    return [name for name in wanted if name in found]\n",
        ("missing(['a'], ['a', 'b'])", ["b"]),
        ("missing([], ['c'])", ["c"]),
    ),
    bug(
        "a range that ends too early",
        "def total(n):\n    result = 0\n    for i in range(1, n):\n        result += i\n    return result\n",
        ("total(1)", 1),
        ("total(4)", 10),
        ("total(0)", 0),
    ),
    bug(
        "a wrong start value",
        "def product(numbers):\n    result = 0\n    for number in numbers:\n        result *= number\n"
        "    return result\n",
        ("product([])", 1),
        ("product([2, 3])", 6),
    ),
    bug(
        "swapped arguments",
        "def power(base, exponent):\n    return pow(exponent, base)\n",
        ("power(2, 5)", 32),
        ("power(3, 2)", 9),
    ),
    bug(
        "a wrong variable",
        "def spread(low, high):\n    middle = (low + high) / 2\n    return high - low, low\n",
        ("spread(1, 5)", (4, 3.0)),
        ("spread(0, 2)", (2, 1.0)),
    ),
    bug(
        "a wrong function",
        "def cheapest(prices):\n    return max(prices)\n",
        ("cheapest([3, 1, 2])", 1),
        ("cheapest([5, 9])", 5),
    ),
    bug(
        "a wrong method",
        "def has_ending(name, ending):\n    return name.startswith(ending)\n",
        ("has_ending('a.txt', '.txt')", True),
        ("has_ending('.txt.a', '.txt')", False),
    ),
    bug(
        "a missing base case",
        "def depth(tree):\n    return 1 + max(depth(part) for part in tree)\n",
        ("depth([])", 0),
        ("depth([[]])", 1),
        ("depth([[], [[]]])", 2),
    ),
    bug(
        "a wrong slice",
        "def tail(text, size):\n    return text[size:]\n",
        ("tail('abcdef', 2)", "ab"),
        ("tail('abc', 1)", "a"),
    ),
    bug(
        "a call too many",
        "def leaves(tree):\n    for part in tree:\n        if isinstance(part, tuple):\n"
        "            yield from leaves(part)\n        else:\n            yield leaves(part)\n",
        ("list(leaves((1, (2, 3))))", [1, 2, 3]),
        ("list(leaves(()))", []),
    ),
    bug(
        "yield instead of yield from",
        "def chained(lists):\n    for part in lists:\n        yield part\n",
        ("list(chained([[1], [2, 3]]))", [1, 2, 3]),
        ("list(chained([]))", []),
    ),
    bug(
        "a mutable default",
        "def collect(value, into=[]):\n    into.append(value)\n    return into\n",
        ("collect(1)", [1]),
        ("collect(2)", [2]),
        ("collect(3, [0])", [0, 3]),
    ),
    bug(
        "a missing statement",
        "def unique(values):\n    seen = set()\n    result = []\n    for value in values:\n"
        "        if value not in seen:\n            result.append(value)\n    return result\n",
        ("unique([1, 1, 2, 1])", [1, 2]),
        ("unique([])", []),
    ),
    bug(
        "a return inside the loop",
        "def count(values, wanted):\n    found = 0\n    for value in values:\n        if value == wanted:\n"
        "            found += 1\n        return found\n",
        ("count([1, 2, 1], 1)", 2),
        ("count([2, 1], 1)", 1),
    ),
    bug(
        "an endless loop",
        "def digits(number):\n    found = []\n    while number > 0:\n        found.append(number % 10)\n"
        "        number = number // 1\n    return found\n",
        ("digits(123)", [3, 2, 1]),
        ("digits(5)", [5]),
        ("digits(0)", []),
    ),
    bug(
        "a condition left out",
        "def first_word(text):\n    end = 0\n    while text[end] != ' ':\n        end += 1\n    return text[:end]\n",
        ("first_word('one two')", "one"),
        ("first_word('one')", "one"),
        ("first_word('')", ""),
    ),
    bug(
        "a wrong text",
        'def joined(words):\n    last = ", "\n    return ",".join(words) + last[:0]\n',
        ("joined(['a', 'b'])", "a, b"),
        ("joined(['a'])", "a"),
    ),
    bug(
        "swapped indices",
        "def transposed(rows):\n    return [[rows[i][j] for j in range(len(rows))] for i in range(len(rows[0]))]\n",
        ("transposed([[1, 2, 3], [4, 5, 6]])", [[1, 4], [2, 5], [3, 6]]),
        ("transposed([[1]])", [[1]]),
    ),
    bug(
        "a wrong result",
        "def balanced(text):\n    level = 0\n    for sign in text:\n        level += 1 if sign == '[' else -1\n"
        "        if level < 0:\n            return False\n    return True\n",
        ("balanced('[]')", True),
        ("balanced('][')", False),
        ("balanced('[[]')", False),
        ("balanced('[[][')", False),
    ),
]


@dataclass(frozen=True)
class Ending:
    """How a run of the worker ended, and what it left."""

    code: int
    screen: str
    result: dict[str, Any]
    report: str
    seconds: float


class Place:
    """A folder with a program, its tests, and a folder for results outside of it."""

    def __init__(self, base: Path, program: str, cases: tuple[tuple[str, object], ...] = ()) -> None:
        self.folder = base / "work"
        self.folder.mkdir()
        self.out = base / "out"
        self.program = self.folder / "prog.py"
        self.program.write_bytes(program.encode())
        lines = ["import unittest", "from prog import *", "", "class Tests(unittest.TestCase):"]
        for number, (expression, value) in enumerate(cases):
            lines.append(f"    def test_{number}(self): self.assertEqual({expression}, {value!r})")
        (self.folder / "test_it.py").write_text("\n".join(lines) + "\n")

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "FACTORY_OUT": str(self.out), **more}

    def repair(self, *words: str, command: tuple[str, ...] = UNITTEST, **more: str) -> Ending:
        arguments = [sys.executable, "-m", "factory.workers.repair", *(words or ("prog.py",)), "--", *command]
        started = time.monotonic()
        run = subprocess.run(
            arguments, cwd=self.folder, env=self.environment(**more), capture_output=True, text=True, timeout=60
        )
        assert "Traceback" not in run.stderr, run.stderr
        result = json.loads((self.out / "result.json").read_text())
        report = (self.out / "report.md").read_text()
        return Ending(run.returncode, run.stdout, result, report, time.monotonic() - started)

    def git(self, *words: str) -> str:
        settings = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        run = subprocess.run(["git", *settings, *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return run.stdout.strip()

    def tests_pass(self) -> bool:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        return not subprocess.run(UNITTEST, cwd=self.folder, env=environment, capture_output=True).returncode


TWO_MISTAKES = "def both(a, b):\n    return a - b, a / b\n"
TWO_CASES = (("both(4, 2)", (6, 8)), ("both(3, 5)", (8, 15)))


@pytest.mark.parametrize("bug", BUGS)
def test_a_program_with_one_mistake_is_repaired(tmp_path: Path, bug: Bug) -> None:
    place = Place(tmp_path, bug.program, bug.cases)
    assert bug.kind == "an endless loop" or not place.tests_pass()

    ending = place.repair()

    assert ending.result["status"] == "ok", ending.result["summary"]
    assert place.tests_pass()
    assert ending.result["handoff"]["commands"] == [{"run": list(UNITTEST), "exit_code": 0}]
    assert "```diff" in ending.report
    comments = [line for line in bug.program.splitlines() if "#" in line]
    assert all(line in place.program.read_text() for line in comments)


def test_a_program_with_two_mistakes_is_left_as_it_was_and_a_person_is_asked(tmp_path: Path) -> None:
    place = Place(tmp_path, TWO_MISTAKES, TWO_CASES)

    ending = place.repair()

    assert ending.result["status"] == "blocked"
    assert "more than one edit" in ending.result["question"]
    assert f"none passes `{' '.join(UNITTEST)}`" in ending.result["question"]
    assert place.program.read_text() == TWO_MISTAKES
    assert sorted(path.name for path in place.folder.iterdir()) == ["prog.py", "test_it.py"]


def test_the_limit_of_edits_is_kept_and_told(tmp_path: Path) -> None:
    place = Place(tmp_path, TWO_MISTAKES, TWO_CASES)

    ending = place.repair("prog.py", "--max-edits", "7", "--jobs", "1")

    assert ending.result["question"].startswith("Tried 7 single edits of prog.py")
    assert "the limit of 7 edits" in ending.result["question"]


def test_candidates_that_never_end_are_stopped(tmp_path: Path) -> None:
    program = "def halvings(n):\n    steps = 0\n"
    program += "    while n > 0:\n        n = n // 2\n        steps += 1\n    return steps\n"
    place = Place(tmp_path, program, (("halvings(8)", 3), ("halvings(1)", 0), ("halvings(9)", 3)))

    ending = place.repair()

    assert ending.result["status"] == "ok"
    assert "stopped: it ran too long" in ending.report
    assert ending.seconds < 15


def test_programs_keep_their_line_ends_and_signs_beyond_ascii(tmp_path: Path) -> None:
    program = "# Größe – ≤\r\ndef größer(ä, ö):\r\n    return 'é' * 0 + str(ä < ö)\r\n"
    place = Place(tmp_path, program, (("größer(2, 1)", "True"), ("größer(1, 2)", "False"), ("größer(1, 1)", "False")))

    place.repair()

    assert place.program.read_bytes() == program.replace("ä < ö", "ä > ö").encode()


def test_pytest_commands_work_as_well(tmp_path: Path) -> None:
    place = Place(tmp_path, "def double(x):\n    return x + 2\n")
    (place.folder / "test_it.py").write_text(
        "from prog import double\n\n\ndef test_three():\n    assert double(3) == 6\n\n\n"
        "def test_five():\n    assert double(5) == 10\n"
    )

    ending = place.repair(command=(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"))

    assert ending.result["status"] == "ok"
    assert "x * 2" in place.program.read_text() or "x + x" in place.program.read_text()
    assert "test_it.py::test_five" in ending.report


@pytest.mark.parametrize("command", [("sh", "-c", f"{sys.executable} check.py"), (sys.executable, "check.py")])
def test_any_other_command_works_by_its_exit_code(tmp_path: Path, command: tuple[str, ...]) -> None:
    place = Place(tmp_path, "def square(x):\n    return x * 2\n")
    (place.folder / "check.py").write_text("from prog import square\n\nassert [square(3), square(4)] == [9, 16]\n")

    ending = place.repair(command=command)

    assert ending.result["status"] == "ok"
    assert "x ** 2" in place.program.read_text() or "x * x" in place.program.read_text()


def test_tests_that_pass_already_are_no_job(tmp_path: Path) -> None:
    place = Place(tmp_path, "def one():\n    return 1\n", (("one()", 1),))

    ending = place.repair()

    assert (ending.result["status"], ending.result["question"]) == ("blocked", "The tests already pass; what is wrong?")


def test_what_was_sent_back_is_never_delivered_again(tmp_path: Path) -> None:
    # Given a narrow test that several wrong programs pass
    place = Place(tmp_path, "def pages(n, size):\n    return (n + size) // size\n", (("pages(20, 10)", 2),))
    place.git("init", "-q")
    place.git("add", "prog.py", "test_it.py")
    place.git("commit", "-q", "-m", "as reported")
    base = place.git("rev-parse", "HEAD")
    delivered = []

    # When each proposal is sent back
    for number in ("1", "2", "3", "4"):
        ending = place.repair(FACTORY_ROUND=number, FACTORY_BASE=base)
        assert ending.result["status"] == "ok"
        delivered.append(place.program.read_text())

    # Then the next is another one, made from the original, and the report names the rejected one
    assert len(set(delivered)) == 4
    assert all(text.count("\n") <= 4 for text in delivered)
    assert "The proposal that was sent back" in ending.report


def test_from_the_second_round_on_the_checks_of_the_item_have_to_pass_too(tmp_path: Path) -> None:
    place = Place(tmp_path, "def pages(n, size):\n    return (n + size) // size\n", (("pages(20, 10)", 2),))
    (place.folder / "test_all.py").write_text(
        "import unittest\nfrom prog import pages\n\n\nclass All(unittest.TestCase):\n    def test_all(self):\n"
        "        self.assertEqual([pages(n, 10) for n in (0, 1, 10, 11, 20)], [0, 1, 1, 2, 2])\n"
    )
    place.git("init", "-q")
    place.git("add", ".")
    place.git("commit", "-q", "-m", "as reported")
    check = [sys.executable, "-m", "unittest", "-q", "test_all"]
    item = tmp_path / "item.json"
    item.write_text(json.dumps({"id": "i", "acceptance": [{"id": "A1", "text": "all", "check": check}]}))
    base = place.git("rev-parse", "HEAD")

    first = place.repair(FACTORY_ROUND="1", FACTORY_ITEM=str(item), FACTORY_BASE=base)
    wrong = subprocess.run(check, cwd=place.folder, capture_output=True).returncode
    second = place.repair(FACTORY_ROUND="2", FACTORY_ITEM=str(item), FACTORY_BASE=base)
    right = subprocess.run(check, cwd=place.folder, capture_output=True).returncode

    assert (first.result["status"], wrong) == ("ok", 1)
    assert (second.result["status"], right) == ("ok", 0)


@pytest.mark.parametrize(
    ("words", "command", "status", "sentence"),
    [
        (("none.py",), UNITTEST, "failed", "there is no program none.py"),
        (("../prog.py",), UNITTEST, "failed", "not a path inside the worktree"),
        (("/etc/hostname",), UNITTEST, "failed", "not a path inside the worktree"),
        (("link.py",), UNITTEST, "failed", "symbolic link"),
        (("prog.py",), ("no-such-command-anywhere",), "failed", "was not found"),
        (("prog.py",), (), "failed", "no test command"),
        (("broken.py",), UNITTEST, "blocked", "on line 1"),
        (("prog.py",), (sys.executable, "-m", "unittest", "-q", "test_none"), "blocked", "never reached prog.py"),
    ],
)
def test_a_job_that_makes_no_sense_gets_one_sentence(
    tmp_path: Path, words: tuple[str, ...], command: tuple[str, ...], status: str, sentence: str
) -> None:
    place = Place(tmp_path, "def one():\n    return 2\n", (("one()", 1),))
    (place.folder / "broken.py").write_text("def one(:\n")
    (place.folder / "link.py").symlink_to("prog.py")

    ending = place.repair(*words, command=command)

    assert ending.code == 0
    assert ending.result["status"] == status
    assert sentence in ending.result["summary"]
    assert "\n" not in ending.result["summary"]


def _processes_in(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if str(folder) in (entry / "environ").read_bytes().decode(errors="replace"):
                    state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                    found += [entry.name] if state != "Z" else []
            except OSError:
                continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_worker_that_is_ended_leaves_no_process_and_the_program_as_it_was(tmp_path: Path, number: int) -> None:
    program = "def forever(n):\n    while n:\n        n = n\n    return n - 1, n + 7\n"
    place = Place(tmp_path, program, (("forever(3)", (9, 9)),))
    arguments = [sys.executable, "-m", "factory.workers.repair", "prog.py", "--", *UNITTEST]
    environment = place.environment(TMPDIR=str(tmp_path))
    worker = subprocess.Popen(arguments, cwd=place.folder, env=environment, stdout=subprocess.DEVNULL)
    time.sleep(1.2)

    worker.send_signal(number)
    worker.wait(10)
    deadline = time.monotonic() + 5
    while _processes_in(place.out) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert _processes_in(place.out) == []
    assert place.program.read_text() == program
    if number != signal.SIGKILL:
        assert json.loads((place.out / "result.json").read_text())["status"] == "failed"
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("repair-", "bench-"))] == []


SLOW = "def count(n):\n    i, k = 0, 0\n    while i > n:\n        i += 1\n        k += i % 7\n    return k\n"


def test_a_right_program_that_takes_longer_than_the_wrong_one_gets_the_time(tmp_path: Path) -> None:
    # given a program that is wrong at once, and right only after far more time than its tests took
    place = Place(tmp_path, SLOW, (("count(8_000_000)", 23_999_998), ("count(8)", 22)))

    ending = place.repair()

    assert ending.result["status"] == "ok", ending.result["summary"]
    assert "i < n" in place.program.read_text() or "i != n" in place.program.read_text()
    assert "Second tries, with more time: 0" not in ending.report


def test_what_was_stopped_and_how_many_tests_there_are_is_told(tmp_path: Path) -> None:
    # given two mistakes beside a loop that most edits make endless, and six tests, the second of which never ends then
    program = (
        "def halved(n):\n    k = 0\n    while n > 0:\n        n = n // 2\n        k += 1\n    return k + 1, n + 1\n"
    )
    cases = tuple(
        (f"halved({n})", value)
        for n, value in ((0, (0, 0)), (1, (1, 0)), (2, (2, 0)), (4, (3, 0)), (8, (4, 0)), (16, (5, 0)))
    )
    place = Place(tmp_path, program, cases)

    ending = place.repair("prog.py", "--timeout", "1", "--minutes", "0.1")

    question = ending.result["question"]
    assert ending.result["status"] == "blocked"
    assert "ran too long and were stopped" in question
    assert "of 6 tests" in question
    assert "--minutes" in question


def test_the_search_ends_when_its_minutes_are_over(tmp_path: Path) -> None:
    place = Place(
        tmp_path, SLOW.replace("i > n", "n > i or i < n + 1 - 1"), (("count(-1) + count(5)", 3), ("count(-2)", 7))
    )

    ending = place.repair("prog.py", "--timeout", "60", "--minutes", "0.05")

    assert ending.result["status"] == "blocked"
    assert "the time limit" in ending.result["question"] or "more than one edit" in ending.result["question"]
    assert ending.seconds < 30


def elsewhere(tmp_path: Path, installed: Path) -> tuple[Place, str]:
    """A program below src/, as an editable install has it, and the path that leads the tests to where it is installed.

    `installed` is another folder, or the worktree itself.
    """
    place = Place(tmp_path, "", (("twice(2)", 4), ("twice(5)", 10), ("twice(0)", 0)))
    place.program.unlink()
    for folder in {place.folder, installed if installed.is_absolute() else place.folder}:
        (folder / "src").mkdir(parents=True)
        (folder / "src/prog.py").write_text("def twice(a):\n    return a * 3\n")
    return place, os.pathsep.join(
        [str(ROOT), str(installed / "src" if installed.is_absolute() else place.folder / "src")]
    )


@pytest.mark.parametrize("shell", [False, True])
def test_where_an_install_leads_the_tests_to_the_worktree_it_is_worked_in_and_no_copy(
    tmp_path: Path, shell: bool
) -> None:
    place, path = elsewhere(tmp_path, Path("the worktree"))
    command = ("sh", "-c", " ".join(UNITTEST)) if shell else UNITTEST
    ending = place.repair("src/prog.py", command=command, PYTHONPATH=path)
    assert ending.result["status"] == "ok", ending.result["summary"]
    # and the first that passes, although others were waiting for the same tree while it was confirmed
    assert (place.folder / "src/prog.py").read_text() == "def twice(a):\n    return a * 2\n"


@pytest.mark.parametrize("shell", [False, True])
def test_where_the_tests_run_another_program_nothing_is_tried_and_a_person_is_told(tmp_path: Path, shell: bool) -> None:
    place, path = elsewhere(tmp_path, tmp_path / "installed")
    command = ("sh", "-c", " ".join(UNITTEST)) if shell else UNITTEST
    ending = place.repair("src/prog.py", command=command, PYTHONPATH=path)
    assert ending.result["status"] == "blocked"
    assert str(ending.result["question"]).startswith("the tests do not run src/prog.py of this worktree: `")
    assert (place.folder / "src/prog.py").read_text() == "def twice(a):\n    return a * 3\n"
    assert "tried" not in ending.screen


@pytest.mark.parametrize(("tests", "confidence"), [(1, 0.5), (2, 0.67), (3, 0.75), (30, 0.95)])
def test_the_confidence_is_the_documented_one(tmp_path: Path, tests: int, confidence: float) -> None:
    cases = tuple((f"twice({number + 1})", 2 * number + 2) for number in range(tests))
    ending = Place(tmp_path, "def twice(a):\n    return a * 3\n", cases).repair()
    assert (ending.result["status"], ending.result["confidence"]) == ("ok", confidence)
