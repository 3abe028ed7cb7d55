"""Resend over a real socket: keys that make a repeat the same letter, and what its refusals mean."""

import dataclasses

import pytest

import jobs
from domain.base import configuration, outgoing, settings
from domain.base.letters import resend
from domain.people import admins
from models import Letter, MailPause, Notification, Outgoing
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("mailer", "clock")


def leave(key="k", to="ada@example.org"):
    write(outgoing.letter, "verify_email", to, key, name="Ada Süß", code="735186")
    jobs.work_off()
    return Outgoing.get(Outgoing.key == key)


def letter():
    return Letter.select().order_by(Letter.id.desc()).first()


def test_a_letter_is_asked_for_with_a_key_and_tags_and_known_by_its_id(mailer, clock):
    row = leave()
    ((method, path, key, body),) = mailer.requests
    assert (method, path) == ("POST", "/emails")
    assert key == f"outgoing/{row.id}/{int(clock().timestamp())}"
    assert (body["from"], body["to"]) == ("Guildhall <hall@example.org>", ["ada@example.org"])
    assert "735186" in body["text"]
    assert "735186" in body["html"]
    assert body["tags"] == [
        {"name": "kind", "value": "verify_email"},
        {"name": "letter", "value": letter().public_id},
    ]
    assert (letter().status, letter().provider, letter().provider_id) == ("sent", "resend", mailer.letters[0][0])
    assert (row.status, row.payload) == ("sent", {})


def test_mail_case_16_an_answer_that_got_lost_is_asked_for_again_as_the_same_letter(mailer, clock, cast):
    mailer.answers = ["lost"]
    row = leave()
    assert (row.status, letter().status, len(mailer.letters)) == ("queued", "queued", 1)
    assert "735186" in row.payload["asked"]["body"]["text"]
    settings.change("site_name", "Another", by=cast.stella)  # what would be written now is another letter
    settings.forget()
    clock.forward(minutes=1)
    jobs.work_off()
    (first, second) = mailer.requests
    assert (first[2], first[3]) == (second[2], second[3])
    assert len(mailer.letters) == 1
    assert letter().provider_id == mailer.letters[0][0]
    assert Outgoing.get(Outgoing.key == "k").payload == {}


def test_mail_case_16_a_letter_in_doubt_stays_one_whatever_is_answered_next(mailer, clock):
    mailer.answers = ["lost", (429, "rate_limit_exceeded", ("retry-after", "2")), (403, "invalid_api_key")]
    leave()
    for _ in range(3):
        clock.forward(hours=1)
        jobs.work_off()
    assert len({key for _, _, key, _ in mailer.requests}) == 1
    assert (len(mailer.requests), len(mailer.letters), letter().status) == (4, 1, "sent")


def test_mail_case_16_after_a_day_nobody_can_tell_and_it_is_not_sent_again(mailer, clock):
    mailer.answers = ["lost"]
    leave()
    clock.forward(hours=23, minutes=1)
    jobs.work_off()
    row = Outgoing.get()
    assert (row.status, row.payload, letter().status, len(mailer.requests)) == ("buried", {}, "uncertain", 1)
    clock.forward(days=2)
    jobs.work_off()
    assert len(mailer.requests) == 1


def test_one_that_was_never_answered_in_five_tries_is_uncertain_and_one_that_was_has_failed(mailer, clock, monkeypatch):
    mailer.answers = ["lost"] * 5 + [(500, "internal_server_error")] * 5 + [(403, "invalid_api_key")] * 5
    for key, ends in (("a", "uncertain"), ("b", "uncertain"), ("c", "failed")):
        leave(key)
        for _ in range(4):
            clock.forward(hours=3)
            jobs.work_off()
        assert letter().status == ends


def test_killed_after_the_answer_and_before_it_was_written_is_no_second_letter(mailer, monkeypatch, clock):
    marked = outgoing._mark_sent

    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(outgoing, "_mark_sent", dies)
    with pytest.raises(KeyboardInterrupt):
        leave()
    monkeypatch.setattr(outgoing, "_mark_sent", marked)
    jobs.work_off()
    assert (len(mailer.requests), len(mailer.letters), letter().status) == (2, 1, "sent")


def test_too_many_a_second_waits_as_long_as_they_say_and_is_no_try(mailer, clock, monkeypatch):
    waits = []
    monkeypatch.setattr(resend.time, "sleep", waits.append)
    mailer.answers = [(429, "rate_limit_exceeded", ("retry-after", "2"))]
    row = leave()
    assert (row.status, row.attempts, row.error, (row.next_attempt_at - clock()).seconds) == ("queued", 0, None, 2)
    clock.forward(seconds=2)
    jobs.work_off()
    assert letter().status == "sent"
    assert len(waits) == 1
    assert 0 < waits[0] <= 2
    assert MailPause.select().count() == 0


@pytest.mark.parametrize(("name", "hours"), [("daily_quota_exceeded", 1), ("monthly_quota_exceeded", 6)])
def test_a_quota_pauses_what_can_wait_and_admins_hear_of_it(mailer, clock, cast, name, hours):
    mailer.answers = [(429, name)]
    row = leave()
    assert (row.status, row.attempts, (row.next_attempt_at - clock()).seconds) == ("queued", 0, hours * 3600)
    assert "quota" in letter().reason
    write(outgoing.notify, cast.bob, "task_assigned", "n", "Given to you", organization=cast.acme, link="/acme")
    leave("code")  # what somebody waits for is tried all the same
    assert [body["tags"][0]["value"] for _, _, _, body in mailer.requests] == ["verify_email", "verify_email"]
    assert admins.tell_of_letters() == 1
    jobs.work_off()
    told = Notification.get(Notification.recipient == cast.stella)
    assert "quota" in told.body
    clock.forward(hours=hours, seconds=1)
    jobs.work_off()
    assert {one.status for one in Letter.select()} == {"sent"}


def test_what_is_refused_for_good_ends_at_once_and_what_is_ours_to_mend_does_not(mailer, clock):
    mailer.answers = [(422, "validation_error"), (403, "invalid_api_key"), (409, "concurrent_idempotent_requests")]
    assert (leave("a").status, letter().status) == ("buried", "failed")
    assert letter().reason == "Resend refused it: 422 validation_error"
    assert (leave("b").status, letter().reason) == ("queued", "Refused: Resend answered 403 (invalid_api_key).")
    row = leave("c")
    assert (row.status, row.attempts) == ("queued", 0)
    clock.forward(minutes=1)
    jobs.work_off()
    assert [one.status for one in Letter.select().order_by(Letter.id)] == ["failed", "sent", "sent"]


def test_the_key_is_in_no_row_and_no_sentence(mailer, clock):
    configuration.use(dataclasses.replace(configuration.active, resend_api_key="re_secret_of_ours\n"))
    row = leave()
    assert "re_secret" not in f"{row.__data__} {letter().__data__}"
    assert row.status == "queued"
