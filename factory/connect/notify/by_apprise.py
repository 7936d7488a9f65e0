"""The one door to Apprise: a program that sends the notice on its standard input to a variable's URL.

It is one of its own, so that whoever starts it can end it, whatever a service does.
"""

import io
import json
import logging
import os
import sys

from factory.model.errors import UnusableError
from factory.model.text import last_line

try:
    from apprise import Apprise, NotifyFormat
except ImportError:
    raise UnusableError("Apprise is not installed: pip install 'git-factory[notify]'") from None

_AT = "@\N{WORD JOINER}"  # so that no item's words call on @everyone


def send(url: str, told: dict[str, str]) -> str:
    """Send it; why that failed, or nothing."""
    complaints = io.StringIO()
    logging.getLogger("apprise").addHandler(logging.StreamHandler(complaints))
    services = Apprise()
    if not services.add(url):
        return "holds no URL that Apprise knows"
    title = f"{told['repository']}: {told['event']}"
    sent = services.notify(body=told["text"].replace("@", _AT), title=title, body_format=NotifyFormat.TEXT)
    return "" if sent else f"not every service has taken it: {last_line(complaints.getvalue())}"


def main() -> int:
    """Send to the URLs in the variable that the first argument names; the exit status."""
    name = sys.argv[1]
    why = send(os.environ[name], json.load(sys.stdin))
    if why:
        sys.stderr.write(f"${name}: {why}\n")
    return int(bool(why))


if __name__ == "__main__":
    sys.exit(main())
