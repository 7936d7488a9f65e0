"""Commands that ask where and what things are, and change nothing but configuration."""

import os
import re
from collections.abc import Callable, Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked, lines
from tests.simulation.git.config import as_bool, set_value
from tests.simulation.git.objects import name_of
from tests.simulation.git.refs import Refs, is_oid, set_symbolic
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, is_ancestor, merge_bases, unknown
from tests.simulation.git.steps import Done, Failure, Steps, fatal, run
from tests.simulation.git.walk import walked


def rev_parse(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git rev-parse`."""
    words = [word for word in arguments if word not in ("-q", "--quiet", "--end-of-options")]
    quiet = "-q" in arguments or "--quiet" in arguments
    absolute = "--path-format=absolute" in words
    verify = "--verify" in words
    said: list[str] = []
    for word in words:
        if word in ("--path-format=absolute", "--verify"):
            continue
        try:
            said.append(_parsed(repo, word, absolute=absolute))
        except Failure as failure:
            if verify:
                message = "" if quiet else "fatal: Needed a single revision\n"
                raise Failure(message, 1 if quiet else 128) from None
            raise Failure(failure.message, failure.status, lines(*said, word)) from None
    return Done(out=lines(*said))


def _parsed(repo: Repo, word: str, *, absolute: bool) -> str:
    told: dict[str, Callable[[], str]] = {
        "--is-bare-repository": lambda: str(repo.bare).lower(),
        "--show-object-format": lambda: "sha1",
        "--git-common-dir": lambda: _path(repo, repo.common_dir, absolute=absolute),
        "--git-dir": lambda: _path(repo, repo.git_dir, absolute=absolute),
        "--show-toplevel": lambda: repo.root,
        "--is-shallow-repository": lambda: str(files.exists(f"{repo.common_dir}/shallow")).lower(),
    }
    if word in told:
        return told[word]()
    if word.startswith("-"):
        raise NotImplementedError(f"git rev-parse {word}")
    found = Revisions(repo).find(word)
    if found is None:
        raise unknown(word)
    return found


def _path(repo: Repo, path: str, *, absolute: bool) -> str:
    here = os.path.realpath(repo.cwd)
    if absolute or not path.startswith(f"{here}/"):
        return "." if path == here and not absolute else path
    return path[len(here) + 1 :]


def symbolic_ref(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git symbolic-ref [-q] [--short] NAME [TARGET]`."""
    told = asked("symbolic-ref", arguments, "-q --short", "-m")
    refs = Refs(repo)
    if len(told.rest) == 2:
        run(set_symbolic(refs, told.rest[0], told.rest[1], told.values.get("-m")))
        return Done()
    found = refs.loose(told.rest[0])
    if found is None:
        raise fatal(f"No such ref: {told.rest[0]}")
    if not found.startswith("ref: "):
        if "-q" in told.on:
            return Done(1)
        raise fatal(f"ref {told.rest[0]} is not a symbolic ref")
    name = found[5:]
    return Done(out=lines(re.sub("^refs/(?:heads/|tags/|remotes/)?", "", name) if "--short" in told.on else name))


def config(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git config` that reads a key or keys, or sets one of the repository."""
    told = asked("config", arguments, "--get --get-regexp", "--type= --default=")
    kind = told.values.get("--type", "")

    def shown(value: str | None, key: str) -> str:
        if kind == "bool":
            return str(as_bool("true" if value is None else value, key)).lower()
        return repo.config.path(value or "") if kind == "path" else value or ""

    if "--get-regexp" in told.on:
        wanted = re.compile(told.rest[0])
        said = [f"{key} {shown(value, key)}".rstrip() for key, value in repo.config.pairs if wanted.search(key)]
        return Done(0 if said else 1, lines(*said))
    key = told.rest[0]
    if len(told.rest) == 2:
        run(files.replace(f"{repo.common_dir}/config", set_value(f"{repo.common_dir}/config", key, told.rest[1])))
        return Done()
    value = repo.config.get(key)
    value = told.values.get("--default") if value is None else value
    return Done(1) if value is None else Done(out=lines(shown(value, key)))


def var(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git var GIT_AUTHOR_IDENT`, or GIT_COMMITTER_IDENT."""
    roles = {"GIT_AUTHOR_IDENT": "AUTHOR", "GIT_COMMITTER_IDENT": "COMMITTER"}
    if len(arguments) != 1 or arguments[0] not in roles:
        raise NotImplementedError(f"git var {' '.join(arguments)}")
    return Done(out=lines(repo.ident(roles[arguments[0]])))


def for_each_ref(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git for-each-ref --format=… PATTERN…`."""
    told = asked("for-each-ref", arguments, "", "--format=")
    form = told.values.get("--format", "%(objectname) %(objecttype)\t%(refname)")
    refs = Refs(repo)
    said = []
    for name in refs.names():
        if told.rest and not any(_fits(name, pattern) for pattern in told.rest):
            continue
        oid = refs.read(name) or ""
        found = repo.store.read(oid) if "%(objecttype)" in form else None
        line = form.replace("%(refname:lstrip=2)", "/".join(name.split("/")[2:])).replace("%(refname)", name)
        line = line.replace("%(refname:short)", re.sub("^refs/(?:heads/|tags/|remotes/)?", "", name))
        line = line.replace("%(objectname)", oid).replace("%(objecttype)", found[0] if found else "")
        if "%(" in line:
            raise NotImplementedError(f"git for-each-ref --format={form}")
        said.append(line)
    return Done(out=lines(*said))


def _fits(name: str, pattern: str) -> bool:
    """Whole parts of a name, or a pattern in which `*` is about one part."""
    if "*" not in pattern and "?" not in pattern and "[" not in pattern:
        pattern = pattern.rstrip("/")
        return name == pattern or name.startswith(f"{pattern}/")
    ours = pattern.split("/")
    theirs = name.split("/")
    expressions = ("[^/]*".join(map(re.escape, part.split("*"))) for part in ours)
    return len(ours) == len(theirs) and all(map(re.fullmatch, expressions, theirs))


def merge_base(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git merge-base [--is-ancestor|--all] ONE TWO`."""
    told = asked("merge-base", arguments, "--is-ancestor --all")
    revisions = Revisions(repo)
    commits = []
    for name in told.rest:
        try:
            commits.append(revisions.commit(name))
        except Failure:
            raise fatal(f"Not a valid {'commit' if is_oid(name) else 'object'} name {name}") from None
    one, two = commits
    if "--is-ancestor" in told.on:
        return Done(0 if is_ancestor(repo, one, two) else 1)
    found = merge_bases(repo, one, two)
    return Done(0 if found else 1, lines(*(found if "--all" in told.on else found[:1])))


def rev_list(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git rev-list [--first-parent] [--max-count=N] [--count] COMMIT…`."""
    told = asked("rev-list", arguments, "--first-parent --count --reverse --all", "--max-count=")
    refs = Refs(repo)
    named = told.rest + ([oid for name in refs.names() if (oid := refs.read(name))] if "--all" in told.on else [])
    most = int(told.values.get("--max-count", -1))
    found = [oid for oid, _ in walked(repo, named, first_parent="--first-parent" in told.on)]
    found = found[:most] if most >= 0 else found
    found = found[::-1] if "--reverse" in told.on else found
    return Done(out=lines(str(len(found))) if "--count" in told.on else lines(*found))


def cat_file(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Done:
    """`git cat-file` of one object, or `--batch-check=FORMAT` of many."""
    revisions = Revisions(repo)
    if len(arguments) == 1 and arguments[0].startswith("--batch-check"):
        form = arguments[0].partition("=")[2] or "%(objectname) %(objecttype) %(objectsize)"
        return Done(out=b"".join(_checked(revisions, form, line) for line in stdin.split(b"\n")[:-1]))
    mode, name = arguments
    oid = revisions.find(name)
    if mode == "-e":
        if oid is not None:
            return Done(0 if repo.store.has(oid) else 1)
        raise fatal(f"Not a valid object name {name}")
    found = repo.store.read(oid) if oid is not None else None
    if found is None or oid is None:
        raise fatal(f"Not a valid object name {name}" if oid is None else f"git cat-file {name}: bad file")
    if mode == "-t":
        return Done(out=lines(found[0]))
    if mode == "-s":
        return Done(out=lines(str(len(found[1]))))
    if mode == "-p" and found[0] != "tree":
        return Done(out=found[1])
    if mode in ("blob", "commit", "tree", "tag"):
        peeled = revisions.peel(oid, mode)
        return Done(out=repo.store.expect(peeled or oid, mode))
    raise NotImplementedError(f"git cat-file {' '.join(arguments)}")


def _checked(revisions: Revisions, form: str, line: bytes) -> bytes:
    name = line.decode("utf-8", "surrogateescape")
    oid = revisions.find(name)
    found = revisions.repo.store.read(oid) if oid else None
    if oid is None or found is None:
        return lines(f"{name} missing")
    said = form.replace("%(objectname)", oid).replace("%(objecttype)", found[0])
    return lines(said.replace("%(objectsize)", str(len(found[1]))))


def hash_object(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Done:
    """`git hash-object [-w] [-t KIND] (--stdin | -- PATH)`."""
    told = asked("hash-object", arguments, "-w --stdin", "-t")
    kind = told.values.get("-t", "blob")
    contents = [stdin] if "--stdin" in told.on else []
    for name in told.rest + told.paths:
        data = files.read(os.path.join(repo.cwd, name))
        if data is None:
            raise fatal(f"could not open '{name}' for reading: No such file or directory")
        contents.append(data)
    if "-w" in told.on:
        for data in contents:
            run(repo.store.write(kind, data))
    return Done(out=lines(*(name_of(kind, data) for data in contents)))


def version(_arguments: Sequence[str]) -> Done:
    """`git --version`."""
    return Done(out=b"git version 2.39.5\n")


def maintenance(_repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git maintenance run --auto`, which finds that little has piled up."""
    asked("maintenance", arguments, "--auto --quiet")
    return Done()


_EXCLUDE = b"""# git ls-files --others --exclude-from=.git/info/exclude
# Lines that start with '#' are comments.
# For a project mostly in C, the following would be a good set of
# exclude patterns (uncomment them if you want to use them):
# *.[oa]
# *~
"""
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = {}\n{}"


def init(cwd: str, arguments: Sequence[str]) -> Steps[Done]:
    """`git init [-q] [--bare] [-b BRANCH] [FOLDER]`."""
    told = asked("init", arguments, "-q --bare", "-b")
    root = os.path.normpath(os.path.join(cwd, *told.rest[:1]))
    bare = "--bare" in told.on
    folder = root if bare else f"{root}/.git"
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    yield f"{folder} was made"
    if not files.exists(f"{folder}/info/exclude"):
        yield from files.put(f"{folder}/info/exclude", _EXCLUDE)
    if not files.exists(f"{folder}/config"):
        more = "" if bare else "\tlogallrefupdates = true\n"
        yield from files.replace(f"{folder}/config", _CONFIG.format(str(bare).lower(), more).encode())
    if not files.exists(f"{folder}/HEAD"):
        yield from files.replace(f"{folder}/HEAD", f"ref: refs/heads/{told.values.get('-b', 'master')}\n".encode())
    return Done()
