"""What OpenTelemetry's library logs: heard and not printed, as it comes more often, and in more words, than helps."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LIBRARY = "opentelemetry"
_LEAST_STATUS = 100  # of HTTP


class Heard(logging.Handler):
    """Why an export fails, while it does: the library tries it again before it says so."""

    def __init__(self, news: threading.Condition) -> None:
        super().__init__(logging.WARNING)
        self._news = news
        self._why = ""
        self.tries_again = False  # whether an export goes on that has failed before

    def emit(self, record: logging.LogRecord) -> None:
        """Note it. Addresses stay out, as keys may stand in them."""
        said = record.args if isinstance(record.args, tuple) else ()
        errors = [type(each).__name__ for each in said if isinstance(each, Exception)]
        errors += [f"HTTP status {each}" for each in said if isinstance(each, int) and each >= _LEAST_STATUS]
        with self._news:
            self._why = next(iter(errors), self._why)
            self.tries_again = True
            self._news.notify_all()

    def taken(self) -> str:
        """Why the export that has ended went wrong, if it did; what comes now is about the next one."""
        with self._news:
            why, self._why, self.tries_again = self._why, "", False
        return why or "no answer in time"

    @contextmanager
    def instead_of_the_log(self) -> Iterator[None]:
        """Hear it meanwhile."""
        logger = logging.getLogger(_LIBRARY)
        propagates, logger.propagate = logger.propagate, False
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.propagate = propagates
