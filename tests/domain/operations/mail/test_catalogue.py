"""Every letter that the site writes is in the catalogue, and its sample shows it whole (test_mail.py renders each)."""

import re
from pathlib import Path

import pytest

import jobs
from domain import NotFound
from domain.base import mail, outgoing, preferences
from domain.base.letters import log
from domain.operations.mail import catalogue
from models import Letter
from tests.fixtures.threads import write

FILES = Path(mail.__file__).parents[2] / "templates" / "mail"
# What the five systems wrote, by their names → ours.
B_8 = {
    "verify_email": "verify_email",
    "otp_sign_in": "otp_sign_in",
    "magic_link": "magic_link",
    "reset_password": "reset_password",
    "password_changed": "password_changed",
    "new_sign_in_replaced_session": "new_sign_in_replaced_session",
    "stepup_code": "stepup_code",
    "email_changed": "email_changed",
    "invitation": "invitation",
    "invitation_accepted": "invitation_accepted",
    "ownership_transfer start, to whom": "ownership_transfer",
    "ownership_transfer start, from whom": "ownership_offered",
    "ownership_transfer done": "ownership_transferred",
    "subscription_success": "subscription_success",
    "subscription_canceled": "subscription_canceled",
    "payment_failed": "payment_failed",
    "organization_suspended": "organization_suspended",
    "organization_reactivated": "organization_reactivated",
    "order_confirmation": "tickets",
    "pass_transferred, to whom": "pass_accepted",
    "pass_transferred, from whom": "pass_passed_on",
    "event_updated": "event_moved",
    "event_cancelled": "event_cancelled",
    "task_assigned": "task_given",
    "task_due": "task_due",
    "subscription_error": "subscription_error",
    "order_failed": "order_failed",
    "refund_confirmed": "refund_confirmed",
    "event_reminder": "event_reminder",
}


@pytest.mark.above_sql
def test_each_file_is_in_the_catalogue_and_of_a_kind_of_news():
    files = {path.stem for path in FILES.glob("[!_]*.txt")}
    assert catalogue.TEMPLATES.keys() == files
    of_a_kind = {template for kind in preferences.KINDS for template in kind.templates}
    assert files - of_a_kind == set(preferences.FOR_ANY)
    assert set(B_8.values()) <= files


@pytest.mark.parametrize("name", catalogue.TEMPLATES)
def test_a_sample_shows_all_that_its_template_can_say(house, name):
    text = (FILES / f"{name}.txt").read_text("utf-8")
    named = set(re.findall(r"{{\s*(\w+)", text)) - {"site", "site_url", '"is'}
    said = {word for word in named if word.isidentifier()} - catalogue.one(name).sample.keys()
    assert said == set()
    _, plain, html = catalogue.parts(name, "stella@example.org")
    assert ("unsubscribe" in html.lower(), "unsubscribe" in plain.lower()) == (catalogue.one(name).may_be_stopped,) * 2


def test_samples_are_no_letters_of_their_kinds_and_nothing_follows_from_them(cast):
    write(outgoing.letter, "test_letter", cast.stella.email, "before", name="Stella")
    for name in catalogue.TEMPLATES:
        catalogue.send_sample(name, by=cast.stella)
    jobs.work_off()
    left, *samples = Letter.select().order_by(Letter.id)
    assert (left.kind, left.recipient) == ("site", cast.stella.email)
    assert [one.template for one in samples] == list(catalogue.TEMPLATES)
    assert {(one.kind, one.recipient, one.status) for one in samples} == {(log.SAMPLE, cast.stella.email, "sent")}


def test_a_sample_is_mailed_to_who_asks(cast, letters):
    catalogue.send_sample("event_moved", by=cast.stella)
    to, subject, text = letters()[-1]
    assert (to, subject) == ("stella@example.org", "Jazz Night is moved")
    assert "It is now: Saturday" in text
    assert Letter.get().recipient == "stella@example.org"
    with pytest.raises(NotFound):
        catalogue.send_sample("../secrets", by=cast.stella)
