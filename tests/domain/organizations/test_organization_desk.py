import pytest

from database.scope import inside
from domain import NotFound
from domain.lists import asks, lists
from domain.organizations import organization_desk
from domain.people import admins
from models import Grant, Organization
from tests.fixtures.threads import write


def found(cast, **asked):
    ask = asks.understand(organization_desk.listing, asked)
    return [row.name for row in lists.read(organization_desk.listing, ask, admins.staff(cast.stella)).rows]


@pytest.mark.parametrize(
    ("q", "names"),
    [("acme", ["Acme"]), ("CME", ["Acme"]), ("globe", ["Globex"]), ("xyz", []), ("alice", ["Acme", "Alice's space"])],
)
def test_a_search_takes_parts_of_address_name_and_owner(cast, q, names):
    assert found(cast, q=q) == names


def test_status_and_order(cast):
    everything = found(cast)
    assert len(everything) == 8
    assert found(cast, sort="name") == sorted(everything)
    assert found(cast, sort="name-down") == sorted(everything, reverse=True)
    assert found(cast, rows="3", sort="name") == sorted(everything)[:3]
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    assert found(cast, status="suspended") == ["Acme"]


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
