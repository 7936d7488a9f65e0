"""Hostile workers that go for what the factory itself does, outside their cell, with the files they leave."""

import os
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from factory.store.repository import worktrees
from tests.hostile import AS_MALLORY, WORK, Scene, needs_bubblewrap
from tests.world import World

OWN = "touch @elsewhere@/owned"
# What a repository in the place of a submodule may name for git to run.
PLANTED = {
    "a clean filter": f"echo '* filter=x' > .git/info/attributes; git config filter.x.clean '{OWN}; cat'",
    "a process filter": f"echo '* filter=x' > .git/info/attributes; git config filter.x.process '{OWN}'",
    "a file system monitor": f"git config core.fsmonitor '{OWN}; false'",
    "hooks": f"for h in post-index-change post-checkout; do printf '#!/bin/sh\\n{OWN}\\n' > .git/hooks/$h; done; "
    "chmod +x .git/hooks/*",
    "an askpass and an editor": f"git config core.askPass '{OWN}'; git config core.editor '{OWN}'",
}


def submodules(world: World, *paths: str) -> None:
    """A person has other repositories at these paths."""
    head = world.git("rev-parse", "HEAD")
    for path in paths:
        world.git("update-index", "--add", "--cacheinfo", f"160000,{head},{path}")
        (world.root / path).mkdir(parents=True, exist_ok=True)
    world.git("commit", "-qm", "Submodules")


@needs_bubblewrap
@pytest.mark.parametrize("what", PLANTED)
def test_nothing_is_run_that_lies_in_the_folder_of_a_submodule(scene: Scene, what: str) -> None:
    submodules(scene.world, "vendor", "deep/er/vendor")
    dirty = f"git init -q .; echo f > f; {AS_MALLORY}add f; echo g > f; touch -d 2001-01-01 f; {PLANTED[what]}"
    scene.bad(f"for d in vendor deep/er/vendor; do (cd $d; {dirty}); done; {WORK}")
    scene.run()
    scene.assert_ended("done")
    scene.assert_unharmed("fine.txt")
    assert scene.world.git("ls-tree", "main", "vendor").startswith("160000")


@needs_bubblewrap
def test_the_next_one_finds_the_folder_of_a_submodule_empty(scene: Scene) -> None:
    submodules(scene.world, "a/sub")
    scene.world.policy("agent: {max_concurrent_agents: 1}")
    scene.world.contract("good", worker={"run": ["sh", "-c", f"find a; {WORK}"]})
    scene.bad("cd a/sub; git init -q .; echo x > x; exit 1")
    scene.world.write("queue/inbox/good.yaml", "title: good\ncontract: good\n")
    scene.run(drain=True)
    assert scene.world.artifacts("good")["run-1/output.log"].split() == ["a", "a/sub"]
    scene.assert_unharmed("fine.txt")


@needs_bubblewrap
@pytest.mark.parametrize("there", ["rmdir sub; ln -s @elsewhere@ sub", "rmdir sub; echo x > sub", "rmdir sub"])
def test_what_stands_in_the_place_of_a_submodule_is_a_change_of_it(scene: Scene, there: str) -> None:
    submodules(scene.world, "sub")
    scene.bad(f"{there}; {WORK}", produces={"patch": {"paths": ["*.txt"]}})
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT, "sub: ")
    scene.assert_unharmed()


@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_a_persons_own_filters_do_not_run_on_what_a_worker_left(scene: Scene, sandbox: str) -> None:
    # given filters that run what they find in the working folder, as `python -m nbstripout` does
    world = scene.world
    world.policy(f"sandbox: {sandbox}")
    world.write(".gitattributes", "*.ipynb filter=strip diff=strip\n")
    world.write("old.ipynb", "{}\n")
    world.commit("A notebook")
    world.write(".git/info/exclude", "/strip\n")
    scene.bad(f"touch strip; echo '{{ }}' | tee a.ipynb > old.ipynb; {WORK}")
    for kind in ("filter.strip.clean", "filter.strip.smudge", "diff.strip.textconv"):
        world.git("config", kind, scene.spell("sh -c 'test ! -e strip || touch @elsewhere@/owned; cat'"))
    scene.run()
    scene.assert_ended("done")
    scene.assert_unharmed("fine.txt", "a.ipynb", "old.ipynb")


