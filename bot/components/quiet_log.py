"""Rule: once patients can write to us, no line of Rasa's log carries words of theirs.

Rasa puts message text into debug lines, error lines and (as local variables) tracebacks, in
f-strings that no filter can take apart again. So nothing is filtered out: a line is rebuilt
from what cannot hold text, which is where it was logged, how bad it is, the name of the event
and the type of the exception. Lines of the few modules that never see a message stay whole.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
import warnings
from collections.abc import MutableMapping
from typing import Any

import structlog

# Start-up and shut-down: they know addresses, files and counts, never a message.
SPEAKING_LOGGERS = frozenset({"rasa.core.run", "rasa.core.agent", "rasa.core.lock_store"})
EVENT_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


class Rebuilt(str):
    """A line this module made itself."""


def install() -> None:
    """Rebuild every later line of this process. A second call changes nothing."""
    current = logging.getLogRecordFactory()
    if not isinstance(current, QuietRecords):
        logging.setLogRecordFactory(QuietRecords(current))
    # Warnings would go to standard error past the log, quoting the line that failed to parse.
    logging.captureWarnings(True)
    warnings.simplefilter("ignore", DeprecationWarning)
    processors = structlog.get_config()["processors"]
    # In place: loggers that already spoke keep this very list (cache_logger_on_first_use).
    if processors and processors[-1] is not render_quietly:
        processors[:] = [*structlog_levels(processors), render_quietly]


def structlog_levels(processors: list[Any]) -> list[Any]:
    """Keep only what decides whether a line is written at all."""
    return [each for each in processors if each is structlog.stdlib.filter_by_level]


def render_quietly(logger: object, method: str, event: MutableMapping[str, Any]) -> Rebuilt:
    """Return an event's name and the exception being handled, if it is one for the log."""
    name = event.get("event")
    line = name if isinstance(name, str) and EVENT_NAME.fullmatch(name) else "event"
    error = event.get("exc_info") or (method == "exception")
    return Rebuilt(f"{line}{_failure(error)}")


class QuietRecords:
    """A log record factory whose records hold no text but our own."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def __call__(
        self,
        name: str,
        level: int,
        pathname: str,
        lineno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        sinfo: str | None = None,
        **kwargs: Any,
    ) -> logging.LogRecord:
        if name not in SPEAKING_LOGGERS and not isinstance(msg, Rebuilt):
            msg, args = Rebuilt(f"{func or 'module'}:{lineno}{_failure(exc_info)}"), ()
        elif exc_info:
            msg, args = Rebuilt(f"{func}:{lineno}{_failure(exc_info)}"), ()
        record: logging.LogRecord = self._factory(
            name, level, pathname, lineno, msg, args, None, func, None, **kwargs
        )
        return record


def _failure(error: Any) -> str:
    """Return the exception's type and the places it passed, without its words."""
    value = _raised(error)
    if value is None:
        return ""
    return f" {_steps(value, 6)}{_cause(value)}"


def _cause(error: BaseException | None) -> str:
    """Return what first went wrong: Rasa wraps the errors of components in one of its own."""
    cause = error.__cause__ if error else None
    if cause is None:
        return ""
    return f" from {_steps(cause, 2)}"


def _steps(error: BaseException, count: int) -> str:
    walked = traceback.walk_tb(error.__traceback__)
    places = [f"{frame.f_code.co_name}:{line}" for frame, line in walked]
    return f"{type(error).__name__} at {' > '.join(places[-count:])}"


def _raised(error: Any) -> BaseException | None:
    if isinstance(error, BaseException):
        return error
    if isinstance(error, tuple) and len(error) == 3:
        raised: BaseException | None = error[1]
        return raised
    return sys.exc_info()[1] if error else None
