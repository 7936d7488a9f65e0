"""The board: a whole factory at one commit as one page that works from disk."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from factory.report.board.graph import _layers
from factory.report.board.window import DAYS, Window
from factory.report.board.words import lasting
from factory.report.percentiles import percentile
from tests.lives import BEGINNING, DAY, Chance, written
from tests.world import REVIEWED, SCRIPTED, WORKFLOW, World

HOSTILE = "</h4><script>alert(1)</script><img src=http://evil.example/x> & \"quoted\" 'too'"
CHARTS = ("Cumulative flow", "Open items", "Cycle time", "Ageing work in progress", "Cost of a finished item")


class Page(HTMLParser):
    """What a page links to, loads and says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.scripts = 0
        self.charts = 0
        self.text = ""
        self.ids: list[str] = []
        self.labelled: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.scripts += tag == "script" or any(name.startswith("on") for name in named)
        self.charts += tag == "svg"
        self.ids += [named["id"]] if "id" in named else []
        self.labelled += [named["aria-labelledby"]] if "aria-labelledby" in named else []
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        self.loads += [named[name] for name in ("src", "srcset", "data", "poster", "action") if name in named]
        if tag == "link":
            self.loads.append(named.get("href", ""))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def busy(world: World) -> World:
    """Something in each lane that a person looks at, and something finished."""
    world.item("good")
    world.item("judged", contract="reviewed")
    world.item("asks", [{"result": {"status": "blocked", "question": "which one?"}}])
    world.tick(drain=True)
    world.write("queue/inbox/evil.yaml", f"title: {HOSTILE!r}\nhold: true\nlabels: ['<b>']\n".replace("\\'", "''"))
    world.commit("Hostile")
    world.tick()
    return world


def page_of(world: World, *arguments: str) -> Page:
    world.command("board", *arguments)
    return Page(world.read("board.html"))


def test_lanes_charts_and_links_are_there_and_every_link_leads_to_a_file(busy: World) -> None:
    page = page_of(busy)
    for told in ("inbox", "active", "review", "rework", "blocked", "good", "judged", "which one?", *CHARTS):
        assert told in page.text, told
    assert page.charts >= 3
    files = [unquote(link) for link in page.links if not link.startswith("#")]
    assert {"./queue/review/judged.human.verdict.yaml", "./artifacts/judged/run-1/patch.diff"} <= {*files}
    assert any(re.fullmatch(r"\./artifacts/done/[^/]+/good/run-1/evidence\.json", link) for link in files)
    missing = [link for link in files if not (busy.root / link).is_file()]
    assert missing == []


def test_it_asks_for_nothing_from_anywhere_and_runs_nothing(busy: World) -> None:
    page = page_of(busy)
    assert (page.loads, page.scripts) == ([], 0)
    assert [link for link in page.links if re.match(r"[a-z]+:|//", link)] == []
    assert "default-src 'none'" in busy.read("board.html")


def test_texts_of_others_are_text(busy: World) -> None:
    page = page_of(busy)
    assert HOSTILE in page.text
    assert "<b>" in page.text


def test_the_past_is_shown_as_it_was(busy: World) -> None:
    was = busy.git("log", "--format=%H", "--grep", "asks inbox -> active", "main")
    page = page_of(busy, "--at", was)
    first = busy.read("board.html")
    assert "which one?" not in page.text
    busy.item("later")
    busy.tick(drain=True)
    page_of(busy, "--at", was)
    assert busy.read("board.html") == first


def test_a_fresh_clone_shows_the_same(busy: World, tmp_path: Path) -> None:
    commit = busy.git("rev-parse", "main")
    busy.command("board", "--at", commit)
    here = busy.read("board.html")
    there = World(tmp_path / "elsewhere" / busy.root.name)
    subprocess.run(["git", "clone", "-q", str(busy.root), str(there.root)], check=True)
    there.command("board", "--at", commit)
    assert there.read("board.html") == here


def test_what_is_no_board_is_not_written_over(world: World) -> None:
    world.write("board.html", "<p>mine</p>\n")
    assert "is there already, and is no board" in world.command("board", status=2)
    assert world.read("board.html") == "<p>mine</p>\n"
    world.command("board", "-o", "mine.html")
    world.git("add", "-f", "mine.html")
    world.commit("Kept")
    assert "is tracked by git" in world.command("board", "-o", "mine.html", status=2)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium")
def test_a_browser_shows_it_without_a_complaint_or_a_request(busy: World, tmp_path: Path) -> None:
    busy.command("board")
    profile, page = tmp_path / "profile", (busy.root / "board.html").as_uri()
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--enable-logging=stderr"]
    done = subprocess.run(["chromium", *options, "--dump-dom", page], capture_output=True, text=True, timeout=60)
    assert "Cumulative flow" in done.stdout and "<svg" in done.stdout
    assert [line for line in done.stderr.splitlines() if ":CONSOLE" in line] == []


