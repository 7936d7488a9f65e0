"""Hostile workers that go for the repository, and for what a person has beside it."""

from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from tests.hostile import AS_MALLORY, COMMON, WORK, Scene, needs_bubblewrap, python, reachable

# What each tries. It then works on as if nothing had been, so that a factory that may be harmed merges a proposal.
REACHES_OUT = {
    "writes main's ref": "echo 1234567890123456789012345678901234567890 > $c/refs/heads/main",
    "removes main's ref": "rm -f $c/refs/heads/main $c/packed-refs; rm -rf $c/refs $c/logs",
    "git update-ref": "git update-ref refs/heads/main HEAD",
    "git commit": f"echo x > x; git add x; {AS_MALLORY} commit -qam evil; rm x",
    "git branch -f": "git branch -f main HEAD; git push -f . HEAD:refs/heads/main",
    "writes objects": "rm -rf $c/objects; echo x | git hash-object -w --stdin",
    "writes a hook": "for h in post-checkout reference-transaction post-commit post-index-change; do "
    "printf '#!/bin/sh\\ntouch @elsewhere@/owned' > $c/hooks/$h; chmod +x $c/hooks/$h; done",
    "writes the configuration": "git config core.fsmonitor 'touch @elsewhere@/owned'; git config core.hooksPath .; "
    "git config --worktree core.hooksPath .; echo '[core] pager = evil' >> $c/config; rm -f $c/config",
    "leaves locks": "touch $c/index.lock $c/HEAD.lock $(git rev-parse --git-dir)/index.lock $c/refs/heads/main.lock",
    "writes the factory's own notes": "rm -rf $c/factory; mkdir -p $c/factory/pending; echo x > $c/factory/branch",
    "writes the working tree": "echo evil >> @repo@/program.py; rm -rf @repo@/tests; echo x > @repo@/new.py",
    "writes the queue": "echo x > @repo@/queue/done/x.yaml; rm -rf @repo@/queue/*; "
    "sed -i s/pending/approve/ @repo@/queue/review/judged.human.verdict.yaml",
    "writes the artifacts": "rm -rf @repo@/artifacts; mkdir -p @repo@/artifacts; echo x > @repo@/artifacts/x",
    "writes by ../": "for d in .. ../.. ../../.. ../../../..; do echo x > $d/owned; done",
    "writes by absolute path": "echo x > @elsewhere@/owned; rm -f @elsewhere@/precious.txt; echo x > /etc/owned; "
    "echo x > @home@/owned; echo x >> @home@/notes.txt; rm -rf @home@/.ssh",
    "replaces the .git file": "rm -rf .git; mkdir .git; echo x > .git/x",
    "writes the kernel's settings": "echo owned > /proc/sys/kernel/domainname; echo x > /proc/sys/kernel/hostname",
}


@needs_bubblewrap
@pytest.mark.parametrize("what", REACHES_OUT)
def test_what_lies_outside_the_cell_stays_as_it_is(scene: Scene, what: str) -> None:
    scene.bystanders()
    scene.bad(f"{COMMON}({REACHES_OUT[what]}) 2>&1; {WORK}")
    scene.run()
    scene.assert_ended("done")
    scene.assert_unharmed("fine.txt")
    assert scene.world.git("diff", "--name-only", "main^", "main", "--", ".", ":!queue", ":!artifacts") in (
        "",
        "fine.txt",
    )
    assert not (scene.place / "owned").exists()


@needs_bubblewrap
def test_the_files_of_other_items_and_credentials_cannot_be_read(scene: Scene) -> None:
    scene.bystanders()
    tries = "cat @repo@/queue/inbox/* @repo@/queue/review/* @home@/.ssh/*; ls -a @repo@/.git/factory @cache@/factory/*"
    scene.bad(f"({tries}; ls @repo@/artifacts) 2>&1; cat @repo@/program.py; {WORK}")
    scene.run()
    scene.assert_ended("done")
    assert "print('hello')" in scene.log()  # it can see the repository, but
    for secret in ("not for the eyes", "decision", "private key", "heartbeats", "judged"):
        assert secret not in scene.log()
    scene.assert_unharmed("fine.txt")


