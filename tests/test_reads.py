"""What `reads` cover: files, what is not there, and the names in a folder; and what a trace tells of that."""

from pathlib import Path

import pytest

from factory.execution.cell.filesystem import Filesystem, GitView
from factory.execution.checks.reads import ReadContents
from factory.execution.checks.trace import Trace
from factory.model.contract import Contract
from factory.model.reads import Reads
from factory.report.narrow_reads import to_add
from factory.store.repository.repository import Repository
from tests.world import World


@pytest.mark.parametrize(
    ("named", "read", "covered"),
    [
        (["lib"], "lib/a.txt", True),
        (["lib"], "lib", True),
        (["lib"], "lib/*", True),
        (["lib"], "lib/deep/*", True),
        (["lib"], "*", False),
        (["lib"], "library/a.txt", False),
        (["lib/*.py"], "lib/a.py", True),
        (["lib/*.py"], "lib/a.txt", False),
        (["lib/*.py"], "lib/*", False),
        (["*"], "*", True),
        (["*"], "a.txt", True),
        (["*"], "maybe", True),
        (["*"], "lib/a.txt", False),
        (["**"], "lib/*", True),
        (["**"], ".git", False),
        (["a.txt"], "a.txt", True),
        (["lib"], "deep/.gitattributes", True),
        (["?"], "*", False),
    ],
)
def test_what_is_covered(named: list[str], read: str, covered: bool) -> None:
    assert Reads.of(named).lacks(read) is not covered


CONTRACT = Contract.model_validate({"purpose": "x", "worker": {"run": ["x"]}}, strict=False)
FILES = {"lib/a.txt": "a", "lib/deep/b.txt": "b", "other/c.txt": "c", "top.txt": "t"}


def digests(world: World, named: list[str], argv: tuple[str, ...], *changes: dict[str, str]) -> list[str]:
    """What a check reads of these files, and with each of these changes alone."""
    found = []
    for change in ({}, *changes):
        world.git("rm", "-rq", "--cached", ".")
        for path, text in {**FILES, **change}.items():
            blob = world.write("../blob", text)
            oid = world.git("hash-object", "-w", str(blob))
            world.git(
                "update-index", "--add", "--cacheinfo", f"{'120000' if path == 'link' else '100644'},{oid},{path}"
            )
        tree = world.git("write-tree")
        repository = Repository(world.root)
        found.append(ReadContents(repository.objects).digest(tree, CONTRACT, argv, Reads.of(named)))
        repository.close()
        found[-1] = "everything" if found[-1] == tree else found[-1]
    return found


@pytest.mark.parametrize(
    ("named", "change", "same"),
    [
        (["lib"], {"other/c.txt": "else"}, True),
        (["lib"], {"new/d.txt": "d"}, True),
        (["lib"], {"lib/deep/b.txt": "else"}, False),
        (["lib"], {"lib/new.txt": ""}, False),
        (["lib"], {"other/.gitattributes": "* text"}, False),
        (["lib/*.txt"], {"lib/deep/b.txt": "else"}, True),
        (["*"], {"other/c.txt": "else"}, True),
        (["*"], {"new/d.txt": "d"}, False),
        (["*"], {"new.txt": ""}, False),
        (["**/b.txt"], {"other/b.txt": ""}, False),
        (["maybe.txt"], {"maybe.txt": ""}, False),
        (["maybe"], {"maybe/some.txt": ""}, False),
    ],
)
def test_what_is_the_same_for_a_check(world: World, named: list[str], change: dict[str, str], same: bool) -> None:
    before, after = digests(world, named, ("true",), change)
    assert (before == after, "everything" in (before, after)) == (same, False)


@pytest.mark.parametrize(
    ("argv", "change"),
    [
        (("sh", "other/run.sh"), {"other/run.sh": "x"}),
        (("pytest", "lib"), {"conftest.py": ""}),
        (("true",), {"link": "other"}),
    ],
    ids=["a script that is left out", "a setting that is read unasked", "a link that may be gone through"],
)
def test_where_reads_cannot_be_relied_on_it_is_everything(
    world: World, argv: tuple[str, ...], change: dict[str, str]
) -> None:
    before, after = digests(world, ["lib", "**/a.txt"], argv, change)
    assert before.startswith("sha256:")
    assert after == "everything"


