import jobs
from domain.base import notices
from domain.organizations import organizations
from models import Notification


def bell(user):
    jobs.run("outgoing")
    return [n.type.removeprefix("billing.") for n in notices.newest(user, limit=50)][::-1]


def test_owners_and_admins_are_told_once_and_nobody_else(cast, tell, letters):
    organizations.add_member(cast.acme, cast.stella, "admin", by=cast.alice)
    tell()
    tell()
    tell(after=5, cancel_at_period_end=True)
    tell(after=5, cancel_at_period_end=True)
    tell("canceled", after=9, cancel_at_period_end=True)
    expected = ["subscription_created", "subscription_canceled", "subscription_updated"]
    assert bell(cast.alice) == bell(cast.stella) == expected
    for name in ("bob", "vera", "dora", "charlie"):
        assert bell(getattr(cast, name)) == []
    both = [cast.alice.email, cast.stella.email]
    assert [to for to, _, _ in letters()] == both * 2  # the welcome, and the end
    assert Notification.select().where(Notification.link != "/acme/billing").count() == 0


def test_a_letter_about_a_failed_payment_says_what_and_until_when(cast, customer, tell, bill, letters):
    tell()
    bill(paid=False, after=5)
    to, _, text = letters()[-1]
    assert to == cast.alice.email
    assert "Acme" in text
    assert "Pro" in text
    assert "22 June 2026" in text  # seven days of grace
    assert "http://localhost/acme/billing" in text


def test_an_incomplete_subscription_welcomes_nobody(cast, tell):
    tell("incomplete")
    assert bell(cast.alice) == []
