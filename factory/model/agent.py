"""Who worked: the model, the session and the version of an agent, as far as it tells."""

from factory.model.base import Format


class AgentIdentity(Format):
    """What an agent says of itself; None is what nobody said."""

    model: str | None = None
    session: str | None = None
    version: str | None = None
