import pytest

from database.scope import inside
from domain import Forbidden, Invalid, Refused
from domain.events import reported
from domain.organizations import own_settings
from domain.support import verifications
from models import AuditEvent, Organization, Verification

FORM = {"words": "We are the makers of Acme Nights since 1998.", "links": "https://acme.example"}


@pytest.fixture
def asked(cast, at):
    verifications.ask(FORM, by=at("alice"))
    return Verification.get()


def rename(name, cast, at):
    with inside(cast.acme):
        own_settings.update(name, "UTC", "USD", by=at("alice"))


def mark(cast):
    return Organization.get_by_id(cast.acme.id).is_verified


def test_one_asks_at_a_time_and_may_take_it_back(asked, cast, at):
    with pytest.raises(Refused, match="asked already"):
        verifications.ask(FORM, by=at("alice"))
    with pytest.raises(Forbidden):
        verifications.ask(FORM, by=at("bob"))
    verifications.take_back(by=at("alice"))
    with pytest.raises(Refused):
        verifications.take_back(by=at("alice"))
    verifications.ask(FORM, by=at("alice"))
    assert [row.state for row in Verification.select().order_by(Verification.id)] == ["withdrawn", "pending"]
    with pytest.raises(Invalid):
        verifications.ask({"words": "Us"}, by=at("alice"))


def test_the_mark_goes_with_another_name(asked, cast, at):
    verifications.approve(asked.id, by=cast.stella)
    assert mark(cast)
    with pytest.raises(Refused, match="already"):
        verifications.reject(asked.id, "No.", by=cast.stella)
    with pytest.raises(Refused, match="bears the mark"):
        verifications.ask(FORM, by=at("alice"))
    rename("Paypal Support", cast, at)
    assert not mark(cast)
    verifications.ask(FORM, by=at("alice"))
    newer = verifications.newest(cast.acme)
    rename("Acme", cast, at)
    with pytest.raises(Refused, match="any more"):
        verifications.approve(newer.id, by=cast.stella)


def test_a_no_has_a_reason_that_who_asked_is_told_and_a_mark_can_be_taken_away(asked, cast, at, letters):
    with pytest.raises(Invalid):
        verifications.reject(asked.id, " ", by=cast.stella)
    verifications.reject(asked.id, "That site is another's.", by=cast.stella)
    assert not mark(cast)
    ((to, _, text),) = letters()
    assert to == cast.alice.email
    assert "That site is another's." in text
    verifications.ask(FORM, by=at("alice"))
    newer = verifications.newest(cast.acme)
    verifications.approve(newer.id, by=cast.stella)
    verifications.end(newer.id, "It was sold.", by=cast.stella)
    assert not mark(cast)
    with pytest.raises(Refused):
        verifications.end(newer.id, "Twice.", by=cast.stella)
    said = AuditEvent.select(AuditEvent.action).where(AuditEvent.action == "organization.rejected").count()
    assert said == 2


def test_nobody_types_the_mark_into_a_name(cast, at):
    with pytest.raises(Invalid, match="Leave out"):
        rename("Red Cross ✓ verified", cast, at)
    row = Verification(
        organization=Organization(id=cast.acme.id, name="✅ Red Cross ✔")
    )  # from before, or from elsewhere
    assert reported.organizer(row) == "Red Cross"
