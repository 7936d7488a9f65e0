"""The files that `factory init --ci` lays, step by step as a host's runner does them, in new clones of a remote."""

import base64
import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ci_runner import TOKEN, Done, Pull, Runner, parsed, steps_of
from tests.git_server import serving
from tests.world import SCRIPTED, World

_TICK, _LOOK = ".github/workflows/factory.yml", ".github/workflows/factory-pull-request.yml"
_GITLAB = ".gitlab/factory.yml"
_STUCK: list[dict[str, object]] = [{"result": {"status": "blocked", "question": "which one?"}}]
_UNSET = "unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES"


def published(world: World, place: Path) -> World:
    """The bare remote that holds what a world does, and is its origin."""
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(place)], check=True)
    world.git("remote", "add", "origin", str(place))
    return World(place)


def hook(remote: World, name: str, script: str) -> None:
    """A hook of the remote's."""
    place = remote.root / "hooks" / name
    place.write_text(f"#!/bin/sh\n{_UNSET}\n{script}\n")
    place.chmod(0o755)


@pytest.fixture
def remote(world: World, tmp_path: Path) -> World:
    """A remote of a factory on the branch that people work on, with GitHub's jobs; the world is a person's clone."""
    world.command("init", "--ci", "github")
    world.commit("Jobs")
    return published(world, tmp_path / "remote.git")


def job(world: World, remote: World, place: Path, event: Pull | None = None, path: str = _TICK) -> Done:
    """One job, by the file that the world has."""
    return Runner(place, remote.root.as_uri()).github(world.read(path), event)


def with_a_queue_of_its_own(tmp_path: Path, ci: str = "github") -> tuple[World, World]:
    """A project whose queue has a branch of its own, and a remote that lets nobody push to the target."""
    (tmp_path / "app").mkdir()
    world = World(tmp_path / "app")
    world.git("init", "-q", "-b", "main")
    world.write("program.py", "print('hello')\n")
    world.commit("The program")
    world.command("init", "--branch", "queue", "--ci", ci)
    if world.status():
        world.commit("Start passes by the clock")
    world.git("switch", "-q", "queue")
    world.write("contracts/change.yaml", f"{SCRIPTED}apply: {{mode: branch}}\n")
    world.item("one", contract="change")
    world.commit("Ask for one")
    remote = published(world, tmp_path / "remote.git")
    hook(remote, "update", 'test "$1" != refs/heads/main || { echo "main is protected" >&2; exit 1; }')
    return world, remote


@pytest.mark.parametrize("branch", ["", "queue", "team/queue-1.x"])
@pytest.mark.parametrize(
    ("ci", "schema", "more"),
    [
        ("github", "vendor.github-workflows", []),
        ("gitlab", "vendor.gitlab-ci", ["--data-transform", "gitlab-ci"]),
    ],
)
def test_the_files_are_what_the_host_s_schema_asks_for(
    tmp_path: Path, branch: str, ci: str, schema: str, more: list[str]
) -> None:
    world = World(tmp_path)
    world.git("init", "-q", "-b", "main")
    world.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    world.command("init", "--ci", ci, *(["--branch", branch] if branch else []))
    if branch:
        world.git("stash", "-q", "-u")
        world.git("switch", "-q", branch)
    laid = [*world.root.glob(".git[hl]*/**/*.yml"), *world.root.glob(".gitlab-ci.yml")]
    assert len(laid) == 2
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *more, *map(str, laid)]
    done = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "@BRANCH@" not in "".join(path.read_text() for path in laid)


def test_nothing_that_is_there_is_written_over_and_what_is_left_to_do_is_said(world: World) -> None:
    world.write(_TICK, "mine\n")
    world.write(".gitlab-ci.yml", "mine: {script: [make]}\n")
    assert world.command("init", "--ci", "github").split("\n")[:2] == [
        _LOOK,
        f"  $EDITOR {_LOOK}    # FACTORY: what is to be installed",
    ]
    said = world.command("init", "--ci", "gitlab")
    assert "# in .gitlab-ci.yml, under `include`:\n  - local: .gitlab/factory.yml" in said
    assert "protected: [" in said  # the policy is a person's
    assert (world.read(_TICK), world.read(".gitlab-ci.yml")) == ("mine\n", "mine: {script: [make]}\n")
    # and nothing but the jobs is laid beside a factory that is there
    assert world.git("status", "--porcelain").count("\n") < 3 and not (world.root / "contracts/change.yaml").exists()
    assert world.command("init", "--ci", "github").startswith("everything is there already")


