"""The rules of the audit: what must hold of every commit since the factory began."""

from enum import StrEnum
from typing import NamedTuple


class Rule(StrEnum):
    """The ids of the rules."""

    ONE_LANE = "one-lane"
    LOST = "lost"
    PURE_RENAME = "pure-rename"
    LEGAL_MOVE = "legal-move"
    TRAILERS = "trailers"
    FORGED = "forged"
    APPEND_ONLY = "append-only"
    JOURNAL = "journal"
    ARTIFACTS = "artifacts"
    DIGESTS = "digests"
    SUBJECT = "subject"
    PATCH = "patch"
    COVERED = "covered"
    REUSED = "reused"
    REVIEWER = "reviewer"
    MERGED = "merged"
    UNAPPROVED = "unapproved"
    ROUNDS = "rounds"
    ATTEMPTS = "attempts"
    BUDGET = "budget"
    LEASE = "lease"
    HANDOFF = "handoff"
    REASON = "reason"
    MISSION = "mission"
    ARCHIVE = "archive"
    DATES = "dates"


Found = tuple[Rule, str, str]  # the rule that a commit breaks, at which path, and what was found there

EXPLAINED = {
    Rule.ONE_LANE: "Each item lies in exactly one lane. With two files of one id nobody could say what its state is.",
    Rule.LOST: "No item vanishes, nor what was done for it: a file that leaves a lane arrives in another one, or the "
    "factory brings it back, or archives what had ended; a merge keeps what its parents held.",
    Rule.PURE_RENAME: "The factory moves an item's file byte for byte. Only people change what an item says, and "
    "nobody what a finished one says.",
    Rule.LEGAL_MOVE: "Every event is in the table of moves, from the lane where the item was to the one it went to.",
    Rule.TRAILERS: "A commit's Factory-Item, Factory-Move and Factory-Run say what it did, and it did nothing else.",
    Rule.FORGED: "Only the factory writes Factory trailers, and only together with the move and the journal's line.",
    Rule.APPEND_ONLY: "A journal only ever grows by whole lines, and only in commits of the factory.",
    Rule.JOURNAL: "A journal's lines can be read, are numbered without a gap, tell of no conflict that is none, and "
    "end in the lane where the file lies.",
    Rule.ARTIFACTS: "What a run left is written once, by the factory, and never changed or taken away.",
    Rule.DIGESTS: "The manifest of a run names every file of it with its true digest and size.",
    Rule.SUBJECT: "What was delivered, judged and applied is one subject, computed again from the commits.",
    Rule.PATCH: "The patch that was judged is the difference that the proposal makes.",
    Rule.COVERED: "A finished item has all the verdicts and passed checks that its contract then asked for.",
    Rule.REUSED: "A result that is reused is of an earlier run in this history, which passed with the same "
    "command, environment and contract on the same content of what the check reads.",
    Rule.REVIEWER: "Nobody approves their own work, and a verdict is brought by somebody whom the policy lets judge.",
    Rule.MERGED: "What came into the target is exactly what was checked, or a batch that was checked came in whole.",
    Rule.UNAPPROVED: "What a worker made comes into the branch by the finish of its item, and in no other way.",
    Rule.ROUNDS: "No item is sent back more often than its contract allowed at that time.",
    Rule.ATTEMPTS: "No transient failure is tried again more often than the contract allowed at that time, "
    "and for nothing only at a usage limit or where another agent is left.",
    Rule.BUDGET: "No run begins when the item's budget is used up.",
    Rule.LEASE: "A run is left to the clone that has claimed it until its lease is over, and that clone alone "
    "renews it, in time.",
    Rule.HANDOFF: "What a worker left undone or came across was dismissed with a reason, or became an item.",
    Rule.REASON: "What sends an item back or to a person follows from what is committed: a verdict, a check, a run.",
    Rule.MISSION: "Each step of a mission, and its report, follows from its plan, journal and items, taken again.",
    Rule.ARCHIVE: "What is archived had ended, and its line in the index, which only ever grows, says what it was.",
    Rule.DATES: "Moves go forward in time, and no commit has a date that cannot be.",
}


class Violation(NamedTuple):
    """One thing that breaks a rule."""

    rule: Rule
    commit: str
    path: str
    text: str
