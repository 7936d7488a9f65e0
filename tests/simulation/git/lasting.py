"""Commands that last: each takes what has come in so far, and answers what is whole of it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from tests.simulation.git.asked import asked
from tests.simulation.git.difftree import asker
from tests.simulation.git.objects import ZERO
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions
from tests.simulation.git.steps import Failure, Steps, fatal
from tests.simulation.git.transaction import Move, Refused, Transaction


class Lasting(Protocol):
    """A command that answers as it is asked."""

    def hear(self, said: bytes) -> Steps[bytes]:
        """More of the input; what is answered. Raises Failure, and the command has ended then."""

    def end(self) -> Steps[bytes]:
        """There is no more input."""


class CatFile:
    """`git cat-file --batch-command`."""

    def __init__(self, repo: Repo) -> None:
        self._revisions = Revisions(repo)
        self._rest = b""

    def hear(self, said: bytes) -> Steps[bytes]:
        """`contents NAME` and `info NAME`."""
        *lines, self._rest = (self._rest + said).split(b"\n")
        out = [self._answer(line) for line in lines]
        yield "cat-file answered"
        return b"".join(out)

    def _answer(self, line: bytes) -> bytes:
        verb, _, name = line.partition(b" ")
        if verb not in (b"contents", b"info"):
            raise fatal(f"unknown command: '{line.decode(errors='replace')}'")
        oid = self._revisions.find(name.decode("utf-8", "surrogateescape"))
        found = self._revisions.repo.store.read(oid) if oid is not None else None
        if oid is None or found is None:
            return name + b" missing\n"
        head = b"%s %s %d\n" % (oid.encode(), found[0].encode(), len(found[1]))
        return head + found[1] + b"\n" if verb == b"contents" else head

    def end(self) -> Steps[bytes]:
        """Nothing is left to say."""
        yield from ()
        return b""


class DiffTree:
    """`git diff-tree --stdin`."""

    def __init__(self, repo: Repo, arguments: Sequence[str]) -> None:
        self._repo = repo
        flags = "--stdin -r -p --binary --full-index --no-renames --no-ext-diff --no-textconv"
        self._answer = asker(
            repo, asked("diff-tree", arguments, f"{flags} --root --always --raw -z --no-abbrev", "--format=")
        )
        self._rest = b""

    def hear(self, said: bytes) -> Steps[bytes]:
        """Lines of two trees, or of a commit and its parents; any other is said back."""
        *lines, self._rest = (self._rest + said).split(b"\n")
        self._repo.store.forget()
        yield "diff-tree answered"
        return b"".join(self._answer(line) for line in lines)

    def end(self) -> Steps[bytes]:
        """What is left is a line, too."""
        rest, self._rest = self._rest, b""
        yield from ()
        return self._answer(rest) if rest else b""


_VALUES = {b"update": 2, b"create": 1, b"delete": 1}  # of a command, besides its reference


class UpdateRef:
    """`git update-ref --stdin [-z]`, with transactions."""

    def __init__(self, repo: Repo, arguments: Sequence[str]) -> None:
        told = asked("update-ref", arguments, "--stdin -z --no-deref", "-m")
        self._revisions = Revisions(repo)
        self._deref = "--no-deref" not in told.on
        self._message = told.values.get("-m")
        self._zeros = "-z" in told.on
        self._line = b""
        self._rest = b""
        self._moves: list[Move] = []
        self._transaction: Transaction | None = None
        self._started = False

    def hear(self, said: bytes) -> Steps[bytes]:
        """`start`, `update`, `create`, `delete`, `prepare`, `commit` and `abort`, between NULs or on a line each."""
        self._rest += said if self._zeros else b"".join(self._with_zeros(said))
        out = b""
        while True:
            *fields, rest = self._rest.split(b"\0")
            if not fields:
                return out
            verb, _, name = fields[0].partition(b" ")
            count = 1 + _VALUES.get(verb, 0)
            if len(fields) < count:
                return out
            self._rest = b"\0".join([*fields[count:], rest])
            try:
                out += yield from self._obey(verb.decode(), name.decode("utf-8", "surrogateescape"), fields[1:count])
            except Refused as refused:
                said_of = "" if verb not in (b"prepare", b"commit") else f"{verb.decode()}: "
                raise Failure(f"fatal: {said_of}{refused}\n", said=out) from None

    def _with_zeros(self, said: bytes) -> Iterator[bytes]:
        """Lines as they would be said between NULs."""
        *lines, self._line = (self._line + said).split(b"\n")
        for line in lines:
            verb, *words = line.split(b" ")
            values = [*words[1:], b"", b""][: _VALUES.get(verb, 0)]
            yield b"\0".join([b" ".join([verb, *words[:1]]), *values, b""])

    def _obey(self, verb: str, name: str, values: Sequence[bytes]) -> Steps[bytes]:
        if verb in ("update", "create", "delete"):
            oids = [self._oid(value.decode()) for value in values]
            if verb == "create":
                oids.append(ZERO)
            elif verb == "delete":
                oids.insert(0, ZERO)
            self._moves.append(Move(name, oids[0] or ZERO, oids[1], self._deref))
            return b""
        if verb == "start":
            self._started = True
        elif verb == "prepare":
            yield from self._prepare()
        elif verb == "commit":
            yield from self._commit()
        elif verb == "abort":
            self._abort()
        else:
            raise fatal(f"unknown command: {verb}")
        return f"{verb}: ok\n".encode()

    def _oid(self, name: str) -> str | None:
        """An object id; None where none was given, so that anything may be there."""
        if not name:
            return None
        found = ZERO if name == ZERO else self._revisions.find(name)
        if found is None:
            raise fatal(f"invalid object name: {name}")
        return found

    def _prepare(self) -> Steps[None]:
        self._transaction = Transaction(self._revisions.refs, self._moves, self._message)
        yield from self._transaction.prepare()

    def _commit(self) -> Steps[None]:
        if self._transaction is None:
            yield from self._prepare()
        assert self._transaction is not None
        yield from self._transaction.commit()
        self._transaction, self._moves, self._started = None, [], False

    def _abort(self) -> None:
        if self._transaction is not None:
            self._transaction.abort()
        self._transaction, self._moves, self._started = None, [], False

    def end(self) -> Steps[bytes]:
        """What was begun and not committed is let go; without a transaction, all is done now."""
        if self._started:
            self._abort()
        elif self._moves:
            try:
                yield from self._commit()
            except Refused as refused:
                raise fatal(str(refused)) from None
        return b""


def lasting(repo: Repo, command: str, arguments: Sequence[str]) -> Lasting | None:
    """The command if it is one that lasts."""
    if command == "cat-file" and list(arguments) == ["--batch-command"]:
        return CatFile(repo)
    if command == "diff-tree" and "--stdin" in arguments:
        return DiffTree(repo, arguments)
    if command == "update-ref" and "--stdin" in arguments:
        return UpdateRef(repo, arguments)
    return None
