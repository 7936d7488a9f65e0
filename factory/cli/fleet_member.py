"""What one repository's process in a fleet runs; `factory fleet` starts it."""

import os
import sys
from contextlib import closing
from functools import partial

from factory.cli.exports import exporting
from factory.cli.interrupts import holding
from factory.cli.news import News
from factory.cli.say import say
from factory.connect.notify.notifier import Notifier
from factory.line.fleet.member import Member
from factory.line.fleet.messages import Membership
from factory.line.orchestrator import Orchestrator, PassReport
from factory.line.watch import watch
from factory.model.errors import FactoryError
from factory.store.repository.repository import Repository


def main() -> int:
    """Be at work until the fleet says so, or is gone; the exit status."""
    member = Member.on_stdin()
    try:
        _work(member, member.membership())
    except KeyboardInterrupt:
        return 0
    except FactoryError as error:
        member.fail(error.message + (f"; {error.hint}" if error.hint else ""))
        return error.exit_code
    except OSError as error:
        member.fail(f"the system refused: {error}")
        return 1
    return 0


def _work(member: Member, membership: Membership) -> None:
    os.environ.update(membership.secrets)
    os.chdir(membership.folder)
    news = News()
    waited = ""

    def after_pass(orchestrator: Orchestrator, report: PassReport) -> None:
        nonlocal waited
        member.after_pass(orchestrator, report)
        news.problems(report.problems)
        if report.waiting != waited:
            waited = report.waiting
            say(f"waiting: {waited}" if waited else "going on")

    with closing(Repository(membership.folder)) as opened, exporting(opened, news) as tell:
        notifier = Notifier(opened, tell)
        orchestrator = Orchestrator(opened, notifier, bounds=membership.bounds)
        _tell_what_does_not_count(orchestrator, membership)
        with holding(orchestrator), notifier.beside(orchestrator), member.heeding(orchestrator):
            watch(orchestrator, partial(after_pass, orchestrator), partial(member.take, orchestrator))


def _tell_what_does_not_count(orchestrator: Orchestrator, membership: Membership) -> None:
    snapshot, reader = orchestrator.present(), orchestrator.context.reader
    for said in membership.bounds.overruled(reader.library.unbound(snapshot.tree, reader.branch).policy):
        say(said)


if __name__ == "__main__":
    sys.exit(main())
