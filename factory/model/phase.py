"""A phase of a run: what was going on, since when, and for how long."""

from factory.model.base import Format, Seconds, Text
from factory.model.journal import Moment


class Phase(Format):
    """One stretch of a run's time; phases may overlap, as those of seats do."""

    name: Text  # worker, check <name>, seat <name>, …
    at: Moment
    seconds: Seconds
