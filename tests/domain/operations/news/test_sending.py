"""How an issue goes out: to whom, how fast, paused, stopped, with trouble, and how its figures add up."""

from dataclasses import replace
from datetime import timedelta

import pytest

import jobs
from domain.base import configuration, outgoing, settings
from domain.base.letters import log, smtp, subscribers, suppressions
from domain.operations.mail import deliveries
from domain.operations.news import campaigns, sending
from models import Campaign, CampaignRecipient, Letter, MailPause, Notification, Outgoing, Subscriber
from tests.fixtures import news
from tests.fixtures.threads import write
from tests.peers.resend import signed


@pytest.fixture
def fast(house, monkeypatch):
    monkeypatch.setitem(
        settings.REGISTRY, "newsletter_pace", replace(settings.REGISTRY["newsletter_pace"], default=500)
    )
    monkeypatch.setattr(sending, "JUDGED_EVERY", 0)


@pytest.fixture
def server(fast):
    controller, taker, url = news.mail_server()
    news.use_mail(url)
    yield taker
    smtp.hang_up()
    controller.stop()


def work(rounds=50):
    for _ in range(rounds):
        if not sending.work():
            return


def figures():
    found = campaigns.figures(Campaign.get())
    return {name: count for name, count in found.items() if count and name != "final"}


def test_everybody_who_confirmed_gets_it_once_over_one_connection(server, monkeypatch):
    monkeypatch.setattr(sending, "PREPARED", 5)
    news.readers(12)
    write(Subscriber.create, email="no@example.org", email_norm="no@example.org")
    news.issue()
    work()
    assert server.got() == sorted(f"r{n}@example.org" for n in range(12))
    assert server.connections == 1
    assert Campaign.get().status == "done"
    assert figures() == {"sent": 12, "recipients": 12}
    assert Campaign.get().figures["sent"] == 12
    assert {one.kind for one in Letter.select()} == {"newsletter"}


def test_each_letter_has_its_own_link_that_ends_it(server):
    news.readers(2)
    news.issue()
    work()
    links = {to: news.link_in(text, "/newsletter/preferences/") for to, text in server.letters}
    assert len(set(links.values())) == 2
    subscribers.leave(links["r1@example.org"].rpartition("/")[2])
    assert Subscriber.get(Subscriber.email_norm == "r1@example.org").status == "unsubscribed"
    assert figures() == {"sent": 2, "recipients": 2, "unsubscribed": 1}


