"""What clones say of their leases in a tree: until when each holds the runs that it works on."""

from factory.model.errors import InvalidFile, Problem
from factory.model.layout import LEASES, lease_path, stem
from factory.model.lease import Lease, Renewal
from factory.store import yaml
from factory.store.repository.objects import Objects, TreeEntry


def renewals_in(objects: Objects, tree: str) -> tuple[dict[str, Renewal], list[Problem]]:
    """(the renewals by path, what is wrong with files): one that cannot be read renews nothing, and is a problem."""
    found: dict[str, Renewal] = {}
    problems: list[Problem] = []
    for clone in filter(None, map(stem, objects.folder(tree, LEASES))):
        path = lease_path(clone)
        entry = objects.find(tree, path)
        if entry is None or entry.is_folder:
            continue  # no clone is called so
        try:
            found[path] = read_renewal(path, _data(objects, path, entry))
        except InvalidFile as error:
            problems.extend(error.problems)
    return found, problems


def renewal_in(objects: Objects, tree: str, lease: Lease) -> Renewal | None:
    """What the owner of a lease says in a tree of those that it holds; None when it says nothing that can be read."""
    path = lease_path(lease.owner)
    entry = objects.find(tree, path)
    try:
        return read_renewal(path, _data(objects, path, entry)) if entry else None
    except InvalidFile:
        return None  # the snapshot names it among its problems


def read_renewal(path: str, data: bytes) -> Renewal:
    """What a file says. Raises InvalidFile, also for one of another clone than its name says."""
    renewal = yaml.load(Renewal, yaml.Source(path, data))
    if renewal.path != path:
        raise InvalidFile(Problem(path, 1, 1, f"is of {renewal.owner}, whose leases are in {renewal.path}"))
    return renewal


def _data(objects: Objects, path: str, entry: TreeEntry) -> bytes:
    return objects.regular(path, entry, yaml.MAX_BYTES)
