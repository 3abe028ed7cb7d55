import pytest

import jobs
from domain import Invalid, Refused
from domain.base import outgoing
from domain.base.letters import suppressions
from domain.people import accounts, sign_ins
from models import AuditEvent, Letter, Outgoing, Suppression
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("house", "clock")
ADA = "ada@example.org"


def suppress(reason="bounced", scope="all", **more):
    return suppressions.suppress(ADA, scope, reason, **more)


def sent(template="verify_email", **values):
    write(outgoing.letter, template, ADA, f"{template}:{Outgoing.select().count()}", **values)
    jobs.work_off()
    return Letter.select().order_by(Letter.id.desc()).first()


def test_a_bounced_address_gets_no_letter_and_the_log_says_why():
    suppress(note="550 5.1.1 no such user")
    letter = sent(name="Ada", code="1")
    assert letter.status == "withheld"
    assert letter.reason.startswith("this address isn't written to: a letter to it came back on ")
    assert (Outgoing.get().status, Outgoing.get().payload) == ("sent", {})


def test_mail_case_07_who_complained_still_gets_codes_and_nothing_else():
    suppress("complained")
    assert sent(name="Ada", code="1").status == "sent"
    assert sent("account_suspended", name="Ada", reason="Spam.").status == "sent"
    assert sent("subscription_canceled", **PLAN).status == "withheld"
    suppress("manual")
    assert sent(name="Ada", code="1").status == "withheld"


PLAN = {"organization": "Acme", "plan": "Pro", "until": "1 July 2026", "link": "http://localhost/"}


def test_mail_case_07_who_wants_no_news_gets_every_other_letter():
    suppress("unsubscribed", "news")
    assert sent(name="Ada", code="1").status == "sent"
    assert sent("subscription_canceled", **PLAN).status == "sent"


def test_sign_up_and_sign_in_say_at_once_that_the_address_cannot_be_written_to(clock, cast):
    suppress()
    for ask in (
        lambda: accounts.sign_up(ADA, "Ada", None),
        lambda: sign_ins.ask_code(ADA),
        lambda: sign_ins.ask_link(ADA),
        lambda: sign_ins.forgot(ADA),
    ):
        with pytest.raises(Invalid) as refused:
            ask()
        assert f"came back on {clock():%-d %B %Y}" in refused.value.fields["email"]
    assert Outgoing.select().count() == 0


@pytest.mark.parametrize(
    ("said", "permanent", "meaning"),
    [
        ("smtp; 550 5.1.1 user unknown", True, "permanent"),
        ("550 No such mailbox", True, "permanent"),
        ("550 5.4.1 Recipient address rejected: Access denied", True, "permanent"),
        ("550 5.7.1 Message rejected due to sender reputation", True, "about_us"),
        ("554 Your IP is on a blocklist", True, "about_us"),
        ("550 5.7.26 unauthenticated mail: DMARC", True, "about_us"),
        ("550 5.6.0 our own bad header", True, "about_us"),
        ("553 5.1.8 sender address has no such domain", True, "about_us"),
        ("552 5.2.2 mailbox full", True, "transient"),
        ("mailbox full", False, "transient"),
        ("450 4.2.1 try later", False, "transient"),
        ("421 4.7.0 rate limited by policy", False, "about_us"),
        ("", False, "transient"),
    ],
)
@pytest.mark.above_sql
def test_mail_case_17_what_a_server_says_of_us_is_never_the_fault_of_the_mailbox(said, permanent, meaning):
    assert suppressions.judged(said, permanent) == meaning


def test_a_worse_reason_stays_in_either_order():
    assert [suppress("complained"), suppress("bounced"), suppress("complained"), suppress("bounced")] == [
        *(True, True, False, False),
    ]
    assert Suppression.get().reason == "bounced"


def test_mail_case_17_a_way_out_with_reason_and_record(cast, clock):
    suppress()
    with pytest.raises(Invalid):
        suppressions.lift(Suppression.get().id, "x", by=cast.stella)
    suppressions.lift(Suppression.get().id, "Their mailbox is mended.", by=cast.stella)
    assert Suppression.get().state == "lifted"
    assert sent(name="Ada", code="1").status == "sent"
    event = AuditEvent.get(AuditEvent.action == "mail.suppression_lifted")
    assert event.metadata["reason"] == "Their mailbox is mended."
    with pytest.raises(Refused):
        suppressions.lift(Suppression.get().id, "Once more.", by=cast.stella)
    assert not suppress(at=clock())  # what was known before doesn't come back
    clock.forward(minutes=1)
    assert suppress()


def test_lifting_reaches_the_provider_too_and_says_when_it_still_blocks(cast, mailer, clock):
    suppress()
    mailer.blocked.add(ADA)
    mailer.answers = [(403, "restricted_api_key")]
    suppressions.lift(Suppression.get().id, "Their mailbox is mended.", by=cast.stella)
    jobs.work_off()
    assert Suppression.get().state == "blocked_there"
    assert "still has it on its own list" in Suppression.get().note
    clock.forward(minutes=1)
    jobs.work_off()
    assert (Suppression.get().state, mailer.blocked) == ("lifted", set())


def test_an_address_is_blocked_by_hand_once(cast):
    for _ in range(2):
        suppressions.block(ADA, "She asked by telephone.", by=cast.stella)
    assert (Suppression.get().reason, Suppression.get().note) == ("manual", "She asked by telephone.")
    assert AuditEvent.select().where(AuditEvent.action == "mail.suppressed").count() == 1
