import pytest

from domain import NotFound, tenants
from models import Grant, Organization, User, inside
from tests.fixtures.threads import write


@pytest.mark.parametrize(
    ("q", "found"), [("acme", ["Acme"]), ("ACM", ["Acme"]), ("glo", ["Globex"]), ("cme", []), ("%", [])]
)
def test_a_search_takes_the_address_or_how_the_name_begins(cast, q, found):
    assert [one.name for one in tenants.find(q)] == found


def test_pages_and_status(cast):
    everything = tenants.find()
    assert len(everything) == 8
    first = tenants.find(limit=3)
    assert first + tenants.find(before=first[-1].id) == everything
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    assert tenants.find(status="suspended") == [cast.acme]
    assert len(tenants.find(status="nonsense")) == 8


def test_the_owners_come_along(cast, monkeypatch):
    found = tenants.find("acme")
    monkeypatch.setattr(User, "select", None)
    assert found[0].owner.email == "alice@example.org"


def test_what_it_uses_and_who_is_in_it(cast):
    assert tenants.uses(cast.acme)["grants"] == 0

    def grant():
        with inside(cast.acme):
            Grant.create(plan_key="pro_monthly", capability="feature.pro", source="manual:x", source_type="manual")

    write(grant)
    uses = tenants.uses(cast.acme)
    assert (uses["grants"], uses["plan"].name, uses["subscription"]) == (1, "Pro", None)
    count, members = tenants.members(cast.acme)
    assert count == 4
    assert members[0].user.name == "Alice"


def test_by_address_or_number(cast):
    assert tenants.one(cast.acme.id) == cast.acme
    assert tenants.by_slug("acme") == cast.acme
    assert tenants.by_slug(f"#{cast.acme.id}") == cast.acme
    for nothing in ("nobody", "#", "#x", "#" + "9" * 40):
        assert tenants.by_slug(nothing) is None
    with pytest.raises(NotFound):
        tenants.one(10**6)