def test_a_new_factory_lets_no_worker_change_its_jobs(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.git("init", "-q", "-b", "main")
    world.command("init", "--ci", "gitlab")
    assert "all files are valid" in world.command("check")
    assert '".gitlab-ci.yml"' in world.read("WORKFLOW.md") and '".gitlab/**"' in world.read("WORKFLOW.md")


def test_a_branch_that_no_file_could_name_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.git("init", "-q", "-b", "${{x}}")
    assert "cannot name the branch" in world.command("init", "--ci", "github", status=2)


@pytest.mark.parametrize("path", [_TICK, _LOOK])
def test_jobs_ask_for_no_more_than_they_need(world: World, path: str) -> None:
    world.command("init", "--ci", "github")
    file = parsed(world.read(path))
    assert "pull_request_target" not in str(file["on"]) and "github.event" not in world.read(path)
    by_itself = file["permissions"]
    assert by_itself == ({} if path == _TICK else {"contents": "read"})
    for step in steps_of(world.read(path), lambda each: "uses" in each):
        assert re.fullmatch(r"actions/[a-z]+@v\d+", str(step["uses"]))
    assert path == _TICK or "{{ secrets" not in world.read(path)
    if path == _LOOK:  # a program that is installed where strangers' files lie might load one of them
        named = [str(step.get("name", step.get("uses"))) for step in steps_of(world.read(path), lambda _: True)]
        assert named.index("Install") < named.index("actions/checkout@v6")


def test_what_is_to_be_installed_is_what_runs_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Installed:
        def read_text(self, name: str) -> str:
            noted = {"url": "https://example.org/f.git", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}
            return json.dumps(noted) if name == "direct_url.json" else ""

    monkeypatch.setattr("factory.cli.ci_files.distribution", lambda _: Installed())
    said = world.command("init", "--ci", "github")
    assert f"FACTORY: git+https://example.org/f.git@{'a' * 40} " in world.read(_TICK)
    assert "$EDITOR" not in said


def test_a_blocked_item_is_published_before_the_job_fails_and_is_not_done_again(
    world: World, remote: World, tmp_path: Path
) -> None:
    world.item("stuck", _STUCK)
    world.item("good")
    world.write("queue/inbox/bad.yaml", "titel: no such key\n")
    world.commit()
    world.git("push", "-q", "origin", "main")
    first = job(world, remote, tmp_path / "first")
    assert first.status == 1, first.log
    assert "::error file=queue/inbox/bad.yaml,line=1,col=1,title=factory tick::" in first.log
    assert "::warning file=queue/blocked/stuck.yaml" in first.log
    assert first.ran[-1] == "Audit what is new" and "every commit keeps the rules" in first.log
    assert "pipx install git+URL@COMMIT" in (tmp_path / "first/installed").read_text()
    # and the page of the job says what came of it
    for told in (
        "## factory tick",
        "- `stuck`: `active -> blocked (run 1): which one?`",
        "- `good`: `review -> applied (run 1): all checks passed`",
        "- `queue/inbox/bad.yaml:1`: `unknown key",
        "## factory audit",
        "- every commit keeps the rules",
    ):
        assert told in first.summary, first.summary
    # when another job runs, in a clone of its own, then it knows what the first has done, and does none of it again
    second = job(world, remote, tmp_path / "second")
    assert second.status == 1
    assert (second.world.lane("stuck"), second.world.lane("good")) == ("blocked", "done")
    assert second.world.last("stuck").run == 1
    assert second.world.git("rev-parse", "HEAD") == first.world.git("rev-parse", "HEAD")


def test_a_job_with_nothing_to_do_pushes_nothing(world: World, remote: World, tmp_path: Path) -> None:
    before = remote.git("rev-parse", "main")
    hook(remote, "pre-receive", "exit 1")
    done = job(world, remote, tmp_path / "job")
    assert (done.status, remote.git("rev-parse", "main")) == (0, before), done.log


def test_a_shallow_clone_is_enough(world: World, remote: World, tmp_path: Path) -> None:
    world.item("one")
    world.commit()
    world.git("push", "-q", "origin", "main")
    text = world.read(_TICK)
    world.write(_TICK, text.replace("fetch-depth: 0", "fetch-depth: 1"))
    done = job(world, remote, tmp_path / "job")
    assert done.world.lane("one", "origin/main") == "done", done.log


def test_what_a_setup_made_is_there_in_the_next_job(world: World, remote: World, tmp_path: Path) -> None:
    made = "mkdir deps && od -An -N8 -tx1 /dev/urandom > deps/made"
    cell = {"shares": ["deps"], "setup": {"run": ["sh", "-c", made], "locks": ["lock.txt"]}}
    world.write("lock.txt", "1\n")
    world.write(".gitignore", "deps\n")
    world.contract("needy", worker={"run": ["sh", "-c", "cp deps/made made-{{ item.title }}.txt"]}, cell=cell)
    for name in ("one", "two"):
        world.write(f"queue/inbox/{name}.yaml", f"title: {name}\ncontract: needy\n")
        world.commit()
        world.git("push", "-q", "origin", "main")
        done = Runner(tmp_path / "job", remote.root.as_uri(), kept=tmp_path / "kept").github(world.read(_TICK))
        assert done.status == 0, done.log
        world.git("pull", "-q", "--no-rebase", "origin", "main")
        shutil.rmtree(tmp_path / "job")
    assert world.read("made-one.txt") == world.read("made-two.txt")


def test_two_jobs_at_once_do_everything_once(world: World, remote: World, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        world.item(name)
    world.commit()
    world.git("push", "-q", "origin", "main")
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda name: job(world, remote, tmp_path / name), ("left", "right")))
    assert {each.status for each in done} <= {0, 1, 4}, [each.log for each in done]
    last = job(world, remote, tmp_path / "last")  # what the one has claimed, the other may have left to it
    assert last.status == 0, last.log
    for name in ("one", "two", "three"):
        assert last.world.lane(name) == "done"
        assert last.world.events(name).count("finish") == 1


