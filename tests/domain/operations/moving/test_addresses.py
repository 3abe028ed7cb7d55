"""Addresses of events that come from another site, where somebody here has them."""

import pytest

from database.scope import inside
from domain.events import events
from domain.operations.moving import addresses, findings, packages
from domain.organizations import organizations
from models import Event, EventSlug, Organization
from tests.fixtures.events import TIMES, make_event
from tests.fixtures.travels import brought, elsewhere, taken_out


def _event(by, title, was=()):
    """An event with this title, that had other addresses before."""
    with inside(by.organization):
        event, _ = make_event(by, title=was[0] if was else title, **TIMES)
        for name in (*was[1:], title)[: len(was)]:
            events.move(event.id, name, by=by)


@pytest.fixture
def file(cast, at, proven, tmp_path):
    """Three events of Acme: one has had another address, and one has that which another would get."""
    for title, *was in (("Summer", "Early summer"), ("Summer 2",), ("Winter",)):
        _event(at("alice"), title, was)
    return taken_out(at("alice"), proven, tmp_path)


@pytest.fixture
def zoe(file, houses, house, password_hash):
    """Zoe at another site, where somebody has a summer, too."""
    (zoe,) = elsewhere(houses, house, password_hash, "zoe")
    theirs = organizations.create("Globex", by=zoe)
    for title, *was in (("Early summer",), ("Summer", "Spring")):
        _event(organizations.reach(zoe, theirs.slug), title, was)
    return zoe


def test_an_address_that_is_taken_here_gets_a_number_that_is_nobodys(file, zoe):
    becomes = {"early-summer": "early-summer-2", "summer": "summer-3"}
    told = findings.look(file)
    assert (told["findings"], told["numbered"]) == ([], becomes)
    assert brought(file, zoe).status == "done"
    with inside(Organization.get(Organization.slug == "acme")):
        assert [event.slug for event in Event.select().order_by(Event.id)] == ["summer-3", "summer-2", "winter"]
        assert {row.slug for row in EventSlug.select()} == {*becomes.values(), "summer-2", "winter"}
    found = [events.find(slug) for slug in ("early-summer-2", "summer-3")]
    assert [(one.event.organization.slug, one.moved) for one in found] == [("acme", True), ("acme", False)]
    assert events.find("summer").event.organization.slug == "globex"


def test_of_many_each_gets_its_own_a_batch_at_a_time(file, zoe, monkeypatch):
    monkeypatch.setattr(addresses, "BATCH", 1)
    packed, _ = packages.opened(file)
    with packed:
        assert addresses.numbered(packed) == {"early-summer": "early-summer-2", "summer": "summer-3"}
        assert addresses.numbered(packed, ["winter"]) == {}


def test_where_nothing_is_taken_all_stay(file, houses, house, password_hash):
    (zoe,) = elsewhere(houses, house, password_hash, "zoe")
    assert findings.look(file)["numbered"] == {}
    assert brought(file, zoe).status == "done"
    with inside(Organization.get(Organization.slug == "acme")):
        assert {row.slug for row in EventSlug.select()} == {"early-summer", "summer", "summer-2", "winter"}
