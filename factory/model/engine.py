"""The engine: on which machines runs happen, and what they may ask of one."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from factory.model.section import Section

_ADDRESS = r"^(tcp|tls)://[^\s/@?#]{1,255}:[0-9]{1,5}$"
_OFFER = r"[A-Za-z][A-Za-z0-9_.-]{0,39}"
# A label is offered to as many runs as come: each takes so little of it that it is never used up.
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_OF_A_LABEL = 1e-6

KEPT_HERE = "an item's own folder stays on one machine, and the engine dask has many; leave one of the two out"

NeedName = Annotated[str, StringConstraints(pattern=f"^{_OFFER}$")]
Need = (
    Annotated[int, Field(ge=1, le=1_000_000)]
    | Annotated[float, Field(gt=0, le=1e9)]
    | Annotated[str, StringConstraints(pattern=f"^{_OFFER}$")]
)
Needs = Annotated[dict[NeedName, Need], Field(max_length=20)]


class Engine(Section):
    """Where runs happen: on this machine, or on those of a Dask cluster."""

    kind: Literal["local", "dask"] = "local"
    address: Annotated[str, StringConstraints(pattern=_ADDRESS)] | None = None  # of the cluster's scheduler

    @model_validator(mode="after")
    def _knows_its_scheduler(self) -> Self:
        if (self.kind == "dask") != (self.address is not None):
            raise ValueError("'address' belongs to the engine dask, and to no other: tcp://host:8786, or tls://…")
        return self

    @property
    def is_local(self) -> bool:
        """Whether every run happens on this machine."""
        return self.kind == "local"

    @property
    def is_open_to_listeners(self) -> bool:
        """Whether what is sent leaves this machine in the clear."""
        scheme, _, place = (self.address or "").partition("://")
        return scheme == "tcp" and place.rpartition(":")[0] not in _LOOPBACK


def resources_of(needs: Mapping[str, Need]) -> dict[str, float]:
    """What a machine has to offer, as Dask names it: how much of each resource a run takes while it lasts.

    `gpu: 1` takes one of `gpu`; a label, as `label: big`, takes next to nothing of `label-big`.
    """
    return {
        f"{k}-{v}" if isinstance(v, str) else k: _OF_A_LABEL if isinstance(v, str) else float(v)
        for k, v in needs.items()
    }


def offers(machine: Mapping[str, float], resources: Mapping[str, float]) -> bool:
    """Whether a machine has enough of each resource, be it free or taken."""
    return all(name in machine and machine[name] >= amount for name, amount in resources.items())


def spelled(needs: Mapping[str, Need]) -> str:
    """Needs as a person writes them: `gpu: 1, label: big`."""
    return ", ".join(f"{name}: {need}" for name, need in needs.items())


def offered_by(needs: Mapping[str, Need]) -> str:
    """The option with which a Dask worker offers all of this."""
    amounts = (
        f"{name}={1 if isinstance(need, str) else need}"
        for name, need in zip(resources_of(needs), needs.values(), strict=True)
    )
    return f'dask worker … --resources "{" ".join(amounts)}"'


def unmet_here(needs: Mapping[str, Need], engine: Engine) -> str:
    """Why what a run needs of a machine can be had by no machine of this engine; empty where it may be."""
    if not needs or not engine.is_local:
        return ""
    return f"asks for {spelled(needs)} of a machine, which only machines of the engine dask can offer"
