"""The factory's identity: whether what a policy signs with is its own, and nobody's who works here."""

from factory.model.errors import UnusableError
from factory.model.policy import Identity
from factory.model.trailers import Trailer
from factory.store import files
from factory.store.repository.file_history import signed
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.store.state import SIGNATURE


def not_its_own(repository: Repository, head: str, identity: Identity) -> str:
    """What is wrong with an identity by which somebody else has signed already; empty when nothing is."""
    if identity.email is None:
        return ""  # factory@<host> is nobody's
    who = Person(identity.name, identity.email)
    commit = signed(repository, head, who, without=Trailer.ACTOR)
    if not commit:
        return ""
    return f"identity: {who} has signed {commit[:10]}, which is not the factory's; give it one of its own"


def refuse_borrowed(repository: Repository, branch: str, identity: Identity) -> None:
    """Raises UnusableError when an identity is somebody's; all history is looked through once for each."""
    known, told = repository.state / SIGNATURE, f"{identity.name} <{identity.email}>".encode()
    if files.read_regular(known) == told:
        return
    problem = not_its_own(repository, repository.tip(branch), identity)
    if problem:
        raise UnusableError(f"WORKFLOW.md: {problem}", "factory check")
    files.write(known, told)
