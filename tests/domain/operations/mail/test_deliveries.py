"""What Resend tells: Svix's signatures, its two ways to write tags and codes, and letters that are none of ours."""

import dataclasses
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest

import jobs
from domain.base import configuration, outgoing
from domain.money import inbox
from domain.money.providers.provider import BadSignature
from domain.operations.mail import deliveries
from models import Letter, Suppression, WebhookEvent
from tests.fixtures.threads import write
from tests.peers.resend import SECRET, signed

pytestmark = pytest.mark.usefixtures("mailer", "clock")
BOUNCED = {
    "type": "Permanent",
    "subType": "General",
    "message": "The recipient's email address does not exist.",
    "diagnosticCode": ["smtp; 550 5.1.1 no such user"],
}


@pytest.fixture
def sent(mailer, clock):
    write(outgoing.letter, "verify_email", "ada@example.org", "k", name="Ada", code="735186")
    jobs.work_off()
    return mailer


def tell(event, **more):
    deliveries.take(*signed(event, **more))
    jobs.work_off()
    return Letter.get()


def statuses():
    return [event.status for event in WebhookEvent.select().order_by(WebhookEvent.id)]


# --- signatures -------------------------------------------------------------------------------------------------


@pytest.mark.above_sql
def test_mail_case_02_the_vector_of_svix_fits_over_the_raw_bytes(monkeypatch):
    """https://docs.svix.com/receiving/verifying-payloads/how-manual"""
    moment = datetime.fromtimestamp(1614265330, UTC)

    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return moment

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Then)
    body = b'{"test": 2432232314}'
    headers = {
        "Svix-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "Svix-Timestamp": "1614265330",
        "Svix-Signature": "v1,bm90IHRoaXMgb25l v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v2,x",
    }
    assert deliveries.verify(body, headers).id == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    with pytest.raises(BadSignature):
        deliveries.verify(body.replace(b" ", b""), headers)
    for late in (timedelta(minutes=6), -timedelta(minutes=6)):
        moment = datetime.fromtimestamp(1614265330, UTC) + late
        with pytest.raises(BadSignature):
            deliveries.verify(body, headers)


def test_every_secret_that_is_valid_now_is_taken_and_none_other(sent):
    older, foreign = "whsec_" + "A" * 32, "whsec_" + "B" * 32
    both = dataclasses.replace(configuration.active, resend_webhook_secret=(SECRET, older))
    configuration.use(both)
    for secret in (SECRET, older):
        deliveries.take(*signed(sent.event("email.delivered"), secret=secret))
    with pytest.raises(BadSignature):
        deliveries.take(*signed(sent.event("email.delivered"), secret=foreign))
    assert WebhookEvent.select().count() == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"type": 7, "data": []}', b"[" * 100_000])
def test_what_is_signed_and_cannot_be_read_is_refused_or_kept_as_nothing(body):
    try:
        deliveries.take(*signed(body)) if body.isascii() else deliveries.take(body, signed(b"")[1])
    except BadSignature:
        assert WebhookEvent.select().count() == 0
    else:
        jobs.work_off()
        assert statuses() == ["ignored"]


def test_an_event_that_is_sent_again_is_one(sent):
    for _ in range(3):
        tell(sent.event("email.delivered"), id="msg_1")
    assert statuses() == ["processed"]


# --- states -----------------------------------------------------------------------------------------------------


def test_mail_case_04_05_events_in_every_order_leave_the_same_letter(sent):
    """A seventh of the orders; letters/test_log.py asks the rule itself of all."""
    told = [
        ("email.sent", {}),
        ("email.delivery_delayed", {}),
        ("email.delivered", {}),
        ("email.failed", {"reason": "reached_daily_quota"}),
        ("email.bounced", BOUNCED),
        ("email.complained", {"type": "abuse"}),
    ]
    ends = set()

    def many_orders():
        for order in itertools.islice(itertools.permutations(facts), 0, None, 7):
            Letter.update(status="queued", rank=0, reason=None, bounce=None).execute()
            Suppression.delete().execute()
            for fact in order:
                deliveries.apply(fact)
            letter, held = Letter.get(), Suppression.get()
            ends.add((letter.status, letter.reason, letter.changed_at, held.reason, held.scope))

    facts = []
    for second, (type, about) in enumerate(told):
        deliveries.take(*signed(sent.event(type, at=f"2026-06-15T12:00:0{second}Z", **about)))
        facts += deliveries.read(WebhookEvent.select().order_by(WebhookEvent.id.desc()).first())
    write(many_orders)
    assert len(ends) == 1
    ((status, _, at, reason, scope),) = ends
    assert (status, at.second, reason, scope) == ("complained", 5, "bounced", "all")


