from domain.entitlements.plans import PAID
from domain.lists import asks, lists, rows
from domain.organizations import invitation_lists, invitations
from models import Grant
from tests.fixtures.threads import write


def test_the_list_says_that_one_has_lapsed_before_the_job_has_been(cast, at, inside_acme, clock):
    def sell():
        for capability in PAID:
            Grant.create(plan_key="pro_monthly", capability=capability, source="manual:t", source_type="manual")

    write(sell)
    made = invitations.invite("nina@example.org", "viewer", by=at("alice"))

    def listed(**asked):
        listing = invitation_lists.listing
        return [row.status for row in lists.read(listing, asks.understand(listing, asked), at("alice")).rows]

    assert listed() == ["pending"]
    clock.forward(hours=49)
    assert listed() == listed(status="expired") == ["expired"]
    assert listed(status="pending") == []
    assert rows.act(rows.Rules(invitation_lists.listing), "renewal", [made.id], by=at("alice"))[0] == 1
    assert listed(q="nin") == ["pending"]
    rows.act(rows.Rules(invitation_lists.listing), "cancellation", [made.id], by=at("alice"))
    assert listed() == ["cancelled"]
