"""Who worked: the model, the session and the version of an agent, as far as it tells."""

from factory.model.base import Format, Label


class AgentIdentity(Format):
    """What an agent says of itself; None is what nobody said."""

    model: Label | None = None
    session: Label | None = None
    version: Label | None = None
