import ast
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from domain import Invalid
from domain.base import settings
from domain.base.flags import flags
from tests.fixtures.threads import write

TOP = Path(__file__).resolve().parents[4]


def put(cast, text):
    settings.change("flag_live_streams", text, by=cast.stella)
    settings.forget()


def organization(id):
    return SimpleNamespace(id=id)


@pytest.mark.above_sql
def test_who_is_in_a_share_follows_from_the_ids_alone():
    """Vectors: the first four bytes of SHA-256 of "1:<id>", modulo 100."""
    assert [flags.bucket(flags.FLAGS[0], organization(id)) for id in (1, 2, 3, 1000)] == VECTORS


VECTORS = [52, 40, 76, 9]


def test_a_larger_share_only_adds_and_is_about_as_large_as_it_says(cast):
    before = set()
    for percent in (0, 1, 10, 25, 50, 99, 100):
        put(cast, f"{percent}%")
        on = {id for id in range(1000) if flags.is_on("live_streams", organization(id))}
        assert before <= on
        assert abs(len(on) - 10 * percent) < 60
        before = on
    assert len(on) == 1000


def test_organizations_are_named_by_address_and_kept_by_id(cast):
    put(cast, "acme until 2026-12-31")
    assert flags.is_on("live_streams", cast.acme)
    assert not flags.is_on("live_streams", cast.globex)
    assert not flags.is_on("live_streams")
    assert settings.get("flag_live_streams") == {"percent": 0, "organizations": [cast.acme.id], "until": "2026-12-31"}
    cast.acme.slug = "acme-and-sons"
    write(cast.acme.save)
    assert flags.is_on("live_streams", cast.acme)
    kind = settings.REGISTRY["flag_live_streams"].kind
    assert kind.text(settings.get("flag_live_streams")) == "acme-and-sons until 2026-12-31"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("on", "On for everybody"),
        ("off", "Off"),
        ("25% acme", "On for 25% of organizations and acme"),
        ("acme globex until 2026-12-31", "On for acme, globex until 31 December 2026"),
    ],
)
def test_whom_a_flag_is_on_for_is_said_in_words(cast, text, words):
    put(cast, text)
    assert settings.REGISTRY["flag_live_streams"].kind.plain(settings.get("flag_live_streams")) == words


@pytest.mark.parametrize(
    "text", ["on", "off", "25%", "25% acme", "acme globex until 2026-12-31", "on until 2027-01-01"]
)
def test_what_a_flag_says_is_read_back_as_it_was(cast, text):
    put(cast, text)
    kind = settings.REGISTRY["flag_live_streams"].kind
    assert kind.text(settings.get("flag_live_streams")) == text


@pytest.mark.parametrize("text", ["", "until 2026-12-31", "101%", "acme until soon", "nobody-here", "on until", "-3%"])
def test_what_cannot_be_read_is_refused_and_nothing_changes(cast, text):
    with pytest.raises(Invalid):
        put(cast, text)
    assert flags.is_on("live_streams", cast.globex)


def test_an_unknown_flag_is_off_and_said_so(cast, caplog):
    with caplog.at_level(logging.WARNING):
        assert not flags.is_on("teleporting", cast.acme)
    assert "unknown flag" in caplog.text


def test_one_whose_day_is_over_is_told(cast, clock):
    clock.moment = clock.moment.replace(year=2026, month=6, day=15)
    put(cast, "on until 2026-06-15")
    assert flags.overdue() == []
    clock.forward(days=1)
    assert [(flag.name, day) for flag, day in flags.overdue()] == [("live_streams", "2026-06-15")]


@pytest.mark.above_sql
def test_flags_that_are_asked_for_are_declared_and_those_that_are_declared_are_asked_for():
    asked = set()
    for path in [*(TOP / "views").rglob("*.py"), *(TOP / "domain").rglob("*.py"), *(TOP / "jobs").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "flags.is_on":
                asked |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    for path in (TOP / "templates").rglob("*.html"):
        asked |= set(re.findall(r"is (?:not )?flagged\(\"(\w+)\"\)", path.read_text("utf-8")))
    assert asked == set(flags.BY_NAME)
    assert len({flag.id for flag in flags.FLAGS}) == len(flags.FLAGS)