def test_mail_case_08_one_click_stands_in_the_head_where_the_site_has_https(mailer, fast):
    configuration.use(replace(configuration.active, site_url="https://hall.test"))
    news.readers(1)
    news.issue()
    work()
    ((_, body),) = mailer.letters
    head = body["headers"]
    assert head["List-Unsubscribe"].startswith("<https://hall.test/newsletter/preferences/")
    assert head["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert head["List-Id"] == "<newsletter.hall.test>"


def test_who_left_or_is_not_written_to_is_left_out_at_every_step(server):
    r0, r1, r2, _ = news.readers(4)
    suppressions.suppress(r0.email, suppressions.ALL, "complained")
    suppressions.suppress(r1.email, suppressions.NEWS, "bounced")
    news.issue()
    sending.work()  # prepared, and those two seen
    write(subscribers.end, r2)
    while CampaignRecipient.one(CampaignRecipient.state == "waiting"):
        write(sending._hand_over, Campaign.get(), 10)
    work()
    assert server.got() == ["r3@example.org"]
    assert figures() == {"sent": 1, "skipped": 3, "recipients": 4}
    whys = {one.email_norm: one.why for one in CampaignRecipient.select() if one.why}
    assert "gets no news" in whys["r0@example.org"]


def test_a_paused_one_stands_still_and_goes_on_exactly_there(server, cast, monkeypatch):
    monkeypatch.setattr(sending, "HANDED", 4)
    news.readers(10)
    made = news.issue(by=cast.stella)
    while not server.letters:
        sending.work()
    campaigns.pause(made.id, by=cast.stella)
    work()
    before = server.got()
    assert 0 < len(before) < 10
    assert Campaign.get().status == "paused"
    campaigns.resume(made.id, by=cast.stella)
    work()
    assert server.got() == sorted(f"r{n}@example.org" for n in range(10))
    assert figures() == {"sent": 10, "recipients": 10}


def test_letters_that_wait_stand_still_with_it(server, cast):
    news.readers(3)
    made = news.issue()
    sending.work()  # the letters are left, and none is handed over
    campaigns.pause(made.id, by=cast.stella)
    work()
    assert server.letters == []
    assert Outgoing.select().where(Outgoing.status == "queued").count() == 3
    campaigns.resume(made.id, by=cast.stella)
    work()
    assert len(server.letters) == 3


def test_a_stopped_one_goes_to_nobody_else(server, cast, monkeypatch):
    monkeypatch.setattr(sending, "HANDED", 2)
    news.readers(6)
    made = news.issue()
    while not server.letters:
        sending.work()
    campaigns.stop(made.id, by=cast.stella)
    work()
    assert len(server.letters) < 6
    found = figures()
    assert (found["recipients"], found["sent"] + found["skipped"]) == (6, 6)
    with pytest.raises(campaigns.Refused):
        campaigns.resume(made.id, by=cast.stella)


def test_a_server_that_is_away_loses_nobody_and_takes_no_try(fast, clock):
    controller, taker, url = news.mail_server()
    controller.stop()
    news.use_mail(url)
    news.readers(3)
    news.issue()
    work()
    assert {one.status for one in Outgoing.select()} == {"queued"}
    assert {one.attempts for one in Outgoing.select()} == {0}
    assert "be reached" in MailPause.get().reason
    clock.forward(days=3)  # however long it is away
    work()
    assert Campaign.get().status == "sending"
    controller, taker, url = news.mail_server()
    news.use_mail(url)
    clock.forward(minutes=2)
    work()
    smtp.hang_up()
    controller.stop()
    assert len(taker.letters) == 3
    assert Campaign.get().status == "done"


def test_refused_letters_fail_and_a_mailbox_that_is_gone_is_remembered(server):
    news.readers(3)
    server.answers = {"r0@example.org": "550 5.1.1 no such user", "r1@example.org": "451 4.3.0 later"}
    news.issue()
    work()
    assert figures() == {"sent": 1, "failed": 1, "waiting": 1, "recipients": 3}
    assert set(suppressions.without_news(["r0@example.org", "r1@example.org"])) == {"r0@example.org"}
    assert Campaign.get().status == "sending"  # one is tried again


def test_mail_case_16_a_letter_in_doubt_stays_one_until_a_person_decides(server, cast):
    news.readers(2)
    news.issue()
    sending.work()  # the letters are left, and none is handed over
    row = Outgoing.select().order_by(Outgoing.id).first()
    outgoing.note_asked(row, {"by": "smtp"})  # the server was killed just then
    work()
    assert (len(server.letters), Campaign.get().status) == (1, "done")
    assert figures() == {"sent": 1, "uncertain": 1, "recipients": 2}
    doubt = CampaignRecipient.get(CampaignRecipient.letter == log.of(row))
    campaigns.send_again(doubt.id, by=cast.stella)
    with pytest.raises(campaigns.Refused):
        campaigns.send_again(doubt.id, by=cast.stella)
    work()
    assert figures() == {"sent": 2, "recipients": 2}
    assert Campaign.get().status == "done"


def test_of_a_stopped_issue_only_who_a_person_chose_gets_it_again(server, cast, monkeypatch):
    monkeypatch.setattr(sending, "HANDED", 2)
    news.readers(5)
    made = news.issue()
    while not Letter.select().exists():
        sending.work()  # two letters are left, and none is handed over
    row = Outgoing.select().order_by(Outgoing.id).first()
    outgoing.note_asked(row, {"by": "smtp"})
    outgoing.send_due(outgoing.NEWS, limit=1)
    doubt = CampaignRecipient.get(CampaignRecipient.letter == log.of(row))
    campaigns.stop(made.id, by=cast.stella)
    campaigns.send_again(doubt.id, by=cast.stella)
    work()
    assert server.got() == [row.recipient]
    assert figures() == {"sent": 1, "skipped": 4, "recipients": 5}
    assert Campaign.get().status == "stopped"


def test_what_resend_tells_moves_the_figures_long_after(mailer, fast):
    news.readers(3)
    news.issue()
    work()
    for place, kind in enumerate(("email.delivered", "email.complained")):
        deliveries.take(*signed(mailer.event(kind, letter=place)))
    deliveries.take(*signed(mailer.event("email.bounced", letter=2, type="Permanent", message="5.1.1 unknown")))
    jobs.work_off()
    assert figures() == {"delivered": 1, "complained": 1, "bounced": 1, "recipients": 3}


@pytest.mark.parametrize(("status", "why"), [("complained", "called it spam"), ("bounced", "came back")])
def test_too_many_complaints_or_bounces_pause_it_by_itself_and_its_writer_is_told(fast, cast, monkeypatch, status, why):
    monkeypatch.setattr(sending, "JUDGED_FROM", 4)
    monkeypatch.setattr(sending, "HANDED", 4)
    news.readers(10)
    news.issue(by=cast.stella)
    while Letter.select().where(Letter.status == "sent").count() < 4:
        sending.work()
    write(log.move, Letter.select().where(Letter.status == "sent").first().id, status)
    work()
    assert Campaign.get().status == "paused"
    assert why in Campaign.get().why
    jobs.work_off()
    assert Notification.get().type == "admin.newsletter"
    assert figures()["waiting"] > 0


def test_a_test_letter_goes_to_who_asks_and_counts_for_nobody(server, cast):
    made = news.issue(status="draft")
    campaigns.test(made.id, by=cast.stella)
    work()
    assert server.got() == ["stella@example.org"]
    assert CampaignRecipient.select().count() == 0
    assert (Letter.get().status, Letter.get().kind) == ("sent", log.SAMPLE)


def test_it_goes_at_its_moment_and_not_before(server, clock):
    news.readers(1)
    news.issue(scheduled_at=clock() + timedelta(minutes=1))
    work()
    assert (Campaign.get().status, server.letters) == ("scheduled", [])
    clock.forward(minutes=2)
    work()
    assert (Campaign.get().status, len(server.letters)) == ("done", 1)


def test_of_an_issue_long_past_the_figures_stay(server, clock):
    news.readers(2)
    news.issue()
    work()
    assert sending.let_go(10) == 0
    clock.forward(days=391)
    assert sending.let_go(1) == 1
    write(Letter.delete().execute)
    assert sending.let_go(10) == 1
    assert figures() == {"sent": 2, "recipients": 2}
