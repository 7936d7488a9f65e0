"""Skills, as a tree of the branch holds them, or a working tree."""

from collections.abc import Iterator
from itertools import islice

from factory.model.errors import InvalidFile, UnusableError
from factory.model.layout import skill_folder, skill_path
from factory.model.names import leads_astray
from factory.model.skill import Skill, SkillFile, SkillHead
from factory.store import yaml
from factory.store.library import front_matter
from factory.store.repository.objects import Objects, Tree

_MOST_FILES = 200
_MOST_BYTES = 1_000_000
_EXECUTABLE = "100755"


def read_skill(objects: Objects, tree: str, name: str) -> Skill:
    """A skill of a tree. Raises UnusableError when it is missing, or cannot be used."""
    folder, path = skill_folder(name), skill_path(name)
    data = objects.file(tree, path)
    if data is None:
        raise UnusableError(f"there is no skill {path}", "commit the file")
    try:
        head = skill_head(name, data)
    except InvalidFile as error:
        raise UnusableError(str(error), "factory check") from None
    found = tuple(islice(_files(objects, objects.folder(tree, folder), ""), _MOST_FILES + 1))
    if len(found) > _MOST_FILES or sum(len(file.data) for file in found) > _MOST_BYTES:
        most = f"{_MOST_FILES} files or {_MOST_BYTES // 1000} kB"
        raise UnusableError(f"the skill {folder} has more than {most}", "make it smaller")
    return Skill(name, head.description, found)


def skill_head(name: str, data: bytes, path: str = "") -> SkillHead:
    """What a SKILL.md says of itself; one of all items' unless it lies at another path. Raises InvalidFile."""
    path = path or skill_path(name)
    source, body = front_matter(data, path)
    if source is None:
        raise InvalidFile(body.problem(0, 0, "has no front matter with `name` and `description`"))
    head = yaml.load(SkillHead, source)
    if head.name != name:
        raise InvalidFile(source.problem(0, 0, f"calls itself {head.name!r}, and lies in the folder {name!r}"))
    return head


def _files(objects: Objects, folder: Tree, prefix: str) -> Iterator[SkillFile]:
    """Its plain files; links, and repositories of their own, are left out."""
    for name, entry in folder.items():
        if leads_astray(name):
            continue
        if entry.is_folder:
            yield from _files(objects, objects.tree(entry.oid), f"{prefix}{name}/")
        elif entry.is_file:
            yield SkillFile(prefix + name, objects.blob(entry.oid), entry.mode == _EXECUTABLE)
