"""Leases: until when the clone that has claimed a run may work on it, how it renews that, and when others may come.

What holds where a clone pushes each pass. L is `LEASE`, G is `GRACE`, S is `STOPPED`; t is the true time of a claim
or renewal, and a clone's clock shows the true time and an error: o for the one that holds the lease, e for another.

    the lease says        t + o + L
    others come once their clock shows more than that and G: at t + L + G + (o - e), the true time
    whoever holds it has stopped at t + S, by a clock that nobody sets, or has renewed it by then

So nobody works on what another has taken as long as e - o <= L - S + G - (what a stop takes). S is a minute less than
L, for the stop. Another clock may be G, a quarter of an hour, ahead of the holder's, and behind it as far as it likes:
one of the two may be ten minutes wrong, fast or slow, and five are left.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Self

from pydantic import Field

from factory.model.base import Format, Moment, Ordinal
from factory.model.item import ItemId
from factory.model.layout import lease_path
from factory.model.moments import rfc3339

LEASE = timedelta(minutes=10)  # of a clone that pushes each pass
GRACE = timedelta(minutes=15)  # after its end, until another clone may take the run over
RENEWED = timedelta(minutes=5)  # after which it is renewed
STOPPED = timedelta(minutes=9)  # without a claim or a renewal that the remote took: after which the run is stopped here


class Lease(Format):
    """Who may work on an item, from what, and until when."""

    owner: str
    generation: Ordinal
    expires_at: Moment
    base: str
    item: str
    renewable: bool = False  # whether its owner shows renewals, and others leave it the grace

    @property
    def held_until(self) -> datetime:
        """Until when others leave the item to its owner."""
        return self.expires_at + GRACE if self.renewable else self.expires_at

    def holds(self, now: datetime) -> bool:
        """Whether others leave the item to its owner at this time."""
        return now <= self.held_until if self.renewable else now < self.held_until

    def renewed(self, item_id: str, renewal: "Renewal | None") -> Self:
        """The lease on this item as its owner has renewed it; as it was claimed, where that is no renewal of it."""
        is_of = renewal is not None and renewal.owner == self.owner and renewal.runs.get(item_id) == self.generation
        if renewal is None or not is_of or not self.renewable or renewal.expires_at <= self.expires_at:
            return self
        return self.model_copy(update={"expires_at": renewal.expires_at})


class Renewal(Format):
    """`queue/leases/<clone>.yaml`, written by the factory: until when a clone holds the runs that it works on.

    One small file for each clone, and not a line in each run's journal: a renewal of a hundred runs is one line that
    changes, no journal grows by how long a run takes, what an item went through is still told by its moves alone, and
    two clones that are merged never have both changed one file. Naming the runs, by item and generation, keeps it from
    renewing what is not meant, and lets the audit hold it against each of their claims.
    """

    owner: str
    expires_at: Moment
    runs: Mapping[ItemId, Ordinal] = Field(min_length=1)

    @property
    def over_at(self) -> datetime:
        """When it says nothing to others any more."""
        return self.expires_at + GRACE

    @property
    def path(self) -> str:
        """Where it is written down."""
        return lease_path(self.owner)

    def file(self) -> bytes:
        """The file, with what a person needs to know."""
        lines = [
            "# Written by the factory: until when a clone holds the runs that it works on, by item and number.",
            f"# Others leave them to it for {GRACE // timedelta(minutes=1)} minutes more.",
            f"owner: {json.dumps(self.owner)}",
            f"expires_at: {rfc3339(self.expires_at)}",
            "runs:",
            *(f'  "{item_id}": {generation}' for item_id, generation in sorted(self.runs.items())),
        ]
        return "".join(f"{line}\n" for line in lines).encode()
