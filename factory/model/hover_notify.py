"""What an editor shows beside the keys of `notify` in WORKFLOW.md."""

from collections.abc import Mapping
from types import MappingProxyType

OF_NOTIFY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "NotifyRule": {
            "on": "Of what: verdict, blocked, breaker, budget, milestone, stalled.",
            "when": "Only of what fits all of this.",
            "run": "A program and its arguments, a list; no shell, no template: it gets the notice on standard input.",
            "apprise": "The environment variable that holds the URL of a service, as Apprise writes it.",
            "env": "Variables let through to it, besides PATH, HOME and LANG.",
            "quiet": "Hours in which nothing is told, such as 22:00-07:00; what comes up then is told at their end.",
            "timezone": "Where these hours are, such as Europe/Berlin; otherwise UTC.",
            "digest": "Minutes in which notices are gathered, and then told as one.",
        },
        "NotifyWhen": {
            "contracts": "Of one of these contracts.",
            "labels": "Of an item with all of these labels.",
            "lanes": "Of an item that is now in one of these lanes.",
            "missions": "Of one of these missions, or of an item that is a part of it.",
        },
    }
)