def test_what_draws_the_charts_leaves_python_s_imports_alone() -> None:
    program = "import factory.report.board.charts, graphlib"  # one that nothing has loaded yet
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_link_within_the_page_and_every_label_has_its_place(busy: World) -> None:
    busy.item("waits", text="depends_on: [judged]\n")
    busy.commit("One that waits")
    page = page_of(busy)
    assert len(page.ids) == len({*page.ids})
    assert {link[1:] for link in page.links if link.startswith("#")} <= {*page.ids}
    assert {*page.labelled} <= {*page.ids}
    assert "graph" in page.ids


def test_an_item_that_only_pretends_to_move_is_marked_with_what_to_do(busy: World) -> None:
    busy.item("waits", text="depends_on: [evil]\n")
    busy.commit("One that waits for what is on hold")
    page = page_of(busy)
    rows = {row["id"]: row for row in json.loads(busy.command("status", "--json"))["items"]}
    (mark,) = rows["waits"]["marks"]
    assert mark["reason"] in page.text
    assert mark["do"] in page.text
    assert mark["do"] not in page_of(busy, "--at", "main").text, "it is of now"


def test_what_the_past_links_to_lies_where_it_is_found_now(busy: World) -> None:
    was = busy.git("rev-parse", "main")
    busy.verdict("judged", "approve")
    busy.tick(drain=True)
    page = page_of(busy, "--at", was)
    files = [unquote(link) for link in page.links if not link.startswith("#")]
    assert [link for link in files if not (busy.root / link).is_file()] == []
    assert any(re.fullmatch(r"\./artifacts/done/[^/]+/judged/run-1/patch\.diff", link) for link in files)


def test_a_path_with_anything_in_it_is_linked_percent_encoded(tmp_path: Path) -> None:
    world = World.create(tmp_path / 'a b#c?d%20"><x>')
    world.item("one")
    world.commit()
    world.tick(drain=True)
    world.command("board", "-o", "../elsewhere.html")
    links = [link for link in Page((tmp_path / "elsewhere.html").read_text()).links if not link.startswith("#")]
    assert links
    assert [link for link in links if not (tmp_path / unquote(link)).is_file()] == []


def test_a_branch_that_is_not_checked_out_has_no_files_to_link_to(busy: World) -> None:
    busy.git("switch", "-q", "-c", "mine")
    page = page_of(busy)
    assert [link for link in page.links if not link.startswith("#")] == []
    assert "not checked out anywhere" in page.text


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    contracts = {"contracts/repair.yaml": SCRIPTED, "contracts/change.yaml": REVIEWED}
    files = {"WORKFLOW.md": WORKFLOW, **contracts}
    world = written(tmp_path / "repo", list(Chance(3, days=30).lives(700)), [BEGINNING + 60 * DAY], files)
    world.git("checkout", "-q", "main")
    for number in range(120):
        world.write(f"queue/inbox/new-{number}.yaml", "title: new\ncontract: repair\n")
    world.commit()
    page = page_of(world)
    assert "The newest 500 of 700." in page.text
    assert "The 100 that are here longest, of 120." in page.text


def test_a_window_has_steps_for_hours_and_for_months() -> None:
    now = BEGINNING + 200 * DAY
    assert Window.of(now - 30, now).count > 20
    assert Window.of(None, now).count > 20
    assert Window.of(0, now).begin >= now - (DAYS + 2) * DAY
    assert all(Window.of(now - back, now).count <= 48 for back in (1, 100, 5000, 70_000, DAY, 9 * DAY, 900 * DAY))


def test_nodes_stand_behind_what_they_need_and_circles_end() -> None:
    assert _layers("abc", [("a", "b"), ("b", "c"), ("a", "c")]) == [["a"], ["b"], ["c"]]
    circle = _layers("abcd", [("a", "b"), ("b", "a"), ("b", "c")])
    assert sorted(name for layer in circle for name in layer) == ["a", "b", "c", "d"]


def test_durations_are_told_as_people_say_them() -> None:
    assert [*map(lasting, (None, 0, 59, 90, 5400, 200_000, 9e6))] == ["–", "0s", "59s", "2m", "1.5h", "2.3d", "104d"]


def test_percentiles_are_by_nearest_rank() -> None:
    assert [percentile([1, 2, 3, 4], each) for each in (50, 85, 95)] == [2, 4, 4]
    assert [percentile([*range(1, 61)], each) for each in (0, 50, 95, 100)] == [1, 30, 57, 60]
