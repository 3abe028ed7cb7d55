"""The log: a line of JSON on standard error for each record, whoever wrote it, without what links hold secret."""

import json
import logging
import re
import sys
import time

QUIET = {"apscheduler": logging.WARNING, "urllib3": logging.WARNING}


HIDDEN = "***"
_QUERY = re.compile(r"\?[\w.%\[\]-]+=[^\s\"'\\<>)]*")
_NOTHING = "((?!))"
_secrets = re.compile(_NOTHING)  # yet


def hide(prefixes):
    """From here on, what follows one of these in an address is left out of every line: links that open something."""
    global _secrets
    known = "|".join(sorted(map(re.escape, prefixes), key=len, reverse=True))
    _secrets = re.compile(rf"({known})[^\s?\"'\\<>)]+" if known else _NOTHING)


def scrubbed(text):
    """The text without what addresses in it hold secret: the ends of such links, and all queries."""
    return _QUERY.sub(f"?{HIDDEN}", _secrets.sub(rf"\1{HIDDEN}", text))


class JsonLines(logging.Formatter):
    """A line of JSON for each record, with whatever `extra` it was given."""

    converter = time.gmtime  # type: ignore[assignment]
    KNOWN = set(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}

    def format(self, record):
        """The record as one line of JSON."""
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {k: v for k, v in record.__dict__.items() if k not in self.KNOWN}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return scrubbed(json.dumps(line, default=str))


def set_up(level=logging.INFO):
    """Write records of `level` and above; libraries that talk much from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)