def test_what_a_person_pushes_meanwhile_is_taken_over(world: World, remote: World, tmp_path: Path) -> None:
    world.item("one")
    world.commit()
    world.git("push", "-q", "origin", "main")
    person = World(tmp_path / "person")
    world.git("clone", "-q", str(remote.root), str(person.root))
    person.write("theirs.txt", "theirs\n")
    person.commit("Theirs")
    once = f"rm {remote.root}/hooks/pre-receive; cd {person.root} && git push -q origin HEAD:main; exit 0"
    hook(remote, "pre-receive", once)
    done = job(world, remote, tmp_path / "job")
    assert done.status == 0, done.log
    assert remote.git("show", "main:theirs.txt") == "theirs" and done.world.lane("one", "origin/main") == "done"


def test_a_remote_that_is_gone_fails_the_job_by_a_status_of_its_own(world: World, tmp_path: Path) -> None:
    world.command("init", "--ci", "github")
    world.item("one")
    world.commit()
    remote = published(world, tmp_path / "remote.git")
    gone = "git config --global url.https://127.0.0.1:9/.insteadOf file:///"
    text = world.read(_TICK).replace("git rev-parse HEAD >", f"{gone}\n          git rev-parse HEAD >")
    world.write(_TICK, text)
    done = job(world, remote, tmp_path / "job")
    assert done.status == 4, done.log
    assert "::error title=factory tick::the remote origin is not to be reached" in done.log


def test_with_main_protected_proposals_are_branches_for_pull_requests(tmp_path: Path) -> None:
    world, remote = with_a_queue_of_its_own(tmp_path)
    # then the default branch has what the clock starts, the same as on the queue's branch, and nothing else
    assert world.git("show", f"main:{_TICK}") == world.git("show", f"queue:{_TICK}")
    assert world.git("ls-tree", "-r", "--name-only", "main").split("\n") == [_TICK, "program.py"]
    assert parsed(world.read(_TICK))["on"]["push"]["branches"] == ["queue"]  # type: ignore[index]
    done = job(world, remote, tmp_path / "job")
    assert done.status == 0, done.log
    assert done.world.lane("one", "origin/queue") == "done"
    assert remote.git("show", "factory/one:one.txt") == "one"
    assert remote.git("log", "--format=%s", "main").split("\n") == ["Start passes by the clock", "The program"]
    assert "every commit keeps the rules" in done.log


def test_a_queue_of_its_own_is_published_with_what_it_merges(tmp_path: Path) -> None:
    world, remote = with_a_queue_of_its_own(tmp_path)
    (remote.root / "hooks/update").unlink()
    world.write("contracts/change.yaml", SCRIPTED)
    world.commit("Merge")
    world.git("push", "-q", "origin", "queue")
    done = job(world, remote, tmp_path / "job")
    assert done.status == 0, done.log
    assert (remote.git("show", "main:one.txt"), done.world.lane("one", "origin/queue")) == ("one", "done")
    assert not remote.git("branch", "--list", "factory/*")


