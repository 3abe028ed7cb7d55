"""A saved address, as it asks a field of another kind."""

from types import SimpleNamespace as Word
from urllib.parse import parse_qsl, urlencode

import pytest

from domain.fields.records import formats, registry
from domain.lists.conditions import Condition
from domain.records.hanging import queries

WORDS = [
    Word(id=n, label=label, tone="quiet", api_name=label, archived_at=None, merged_into_id=None)
    for n, label in ((3, "Open"), (4, "Done"))
]


def where(operator, *texts, name="f12", is_or=False):
    return "where", Condition(name, operator, texts, is_or).written()


@pytest.mark.parametrize(
    ("old", "new", "asked", "became"),
    [
        ("choice", "text", ("f12", "3"), where("is", "Open")),
        ("choice", "choices", ("f12", "4"), ("f12", "4")),
        ("choice", "text", where("none_of", "3", is_or=True), where("is_not", "Open", is_or=True)),
        ("choice", "choices", where("any_of", "3", "4", name="f9.f12"), where("has_any", "3", "4", name="f9.f12")),
        ("text", "choice", where("is", "open"), where("any_of", "3")),
        ("text", "number", where("is", "007"), where("is", "7")),
        ("number", "text", where("is", "7.5"), where("is", "7.5")),
        ("day", "moment", ("f12_from", "2026-03-01"), ("f12_from", "2026-03-01")),
        ("day", "moment", where("last_days", "7"), where("last_days", "7")),
        ("text", "choice", where("empty"), where("empty")),
        ("number", "text", ("sort", "f12-down"), ("sort", "f12-down")),
        ("choice", "text", ("f13", "3"), ("f13", "3")),
        ("choice", "text", where("any_of", "3", name="f123"), where("any_of", "3", name="f123")),
    ],
)
def test_what_can_be_asked_of_the_new_kind_is(old, new, asked, became):
    becoming = queries.Becoming("f12", *(registry.made(kind, {}, WORDS) for kind in (old, new)), formats.Format())
    text, rests = queries.translated(urlencode([asked]), becoming)
    assert (parse_qsl(text), rests) == ([became], [])


@pytest.mark.parametrize(
    ("old", "new", "asked", "way"),
    [
        ("text", "number", where("contains", "3"), queries.CONDITION),
        ("text", "number", where("is", "ca. 3"), queries.CONDITION),
        ("choice", "text", where("any_of", "3", "4"), queries.CONDITION),
        ("day", "text", ("f12_from", "2026-03-01"), queries.FILTERS),
        ("text", "long_text", ("sort", "f12"), queries.ORDER),
        ("choice", "long_text", ("chart_by", "f12"), queries.GROUPS),
        ("number", "text", ("chart_of", "f12"), queries.ADDS),
        ("day", "text", ("cal_on", "f12"), queries.CALENDAR),
    ],
)
def test_what_cannot_rests_as_it_was_and_is_named(old, new, asked, way):
    becoming = queries.Becoming("f12", *(registry.made(kind, {}, WORDS) for kind in (old, new)), formats.Format())
    text, rests = queries.translated(urlencode([asked]), becoming)
    assert (parse_qsl(text), rests) == ([asked], [way])
    assert queries.asks(text, "f12") == [way]
