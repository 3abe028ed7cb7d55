import pytest

from database.scope import inside
from domain import NotFound
from domain.organizations import organization_desk
from models import Grant, Organization, User
from tests.fixtures.threads import write


@pytest.mark.parametrize(
    ("q", "found"), [("acme", ["Acme"]), ("ACM", ["Acme"]), ("glo", ["Globex"]), ("cme", []), ("%", [])]
)
def test_a_search_takes_the_address_or_how_the_name_begins(cast, q, found):
    assert [one.name for one in organization_desk.find(q)] == found


def test_pages_and_status(cast):
    everything = organization_desk.find()
    assert len(everything) == 8
    first = organization_desk.find(limit=3)
    assert first + organization_desk.find(before=first[-1].id) == everything
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    assert organization_desk.find(status="suspended") == [cast.acme]
    assert len(organization_desk.find(status="nonsense")) == 8


def test_the_owners_come_along(cast, monkeypatch):
    found = organization_desk.find("acme")
    monkeypatch.setattr(User, "select", None)
    assert found[0].owner.email == "alice@example.org"


def test_what_it_uses_and_who_is_in_it(cast):
    assert organization_desk.uses(cast.acme)["grants"] == 0

    def grant():
        with inside(cast.acme):
            Grant.create(plan_key="pro_monthly", capability="feature.pro", source="manual:x", source_type="manual")

    write(grant)
    uses = organization_desk.uses(cast.acme)
    assert (uses["grants"], uses["plan"].name, uses["subscription"]) == (1, "Pro", None)
    count, members = organization_desk.members(cast.acme)
    assert count == 4
    assert members[0].user.name == "Alice"


def test_by_address_or_number(cast):
    assert organization_desk.one(cast.acme.id) == cast.acme
    assert organization_desk.by_slug("acme") == cast.acme
    assert organization_desk.by_slug(f"#{cast.acme.id}") == cast.acme
    for nothing in ("nobody", "#", "#x", "#" + "9" * 40):
        assert organization_desk.by_slug(nothing) is None
    with pytest.raises(NotFound):
        organization_desk.one(10**6)