def test_with_main_protected_a_contract_that_merges_says_who_refuses(tmp_path: Path) -> None:
    world, remote = with_a_queue_of_its_own(tmp_path)
    world.write("contracts/change.yaml", SCRIPTED)
    world.commit("Merge")
    world.git("push", "-q", "origin", "queue")
    done = job(world, remote, tmp_path / "job")
    assert done.status == 3
    assert "main is protected" in done.log
    assert done.world.lane("one", "origin/queue") == "review"  # what was done is published, and only the merge is not


def fork_with(world: World, remote: World, message: str) -> Pull:
    """A stranger's commit as a pull request, merged as GitHub does to show what would be."""
    world.git("switch", "-q", "-c", "theirs")
    world.commit(message)
    world.git("switch", "-q", "-c", "merge", "main")
    world.git("merge", "-q", "--no-ff", "-m", "Merge", "theirs")
    merge = world.git("rev-parse", "HEAD")
    world.git("push", "-q", "origin", "HEAD:refs/pull/1/merge")
    world.git("switch", "-q", "main")
    return Pull(merge)


def test_a_stranger_s_request_is_looked_at_and_runs_nothing(world: World, remote: World, tmp_path: Path) -> None:
    world.item("mine", text="hold: true\n")
    world.commit()
    world.git("push", "-q", "origin", "main")
    mark = tmp_path / "ran"
    evil = f"touch {mark}"
    policy = f"---\nbranch: main\nhooks: {{after_create: '{evil}', before_run: '{evil}'}}\nsandbox: off\n"
    world.write("WORKFLOW.md", f"{policy}routes: [{{contract: scripted}}]\nreviewers: [mallory@example.org]\n---\n")
    worker = {
        "purpose": "x",
        "worker": {"run": ["sh", "-c", evil]},
        "checks": [{"name": "t", "run": ["sh", "-c", evil]}],
    }
    world.write("contracts/scripted.yaml", json.dumps(worker))
    world.write(
        "queue/inbox/evil.yaml",
        "title: '::set-env name=PATH::x `<img src=x>`'\nacceptance: [{id: A, text: x, check: [sh, -c, 'touch /x']}]\n",
    )
    for name in (
        "pip",
        "pipx",
        "click",
        "factory",
        "sitecustomize",
        "usercustomize",
    ):  # what might be loaded by mistake
        world.write(f"{name}.py", f"import os; os.system({evil!r})\n")
    world.write(_TICK, "on: pull_request_target\n")
    world.write(".gitattributes", "* filter=evil diff=evil merge=evil\n")
    event = fork_with(world, remote, "##[add-mask]x\n\n::stop-commands::x")
    done = job(world, remote, tmp_path / "look", event, _LOOK)
    # then it is told what a merge would set off, and nothing of it has happened
    assert (done.status, mark.exists()) == (0, False), done.log
    for told in (
        "hooks.after_create",
        "sandbox",
        "reviewers",
        "worker.run",
        _TICK,
        "new in inbox",
        "`evil`: `contract scripted, by the command sh -c",
    ):
        assert told in done.summary, done.summary
    assert not re.search(r"^\s*::(?!error|warning|group|endgroup)", done.log, re.M)
    # and before it is merged, a pass knows nothing of it
    passed = job(world, remote, tmp_path / "tick")
    assert (passed.status, mark.exists()) == (0, False), passed.log
    assert passed.world.lane("mine") == "inbox" and "evil" not in passed.world.git(
        "ls-tree", "-r", "--name-only", "main"
    )


def test_a_request_that_breaks_something_fails_with_every_reason(world: World, remote: World, tmp_path: Path) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.git("push", "-q", "origin", "main")
    world.write("WORKFLOW.md", "---\nbranch: main\nroutes: 3\n---\n")
    world.write("artifacts/one/journal.jsonl", "")
    done = job(world, remote, tmp_path / "look", fork_with(world, remote, "Break it"), _LOOK)
    assert done.status == 1
    assert "::error file=WORKFLOW.md,line=3" in done.log
    assert "::error file=artifacts/one/journal.jsonl" in done.log
    assert "The factory would stand still" in done.summary


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_the_token_reaches_the_remote_and_no_worker(world: World, tmp_path: Path, host: str) -> None:
    everybody = "/proc/*/environ" if shutil.which("bwrap") else ""  # without it a worker reads what its user may read
    look = f"cd $(git rev-parse --git-common-dir); cat config ~/.gitconfig {everybody}"
    script = f"(env; git config -l; {look}) 2>&1 | tr -c '[:print:]' '\\n' > seen.txt; true"
    world.contract("curious", worker={"run": ["sh", "-c", script]})
    world.command("init", "--ci", host)
    world.item("one", contract="curious")
    world.commit()
    published(world, tmp_path / "git/app.git").git("config", "http.receivepack", "true")
    user = "x-access-token" if host == "github" else "gitlab-ci-token"
    with serving(tmp_path / "git", user, TOKEN) as url:
        runner = Runner(tmp_path / "job", f"{url}/app.git", _basic(user, TOKEN), url)
        if host == "github":
            done = runner.github(world.read(_TICK))
        else:
            variables = {"CI_PROJECT_URL": f"{url}/app", "CI_SERVER_HOST": "127.0.0.1", "CI_COMMIT_BRANCH": "main"}
            done = runner.gitlab(world.read(_GITLAB), "factory-tick", "main", variables)
    assert done.status == 0, done.log
    assert done.world.lane("one", "origin/main") == "done"
    seen = done.world.git("show", "origin/main:seen.txt")
    assert "FACTORY_ITEM" in seen and f"credential.{url}.helper" in seen
    assert TOKEN not in seen and "FACTORY_TOKEN=" not in seen
    assert TOKEN not in done.world.git("config", "--list") and TOKEN not in done.log