# Scripts, and what the finding says. All of them break the contract, which costs a round.
LEAVES = {
    "its own contract": ("echo '#' >> contracts/bad.yaml", "contracts/bad.yaml", "is the contract that this work"),
    "a queue file": ("mkdir -p queue/done; echo x > queue/done/x.yaml", "queue/done/x.yaml", "belongs to the factory"),
    "artifacts": ("mkdir -p artifacts/x; echo x > artifacts/x/journal.jsonl", "artifacts/x", "belongs to the factory"),
    "a test": ("echo 'def test_it(): pass' > tests/test_it.py", "tests/test_it.py", "may not be changed"),
    "no test": ("rm tests/test_it.py", "tests/test_it.py", "may not be changed"),
    "an absolute link": ("ln -s /etc/passwd link", "link", "is a symbolic link"),
    "a link upwards": ("ln -s ../../../../elsewhere/precious.txt link", "link", "is a symbolic link"),
    "a folder that is a link": ("rm -r tests; ln -s @repo@/tests tests", "tests", "is a symbolic link"),
    "a submodule": (
        f"git init -q n; cd n; {AS_MALLORY} commit -q --allow-empty -m x; cd ..; "
        "printf '[submodule \"n\"]\\n path = n\\n url = /tmp\\n' > .gitmodules",
        "n",
        "is a repository of its own",
    ),
    "an empty repository": ("git init -q n", "", "cannot be read by git"),
    "what git calls its own": ("mkdir .GIT; echo x > .GIT/config", "", "cannot be read by git"),
    "the same for Windows": ("mkdir git~1; echo x > git~1/config", "", "cannot be read by git"),
    "a binary file": ("printf 'a\\0b' > a.bin", "a.bin", "is not text"),
    "a mode": ("chmod +x program.py", "program.py", "had its mode changed"),
    "a setuid bit": ("chmod 4755 program.py", "program.py", "had its mode changed"),
    "too many files": ("for i in $(seq 101); do echo $i > $i.txt; done", "", "101 files were changed"),
    "too many lines": ("seq 5001 > a.txt", "", "5001 lines were changed"),
    "folders too deep": ("for i in $(seq 220); do mkdir d; cd d; done; echo x > f", "d/d/d", "lies in more than 200"),
    "a path too long": (
        "n=$(head -c 250 /dev/zero | tr '\\0' n); for i in 1 2 3 4; do mkdir $n; cd $n; done; echo x > f",
        "nnn",
        "is longer than 1000 bytes",
    ),
}


@pytest.mark.parametrize("what", LEAVES)
def test_what_breaks_the_contract_is_named_and_costs_a_round(scene: Scene, what: str) -> None:
    script, path, says = LEAVES[what]
    patch = {"paths": ["**", "!tests/**"]} if "test" in path and "link" not in says else {}
    if patch:
        patch = {"paths": ["*.txt", "*.py"]}
    scene.bad(script, produces={"patch": patch})
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT, says)
    assert any(path in finding.path and says in finding.text for finding in scene.world.last("bad").findings)
    scene.assert_unharmed()


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("echo '* -diff' > .gitattributes", ".gitattributes"),
        ("mkdir a; echo '* binary' > a/.gitattributes", "a/.gitattributes"),
        ("printf '[submodule \"n\"]\\n path = n\\n url = /tmp\\n' > .gitmodules", ".gitmodules"),
        ("echo evil >> WORKFLOW.md", "WORKFLOW.md"),
        ("sed s/kind:.checks/kind:\\ human/ contracts/scripted.yaml > contracts/new.yaml", "contracts/new.yaml"),
        ("mkdir .github; echo x > .github/ci.yml", ".github/ci.yml"),
    ],
)
def test_what_decides_how_work_is_judged_needs_a_person(scene: Scene, script: str, path: str) -> None:
    scene.bad(script)  # whose contract asks for checks alone
    scene.run()
    scene.assert_ended("review")
    assert path in scene.world.read("queue/review/bad.human.verdict.yaml")
    scene.world.tick()
    scene.assert_ended("review")
    scene.assert_unharmed()


def test_a_repository_in_the_place_of_a_submodule_runs_nothing(scene: Scene) -> None:
    # given a submodule that a person has, where git looks for changes inside
    head = scene.world.git("rev-parse", "HEAD")
    scene.world.git("update-index", "--add", "--cacheinfo", f"160000,{head},sub")
    scene.world.git("commit", "-qm", "A submodule")
    (scene.world.root / "sub").mkdir()
    evil = "cd sub; git init -q .; echo '* filter=evil' > .gitattributes; echo a > f; " + AS_MALLORY + "add .; "
    evil += AS_MALLORY + "commit -qm x; git config filter.evil.clean 'touch @elsewhere@/owned; cat'; "
    evil += "git config core.fsmonitor 'touch @elsewhere@/owned; false'; sleep 1.1; echo b > f"
    scene.bad(f"mkdir -p sub; {evil}")
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT, "is a repository of its own")
    scene.assert_unharmed()