def test_what_was_delivered_and_then_came_back_has_bounced(sent):
    assert tell(sent.event("email.delivered")).status == "delivered"
    letter = tell(sent.event("email.bounced", **BOUNCED))
    assert (letter.status, letter.bounce) == ("bounced", "permanent")
    assert letter.reason == "The recipient's email address does not exist. smtp; 550 5.1.1 no such user"
    assert tell(sent.event("email.delivery_delayed")).status == "bounced"
    assert statuses() == ["processed"] * 3  # each is in the history


@pytest.mark.parametrize("tags", ["object", "list"])
@pytest.mark.parametrize("code", ["smtp; 550 5.1.1 x", ["smtp; 550 5.1.1 x"]])
def test_tags_and_codes_are_read_in_both_shapes(sent, tags, code):
    write(Letter.update(provider_id=None, status="uncertain", rank=1).execute)  # our own answer was never written
    letter = tell(sent.event("email.bounced", tags=tags, **BOUNCED | {"diagnosticCode": code}))
    assert (letter.status, letter.provider_id) == ("bounced", sent.letters[0][0])
    assert "5.1.1" in letter.reason
    assert Suppression.get().email_norm == "ada@example.org"


def test_what_is_told_before_our_own_answer_is_written_finds_its_letter_later(sent, clock):
    id = sent.letters[0][0]
    write(Letter.update(provider_id=None, status="queued", rank=0).execute)
    tell(sent.event("email.delivered", tags=None))
    assert statuses() == ["failed"]
    write(Letter.update(provider_id=id).execute)
    clock.forward(minutes=1)
    jobs.work_off()
    assert (Letter.get().status, statuses()) == ("delivered", ["processed"])


def test_mail_case_01_a_letter_of_another_program_is_looked_for_four_times_and_means_nothing(sent, clock):
    sent.letters.append(("56761188-7520-42d8-8898-ff6fc54ce618", {"to": ["x@example.com"], "tags": []}))
    waits, event = [], sent.event("email.bounced", letter=1, **BOUNCED)
    tell(event)
    while (row := WebhookEvent.get()).status == "failed":
        waits.append(round((row.next_attempt_at - clock()).total_seconds() / 60))
        clock.moment = row.next_attempt_at
        jobs.work_off()
    assert (waits, row.status) == ([1, 5, 30], "ignored")
    assert Suppression.select().count() == 0


@pytest.mark.parametrize("type", ["email.opened", "email.clicked", "email.scheduled", "domain.created", "new.kind"])
def test_kinds_that_mean_nothing_here_are_kept_and_settled(sent, type):
    assert tell(sent.event(type)).status == "sent"
    assert statuses() == ["ignored"]


# --- what follows -----------------------------------------------------------------------------------------------


def test_mail_case_17_reputation_suppresses_nobody(sent):
    code = {"diagnosticCode": "smtp; 550 5.7.1 blocked for its reputation", "message": "Rejected."}
    letter = tell(sent.event("email.bounced", **BOUNCED | code))
    assert (letter.status, letter.bounce, Suppression.select().count()) == ("bounced", "about_us", 0)


def test_three_bounces_that_pass_end_news_alone(mailer, clock):
    for n in range(3):
        assert Suppression.select().count() == 0
        write(outgoing.letter, "verify_email", "ada@example.org", f"k{n}", name="Ada", code="1")
        jobs.work_off()
        deliveries.take(*signed(mailer.event("email.bounced", letter=n, type="Transient", message="mailbox full")))
        jobs.work_off()
        clock.forward(days=1)
    assert [(one.scope, one.reason) for one in Suppression.select()] == [("news", "bounced")]


def test_what_resend_itself_holds_back_is_held_back_here_too(sent):
    letter = tell(sent.event("email.suppressed", message="On the suppression list", type="OnAccountSuppressionList"))
    assert (letter.status, Suppression.get().scope) == ("suppressed", "all")


def test_nothing_of_a_letters_words_is_in_what_admins_read_of_the_event(sent):
    tell(sent.event("email.bounced", **BOUNCED))
    told = json.dumps(WebhookEvent.get().facts)
    assert "735186" not in told
    assert "no such user" in told


def test_an_event_is_worked_again_by_hand_without_changing_more(sent):
    tell(sent.event("email.bounced", **BOUNCED))
    before = Suppression.select().dicts().get()
    assert inbox.work(WebhookEvent.get(), asked=True) is None
    assert Suppression.select().dicts().get() == before