def _basic(user: str, token: str) -> str:
    return f"AUTHORIZATION: basic {base64.b64encode(f'{user}:{token}'.encode()).decode()}"


@pytest.fixture
def on_gitlab(tmp_path: Path) -> tuple[World, World]:
    world, remote = with_a_queue_of_its_own(tmp_path, "gitlab")
    assert not world.git("ls-tree", "main", ".gitlab")  # GitLab starts by the clock what lies on the queue's branch
    return world, remote


def test_gitlab_s_pass_is_published_and_reported(on_gitlab: tuple[World, World], tmp_path: Path) -> None:
    world, remote = on_gitlab
    world.item("stuck", _STUCK, contract="change")
    world.commit()
    world.git("push", "-q", "origin", "queue")
    url = remote.root.as_uri()
    variables = {
        "CI_PROJECT_URL": url.removesuffix(".git"),
        "CI_SERVER_HOST": "gitlab.example.org",
        "CI_COMMIT_BRANCH": "queue",
    }
    done = Runner(tmp_path / "job", url).gitlab(world.read(_GITLAB), "factory-tick", "queue", variables)
    assert done.status == 1, done.log  # an item is blocked
    assert done.world.lane("one", "origin/queue") == "done" and remote.git("show", "factory/one:one.txt") == "one"
    report = json.loads(done.world.read("gl-factory-tick.json"))
    assert [each["location"]["path"] for each in report] == ["queue/blocked/stuck.yaml"]
    assert json.loads(done.world.read("gl-factory-audit.json")) == []
    assert "- `stuck`: `active -> blocked" in done.world.read("factory.md")
    assert "pip install --quiet git+URL@COMMIT" in (tmp_path / "job/installed").read_text()


def test_gitlab_s_merge_request_is_looked_at(on_gitlab: tuple[World, World], tmp_path: Path) -> None:
    world, remote = on_gitlab
    base = world.git("rev-parse", "queue")
    world.git("switch", "-q", "-c", "theirs")
    world.write("queue/inbox/bad.yaml", "titel: x\n")
    world.item("two", contract="change")
    world.commit("Ask")
    world.git("push", "-q", "origin", "theirs")
    runner = Runner(tmp_path / "job", remote.root.as_uri())
    variables = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
    done = runner.gitlab(world.read(_GITLAB), "factory-merge-request", "theirs", variables)
    assert done.status == 1
    assert "`two`: `contract change, by the command factory-scripted`" in done.world.read("factory-preview.md")
    report = json.loads(done.world.read("gl-factory-check.json"))
    assert "queue/inbox/bad.yaml" in {each["location"]["path"] for each in report}


def test_a_summary_shows_texts_of_others_letter_by_letter_and_takes_no_other_s_page(
    world: World, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n")
    hostile = "`][x](http://evil) @everyone <img src=http://evil>\n# no head"
    world.item("asks", [{"result": {"status": "blocked", "question": hostile}}])
    world.commit()
    world.command("tick", "--drain", "--summary", str(page), status=None)
    written = page.read_text()
    assert written.startswith("before\n## factory tick\n")
    assert "``active -> blocked (run 1): `][x](http://evil) @everyone <img src=http://evil>``\n" in written
    assert "\n# no head" not in written
    # and where it cannot be written, that is said, and all else has happened
    world.item("good")
    world.commit()
    said = world.command("tick", "--drain", "--summary", str(tmp_path / "no/page.md"), status=2)
    assert "cannot be written" in said
    assert world.lane("good") == "done"
