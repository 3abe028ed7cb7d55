"""Each record is a line of JSON that a machine can read."""

import json
import logging
import re
import sys

import pytest

from database import logs
from database.logs import JsonLines


def line(*, exc_info=None, **extra):
    record = logging.makeLogRecord({"name": "guildhall", "levelno": 30, "levelname": "WARNING", "msg": "full"} | extra)
    record.exc_info, record.created = exc_info, 0.0
    return json.loads(JsonLines().format(record))


def test_a_record_is_a_line_with_its_extras():
    assert line(free=0) == {
        "at": "1970-01-01T00:00:00Z",
        "level": "warning",
        "logger": "guildhall",
        "message": "full",
        "free": 0,
    }


def test_an_error_brings_its_trace():
    try:
        raise ValueError("odd")
    except ValueError:
        assert line(exc_info=sys.exc_info())["trace"].endswith("ValueError: odd")


@pytest.mark.parametrize("prefixes", [(), None])
def test_a_line_is_written_also_before_it_is_known_what_is_secret(monkeypatch, prefixes):
    """As in `python -m jobs`, which has no addresses of pages."""
    monkeypatch.setattr(logs, "_secrets", re.compile(logs._NOTHING))
    if prefixes is not None:
        logs.hide(prefixes)
    assert line(path="/a?code=1")["path"] == "/a?***"


@pytest.mark.parametrize(
    "path", ["/orders/abc/0123456789deadbeef", "/passes/1f2e/keykeykey/ticket.pdf", "/files/k.k.k"]
)
def test_all_that_follows_the_beginning_of_a_secret_address_is_left_out(monkeypatch, path):
    monkeypatch.setattr(logs, "_secrets", re.compile(logs._NOTHING))
    logs.hide({"/orders/", "/passes/", "/files/"})
    said = line(path=path, msg=f'"{path}" and more')
    hidden = "/" + path.split("/")[1] + "/***"
    assert (said["path"], said["message"]) == (hidden, f'"{hidden}" and more')
