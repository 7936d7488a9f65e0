"""What a server's own requests are answered with: by policy, at once. Nobody is asked, and nothing waits.

The cell contains whatever the agent does, so what asks for approval is accepted; what only a person could say is
declined; a request that is not known is an error to whoever made it, and the conversation goes on.
"""

from collections.abc import Sequence

from factory.execution.agents.programs.heard import Event, listed, within

UNKNOWN = -32601  # JSON-RPC: no such method
_ACCEPTING = ("accept", "acceptForSession", "decline", "cancel")  # the first of them that may be chosen
_OLD = {"execCommandApproval", "applyPatchApproval"}
_APPROVALS = {"item/commandExecution/requestApproval", "item/fileChange/requestApproval"}


def answer(method: str, params: Event) -> Event:
    """The rest of the answer to a request, `result` or `error`."""
    if method in _APPROVALS:
        return {"result": {"decision": _decision(listed(params, "availableDecisions"))}}
    if method in _OLD:
        return {"result": {"decision": "approved_for_session"}}
    if method == "mcpServer/elicitation/request":
        return {"result": {"action": "decline"}}
    return refusal(f"nobody here answers {method[:100]}")


def refusal(reason: str) -> Event:
    """An answer that is an error."""
    return {"error": {"code": UNKNOWN, "message": reason}}


def _decision(available: Sequence[object]) -> str:
    return next((each for each in _ACCEPTING if not available or each in available), "cancel")


def declined(reply: Event) -> bool:
    """Whether something was not allowed by such an answer."""
    return within(reply, "result", "decision") in ("decline", "cancel")


def questions_in(params: Event) -> str:
    """What a person is asked, as one text."""
    asked = (str(within(each, "question") or within(each, "header") or "") for each in listed(params, "questions"))
    return "\n".join(filter(None, map(str.strip, asked))) or "The agent asked for input, and did not say for what."
