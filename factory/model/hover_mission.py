"""What an editor shows beside the keys of a mission's files."""

from collections.abc import Mapping
from types import MappingProxyType

OF_MISSIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Assertion": {
            "id": "Its name, such as VAL-CART-001.",
            "area": "What it is about; those of one area are tried by one user, in turn.",
            "text": "What must hold, so that anybody can find out whether it does.",
            "check": "A command that shows it, run by the factory on the target.",
            "reads": "The paths that the check reads, as patterns; else everything.",
            "by": "user-testing: a user of the running program judges it.",
            "paths": "The paths that a pass rests on, as patterns: a change of them makes it stale.",
            "guard": "true: it is checked again after the mission's end, when its paths change.",
            "holds_already": "true: its check may pass before any work.",
        },
        "Plan": {
            "goal": "What the mission is for.",
            "constraints": "What every worker is told to keep to.",
            "notes": "What was learned on the way; told to every worker.",
            "budget": "The most that all items of the mission together may use.",
            "writers": "How many features are worked on at once, where their scopes cannot overlap.",
            "roles": "Agents for this mission, by role; they come before those of WORKFLOW.md.",
            "milestones": "Features that are validated together, in turn.",
        },
        "Milestone": {
            "id": "Its name; no dots.",
            "title": "What is there when it is done.",
            "max_rounds": "How often it is validated before a person decides.",
            "features": "Its pieces of work.",
            "dismissed": "Issues that nothing is done about.",
        },
        "Feature": {
            "id": "Its name; the item is called by the mission's and this, with a dot between.",
            "title": "What is to be done, in one sentence.",
            "description": "Markdown for the worker, who gets it as data.",
            "fulfills": "The assertions that hold once it is done.",
            "infrastructure": "true: it fulfils none, and others need it.",
            "scope": "The paths that it changes, as patterns: where these cannot overlap several are written at once.",
            "contract": "The contract that governs it; without one the routes of WORKFLOW.md decide.",
            "skills": "Folders below the mission's skills, or below contracts/skills, for its worker.",
            "depends_on": "Features that must be done first.",
            "budget": "The most that it may use.",
            "answers": "The issues that it puts right, by their ids.",
        },
        "Dismissal": {
            "issue": "The issue's id.",
            "reason": "Why nothing is done about it, in 20 characters at least.",
        },
        "Services": {
            "checks": "Commands that are run first, by name: tests, types, lint.",
            "services": "Programs of the product that testers use, by name.",
        },
        "Service": {
            "run": "Its argv; `{{ port }}` is the free port that it gets.",
            "ready": "How it is known that it can be used.",
            "seconds": "Until it must be ready.",
            "env": "Variables besides PATH, HOME and the like.",
            "folder": "In which it is started; else the top of the repository.",
        },
        "Ready": {
            "http": "A path of it that must answer with a status below 400.",
            "tcp": "true: its port can be connected to.",
            "run": "A command that must end with 0.",
        },
    }
)
