"""The local state: what lies in `.git/factory/`, of this clone alone and never committed.

Beside it lie what the index and the checkout of each working tree prepare, which `store/repository` names by the tree.
"""

LOCK = "lock"  # held by the one orchestrator of a clone
HOLDER = "holder"  # which process that is
ID = "id"  # of the clone
BOOT = "boot"  # the start of the machine in which all was last known to be whole
BRANCH = "branch"  # the one that the factory lived on last
SIGNATURE = "signature"  # the identity that was found to be nobody's
PARSED = "parsed"  # items, by blob
STANDSTILL = "standstill"  # what the last tick left
STATUS = "status"  # what `factory status` said last
AGREED = "agreed"  # where the branches of remotes were that this clone has gone along with
PENDING = "pending"  # the batch that is being published
PUBLISHED = "published"  # the last one that was
HEARTBEATS = "heartbeats"  # one for each run under way
CELLS = "cells"  # which there are
KEPT = "kept"  # the items that have a workspace of their own, and the run that was the last in it
SETUPS = "setups"  # that can be used again
CANARIES = "canaries"  # that were tried
CHECKS = "checks"  # which run a check passed in, where that hangs on folders of this machine
READS = "reads"  # what checks were seen to read
FOLD = "fold"  # what items have come to, by what is in their files
SUMS = "sums"  # below it: numbers about them
LIVE = "live"  # what agents that are at work have printed
APPLIES = "applies"  # apply commands that were begun
SESSIONS = "sessions"  # what agents need to go on in the one of an item's last run
NOTICES = "notices"  # what people are told of, and were
LOGS = "logs"  # those too long to be committed
EXPORTED = "exported"  # up to which commit OpenTelemetry was told of what happened
