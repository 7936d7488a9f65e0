"""The surroundings: what besides the files decides how a command ends, as far as it can be told."""

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from factory.execution.cell.sandbox import sandbox
from factory.execution.processes import process
from factory.execution.request import RunRequest
from factory.model.base import digest_of
from factory.model.commands import words
from factory.store.files import read_start

_RELEASE = Path("/etc/os-release")
_MOST_BYTES = 10_000


def surroundings_digest(request: RunRequest) -> str:
    """The digest of what besides the files decides how a command ends."""
    worker = request.contract.worker
    network = worker.sandbox.network
    variables = process.scrubbed_environment(worker.env)
    return digest_of(
        {
            "variables": {**variables},
            "sandbox": sandbox(request.policy.sandbox).name,
            "network": network if isinstance(network, bool) else list(network),
            "limits": request.contract.limits.model_dump(mode="json"),
            "cell": request.cell.model_dump(mode="json"),
            "after_create": request.policy.hooks.after_create,
            "machine": [platform.machine(), read_start(_RELEASE, _MOST_BYTES).decode(errors="replace")],
            "programs": dict(_programs(request, variables["PATH"])),
        }
    )


def _programs(request: RunRequest, path: str) -> Iterator[tuple[str, JsonValue]]:
    """The programs that the checks name, each with what tells one version of it from another."""
    for word in sorted({word for check in request.contract.checks for word in words(check.run)}):
        place = shutil.which(word, path=path) if word and "\0" not in word else None
        if place is not None:
            real = Path(place).resolve()
            seen = real.stat()
            yield word, [str(real), seen.st_size, seen.st_mtime_ns]