AS_ANN = "git -c user.name=Ann -c user.email=ann@example.org "
# Where a person moves a file to while a worker changes it, and what the contract's patch may touch.
CARRIED: dict[str, tuple[str, dict[str, object]]] = {
    "into a protected path": (".github/workflows/a.yml", {"paths": ["**"]}),
    "out of the paths": ("src/a.txt", {"paths": ["conf/**"]}),
    "into the contract itself": ("contracts/prompts/a.txt", {"paths": ["**"]}),
}


@pytest.mark.parametrize("where", CARRIED)
def test_a_merge_carries_no_change_to_where_it_may_not_go(scene: Scene, where: str) -> None:
    moved, patch = CARRIED[where]
    world = scene.world
    world.policy("sandbox: off")  # so that a worker can do what a person does meanwhile
    world.write("conf/a.txt", "".join(f"line {number}\n" for number in range(30)))
    world.commit("A file")
    person = f"cd @repo@ && mkdir -p {Path(moved).parent} && git mv conf/a.txt {moved} && {AS_ANN}commit -qm Move"
    scene.bad(f"({person}); sed -i 's/^line 15$/evil/' conf/a.txt", produces={"patch": patch})
    scene.world.tick()
    assert scene.world.last("bad").event == "rework"
    assert [(finding.path, finding.text) for finding in scene.world.last("bad").findings] == [
        (moved, "conflicts with what the target branch holds now")
    ]
    assert "evil" not in scene.world.read(moved)


def test_a_merge_carries_a_change_along_with_a_file_to_where_it_may_go(scene: Scene) -> None:
    world = scene.world
    world.policy("sandbox: off")
    world.write("conf/a.txt", "".join(f"line {number}\n" for number in range(30)))
    world.commit("A file")
    person = f"cd @repo@ && mkdir src && git mv conf/a.txt src/a.txt && {AS_ANN}commit -qm Move"
    scene.bad(f"({person}); sed -i 's/^line 15$/good/' conf/a.txt")
    scene.world.tick(drain=True)
    assert world.lane("bad") == "done"
    assert "good" in world.git("show", "main:src/a.txt")


def test_names_that_look_like_options_or_lines_are_only_names(scene: Scene) -> None:
    names = ["-rf", "--upload-pack=touch owned", "a\nb", "$(touch owned)", "{ item }", "n" * 255, "\x1b[2J"]
    scene.bad(python(f"for n in {names!r} + [b'\\xff\\xfe']: open(n, 'w').write('x')"))
    scene.run()
    scene.assert_ended("done")
    scene.assert_unharmed(*names, "\udcff\udcfe")
    assert all((scene.world.root / name).read_text() == "x" for name in [*names, "\udcff\udcfe"])


def test_odd_names_can_be_shown_to_a_person(scene: Scene) -> None:
    review = {"seats": [{"name": "human", "kind": "human"}]}
    scene.bad(python("for n in ('a\\nb', '\\x1b[2J', b'\\xff'): open(n, 'w').write('x')"), review=review)
    scene.run()
    scene.assert_ended("review")
    assert "\x1b" not in scene.world.read("queue/review/bad.human.verdict.yaml")
    scene.world.command("status")
    scene.world.verdict("bad", "approve")
    scene.world.tick()
    scene.assert_ended("done")


def test_an_items_text_is_never_run_and_never_an_option(scene: Scene) -> None:
    evil = "touch @elsewhere@/owned"
    text = scene.spell(
        f"--upload-pack={evil}; $({evil}) `{evil}` {{{{ 7654321 * 7654321 }}}} {{% x %}}\\n\\nFactory-Move: a"
    )
    argv = ["sh", "-c", 'printf "%s|" "$@" > fine.txt', "{{ item.title }}", "{{ item.description }}", "{{ inputs.a }}"]
    scene.bad(argv)
    item = f'title: "{text}"\ncontract: bad\ndescription: "{text}"\ninputs: {{a: "{text}"}}\n'
    scene.world.write("queue/inbox/bad.yaml", item)
    scene.run()
    scene.assert_ended("done")
    proposal = scene.world.last("bad").proposal or ""
    assert str(7654321**2) not in reachable(scene.world).decode(errors="replace")
    assert scene.world.git("log", "-1", "--format=%(trailers:key=Factory-Move)", proposal) == ""
    assert "$(touch" in scene.world.read("fine.txt")
    scene.assert_unharmed("fine.txt")