def test_the_line_ends_that_a_project_asks_for_are_kept(scene: Scene) -> None:
    scene.world.write(".gitattributes", "*.bat text eol=crlf\n")
    scene.world.write("a.bat", "echo a\n")
    scene.world.commit("A batch file")
    scene.bad("tr -d '\\n' < a.bat | od -c | head -1; printf 'echo a\\r\\necho b\\r\\n' > a.bat; " + WORK)
    scene.run()
    scene.assert_ended("done")
    assert "\\r" in scene.log()
    assert scene.world.git("cat-file", "blob", "main:a.bat") == "echo a\necho b"


def test_what_a_person_ignores_is_no_part_of_a_proposal(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.world.write("../home/.config/git/ignore", "*.log\n")
    scene.world.write(".git/info/exclude", "/cache/\n")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    scene.bad(f"echo x > a.log; mkdir cache; echo x > cache/x; {WORK}")
    scene.run()
    scene.assert_ended("done")
    assert [change.split("\t")[-1] for change in _changed(scene)] == ["fine.txt"]


def _changed(scene: Scene) -> list[str]:
    proposal = scene.world.last("bad").proposal or ""
    return scene.world.git("diff-tree", "-r", f"{proposal}^", proposal).split("\n")


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes", "n/.git/HEAD"])
def test_a_pipe_that_git_would_read_for_ever_holds_up_nobody(
    scene: Scene, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktrees, "_TAKING_S", 1.0)
    monkeypatch.setattr(worktrees, "_CLEANING_S", 1.0)
    scene.bad(f"mkdir n; git init -q n; echo x > n/x; rm -f {name}; mkfifo {name}; {WORK}")
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT, "cannot be read by git: it was stopped after 1 s")
    scene.assert_unharmed()


REFUSED = {
    "too much": "head -c 30000000 /dev/urandom > a.bin",
    "not text": "head -c 3000000 /dev/urandom > a.bin",
    "not allowed": "mkdir no; for i in 1 2 3; do head -c 1000000 /dev/urandom | base64 > no/$i.txt; done",
    "a secret": f"{WORK}; head -c 1000000 /dev/urandom | base64 -w 900 > a.txt; echo AKIA''QYLPMN5HHHFPZAM2 >> a.txt",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_leaves_nothing_in_the_repository(scene: Scene, what: str) -> None:
    scene.bad(REFUSED[what], produces={"patch": {"paths": ["*.txt", "*.bin"], "max_lines": 100_000}})
    before = _weight(scene.world.root / ".git/objects")
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT)
    committed = _weight_of_artifacts(scene.world)
    assert _weight(scene.world.root / ".git/objects") - before < 100_000 + committed
    scene.assert_unharmed()


def _weight(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _weight_of_artifacts(world: World) -> int:
    """What the run's own artifacts, which show what was refused, may take."""
    return sum(len(os.fsencode(text)) for text in world.artifacts("bad").values())


def test_a_clone_that_holds_a_part_of_its_objects_gets_the_others(world: World, tmp_path: Path) -> None:
    world.git("config", "uploadpack.allowFilter", "true")
    world.git("config", "uploadpack.allowAnySHA1InWant", "true")
    place = tmp_path / "clone"
    world.git("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{world.root}", str(place))
    clone = World(place)
    clone.git("sparse-checkout", "set", "queue", "contracts")
    clone.git("checkout", "-q", "main")
    clone.item("one")
    clone.tick()
    assert clone.lane("one") == "done", clone.last("one")
