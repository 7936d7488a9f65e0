"""The page that `factory run --port` serves, in a real browser: what is seen, and what a verdict does."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.test_serve import HOSTILE, in_many_ways, served
from tests.world import World

CHROMIUM = shutil.which("chromium")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_verdict_given_in_the_page_is_a_commit_by_whoever_started_it(tmp_path: Path) -> None:
    world = World.after(in_many_ways, tmp_path / "repo")
    asked: list[str] = []
    said: list[str] = []
    with served(world, "--act", command="run") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://127.0.0.1:{server.port}/?token={server.token}")
        # what others wrote is shown as text
        assert HOSTILE in page.inner_text("main")
        page.get_by_text("Verdict of the seat human").click()
        page.locator('[data-item="judged"][data-seat="human"] button[data-decision="approve"]').click()
        world.until(lambda: world.lane("judged") == "done", 30)
        # and the page follows by itself
        world.until(lambda: HOSTILE not in page.inner_text("main"), 20)
        browser.close()
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{server.port}"}
    assert said == []
    authors = world.git("log", "--format=%an %s", "main").splitlines()
    name = world.git("config", "user.name").strip()
    assert any(line.startswith(f"{name} factory: take in queue/review/judged.human.verdict.yaml") for line in authors)
    assert [each.decision for each in world.last("judged").verdicts] == ["approve"]
