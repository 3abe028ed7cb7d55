"""A kiosk shows a row by its code, presses one button on it, and reaches nothing else of its table."""

import pytest
from werkzeug.datastructures import MultiDict

from domain import Invalid, NotFound, Refused
from domain.records import collections, field_changes, kind_changes
from domain.records.handling import buttons
from domain.records.public import kiosks, links
from models import Change, PublicLink
from tests.domain.records.computed.test_formulas import make, named, values
from tests.fixtures.public import opened


@pytest.fixture
def by(inside_acme, at):
    return at("alice")


@pytest.fixture
def table(by):
    fields = (("Name", "text"), ("Code", "text"), ("State", "text"), ("Secret", "text"), ("Who", "person"))
    return collections.make("Things", by=by, fields=fields)


def id_of(table, label):
    return named(table, label)[1:]


@pytest.fixture
def button(table, by):
    form = {"does": "set", "field_0": id_of(table, "State"), "value_0": "back"}
    return buttons.add(table.slug, "Give back", form, by=by)


def form_of(table, press, **more):
    form = {"name": "Counter", "find": id_of(table, "Code"), "button": str(press.id)}
    return MultiDict(form | {f"show_{id_of(table, 'Name')}": "1"} | more)


@pytest.fixture
def kiosk(table, button, by):
    return opened(table.slug, form_of(table, button), by=by, purpose="kiosk")


def stands(link):
    return links.opened(PublicLink.get_by_id(link.id))


def test_a_code_finds_a_row_and_the_button_is_pressed_on_it_by_nobody(table, by, kiosk):
    id = make(table, by, Name="Drill", Code="AB-17", Secret="4242")
    make(table, by, Name="Saw", Code="AB-170")
    here = stands(kiosk)
    assert kiosks.shown(here, kiosks.found(here, " ab-17 ")) == [("Name", "Drill")]
    kiosks.press(here, "AB-17")
    kiosks.press(here, "AB-17")  # once more changes nothing
    assert values(table, by, "State")[id] == "back"
    noted = list(
        Change.select().where(Change.table == f"record:{table.id}", Change.row_id == id, Change.verb == "updated")
    )
    assert [one.by_id for one in noted] == [None]


def test_nothing_is_reached_but_by_its_whole_code(table, by, kiosk):
    make(table, by, Name="Drill", Code="AB-17", Secret="4242")
    for wrong in ("", " ", "AB", "AB-1", "%", "Drill", "4242", "x" * 5000, "\x00"):
        with pytest.raises(NotFound, match="Nothing here has this code"):
            kiosks.found(stands(kiosk), wrong)
    make(table, by, Name="Twin", Code="ab-17")
    with pytest.raises(Refused, match="Several"):
        kiosks.press(stands(kiosk), "AB-17")


def test_its_rules_let_nothing_else_be_seen_or_done(table, by, kiosk):
    here = stands(kiosk)
    allowed = here.allowed
    assert not allowed.sees_field(named(table, "Secret"))
    assert (allowed.adds, allowed.archives, allowed.builds, allowed.shares) == (False, False, False, False)
    assert {named(table, label) for label in ("Name", "Code")} <= allowed.fixed
    assert {f.name for f in here.rules.listing.fields if f.name[0] == "f"} == {
        named(table, label) for label in ("Name", "Code", "State")
    }


@pytest.mark.parametrize("what", ["button", "code", "state"])
def test_it_is_closed_while_what_it_goes_by_is_put_away(table, by, button, kiosk, what):
    stands(kiosk)
    gone = button.id if what == "button" else int(id_of(table, what.capitalize()))
    field_changes.put_away(table.slug, gone, by=by)
    with pytest.raises(links.Over, match="can't be shown at present"):
        stands(kiosk)
    field_changes.bring_back(table.slug, gone, by=by)
    stands(kiosk)


def test_what_a_kiosk_cannot_be_is_refused(table, by, button):
    me = buttons.add(table.slug, "Mine", {"does": "set", "field_0": id_of(table, "Who"), "value_0": "me"}, by=by)
    out = buttons.add(table.slug, "Out", {"does": "open", "address": "https://example.org/"}, by=by)
    for more, field in (
        ({"find": id_of(table, "Who")}, "find"),
        ({"find": "10" * 30}, "find"),
        ({"button": str(me.id)}, "button"),
        ({"button": str(out.id)}, "button"),
        ({f"show_{id_of(table, 'Name')}": ""}, "shows"),
    ):
        with pytest.raises(Invalid) as refusal:
            opened(table.slug, form_of(table, button, **more), by=by, purpose="kiosk")
        assert field in refusal.value.fields


@pytest.mark.parametrize("ordered", [False, True], ids=["by its words", "by its keys"])
def test_a_code_is_found_however_many_rows_have_its_words(ordered, table, by, kiosk, monkeypatch):
    monkeypatch.setattr(kiosks, "PAGE", 3)
    make(table, by, Name="Target", Code="7")
    for number in range(7):
        make(table, by, Name="Lot 7", Code=f"7{number}")
    if ordered:
        monkeypatch.setattr(kiosks, "PAGES", 0)
        kind_changes.order(table.slug, int(id_of(table, "Code")), by=by)
        while kind_changes.work():
            pass
    here = stands(kiosk)
    assert kiosks.shown(here, kiosks.found(here, "7")) == [("Name", "Target")]


def test_a_code_that_was_not_looked_for_to_the_end_is_not_said_to_be_missing(table, by, kiosk, monkeypatch):
    monkeypatch.setattr(kiosks, "PAGE", 3)
    monkeypatch.setattr(kiosks, "PAGES", 2)
    for number in range(8):
        make(table, by, Name="Lot 7", Code=f"7{number}")
    with pytest.raises(Refused, match="Too many"):
        kiosks.found(stands(kiosk), "7")