def beyond(world: World, text: bytes, *named: str) -> tuple[str, ...] | None:
    for path, content in FILES.items():
        world.write(path, content)
    world.commit()
    repository = Repository(world.root)
    git = GitView(Path("/git"), Path("/cell/repository"), Path("/cell/dot-git"), Path("/git/factory"))
    filesystem = Filesystem(
        Path("/cell/tree"), (), Path("/cell/tmp"), Path("/cell/given"), git, checkouts=(Path("/me"),)
    )
    place = world.root.parent / "trace"
    place.write_bytes(text)
    tree = repository.objects.commit(repository.tip("main")).tree
    try:
        return Trace(repository.objects, tree, filesystem, "/me").beyond(place, Reads.of(named))
    finally:
        repository.close()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('1 openat(AT_FDCWD</me>, "lib/a.txt", O_RDONLY) = 3</me/lib/a.txt>', ("lib/a.txt",)),
        ('1 openat(AT_FDCWD</cell/tree>, "lib/a.txt", O_RDONLY) = 3</cell/tree/lib/a.txt>', ("lib/a.txt",)),
        ('1 openat(5</me/lib>, "../top.txt", O_RDONLY) = 3</me/top.txt>', ("top.txt",)),
        ('1 openat(AT_FDCWD</me>, "no/such", O_RDONLY) = -1 ENOENT (No such file or directory)', ("no",)),
        ('1 openat(AT_FDCWD</me>, "lib/no", O_RDONLY) = -1 ENOENT (No such file or directory)', ("lib/no",)),
        ('1 openat(AT_FDCWD</me>, "top.txt/x", O_RDONLY) = -1 ENOTDIR (Not a directory)', ("top.txt",)),
        ('1 access("lib/\\303\\244\\"", R_OK) = -1 ENOENT (No such file or directory)', ('lib/ä"',)),
        ("1 getdents64(3</me/lib>, 0x1 /* 3 entries */, 32768) = 80", ("lib/*",)),
        ("1 getdents64(3</me>, 0x1 /* 3 entries */, 32768) = 80", ("*",)),
        ('1 chdir("lib") = 0\n1 access("a.txt", R_OK) = 0', ("lib", "lib/a.txt")),
        ('1 chdir("lib") = 0\n1 clone(flags=SIGCHLD) = 2\n2 access("a.txt", R_OK) = 0', ("lib", "lib/a.txt")),
        ('1 fchdir(3</me/lib>) = 0\n1 access("a.txt", R_OK) = 0', ("lib/a.txt",)),
        (
            '1 access("top <unfinished ...>\n2 access("x", R_OK) = 0\n1 <... access resumed>.txt", R_OK) = 0',
            ("top.txt", "x"),
        ),
        ('1 rename("top.txt", "new.txt") = 0\n1 access("new.txt", R_OK) = 0', ("top.txt",)),
        ('1 symlink("lib", "s") = 0\n1 openat(AT_FDCWD</me>, "s/a.txt", O_RDONLY) = 3</me/lib/a.txt>', ("lib/a.txt",)),
        ('1 openat(AT_FDCWD</me>, "out", O_WRONLY|O_CREAT, 0666) = 3</me/out>\n1 access("out", R_OK) = 0', ()),
        ('1 openat(AT_FDCWD</me>, "top.txt", O_WRONLY|O_CREAT, 0666) = 3</me/top.txt>', ("top.txt",)),
        ('1 openat(AT_FDCWD</me>, "/git/refs/heads/main", O_RDONLY) = 3</git/refs/heads/main>', (".git",)),
        ('1 openat(AT_FDCWD</me>, "/git/config", O_RDONLY) = 3</git/config>', ()),
        ('1 openat(AT_FDCWD</me>, ".git", O_RDONLY) = 3</me/.git>', ()),
        ('1 openat(AT_FDCWD</me>, "/etc/passwd", O_RDONLY) = 3</etc/passwd>', ()),
        ('1 newfstatat(AT_FDCWD</me>, "", {}, AT_EMPTY_PATH) = 0', ()),
        ("+++ exited with 0 +++\nrubbish\n1 open(\n\xff", ()),
    ],
)
def test_what_a_trace_tells(world: World, line: str, found: tuple[str, ...]) -> None:
    assert beyond(world, line.encode(), "unheard.of") == found


def test_a_folder_is_there_for_as_long_as_what_is_covered_in_it_is(world: World) -> None:
    line = b'1 newfstatat(AT_FDCWD</me>, "lib", {}, 0) = 0\n1 newfstatat(AT_FDCWD</me>, "other", {}, 0) = 0\n'
    assert beyond(world, line, "lib/*.txt") == ("other",)


def test_a_trace_that_is_no_file_tells_nothing(world: World) -> None:
    repository = Repository(world.root)
    git = GitView(Path("/git"), Path("/r"), Path("/d"), Path("/f"))
    filesystem = Filesystem(Path("/cell/tree"), (), Path("/t"), Path("/g"), git)
    (world.root.parent / "link").symlink_to(world.root / "program.py")
    for place in (world.root.parent / "link", world.root.parent / "none", world.root):
        assert Trace(repository.objects, "", filesystem, "/me").beyond(place, Reads.of(["lib"])) is None
    repository.close()


READ = [f"tests/part-{number}.py" for number in range(20)]


@pytest.mark.parametrize(
    ("lacking", "added"),
    [
        (("a.toml", "src/*"), ["a.toml", "src/*"]),
        (("*", "a.toml", "src/*"), ["*", "src/*"]),
        (("*", ".github", "a.toml", "src/app/*", *READ), ["*", "src", "tests"]),
    ],
    ids=["few", "all that lies at the top", "many"],
)
def test_what_doctor_says_to_add_covers_all_that_was_read(lacking: tuple[str, ...], added: list[str]) -> None:
    assert to_add(lacking) == added
    assert Reads.of(added).lacking(lacking) == ()
