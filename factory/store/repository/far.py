"""What is sent of a repository to another machine: the files of commits, and nothing of its history."""

from collections.abc import Iterable, Mapping

from factory.store.repository.repository import Repository

Sent = Mapping[str, tuple[str, bytes]]  # kind and content by object id


def content_of(repository: Repository, *commits: str) -> tuple[str, ...]:
    """The trees that hold the files of commits, without the factory's own folders; they are on disk."""
    trees = tuple(dict.fromkeys(repository.content_at(commit) for commit in commits))
    repository.objects.flush()
    return trees


def commits_alone(repository: Repository, *commits: str) -> Sent:
    """The objects of commits and their topmost folders, without what these lead to."""
    objects, found = repository.objects, dict[str, tuple[str, bytes]]()
    for commit in commits:
        for oid in (commit, objects.commit(commit).tree):
            read = objects.read(oid)
            if read is not None:
                found[oid] = read[1:]
    return found


def pack_of_trees(repository: Repository, trees: Iterable[str], known: Iterable[str]) -> bytes:
    """A thin pack of all that these trees lead to and the known ones do not. Raises GitError."""
    asked = [*trees, *(f"^{tree}" for tree in known)]
    packing = ("pack-objects", "-q", "--revs", "--thin", "--stdout", "--delta-base-offset")
    return repository.neutral.run(*packing, stdin="".join(f"{each}\n" for each in asked).encode())


def root_of(repository: Repository, branch: str) -> str:
    """The oldest commit of a branch's history, which all clones of it have in common."""
    return repository.git.text("rev-list", "--max-parents=0", "--end-of-options", branch).split("\n")[-1]
