"""Hard case 3: the alarm of a silent endpoint starts from what we sent, and asks."""

import jobs
from domain.base import outgoing
from domain.operations.mail import deliveries, mail_silences
from models import Letter, Notification
from tests.fixtures.threads import write
from tests.peers.resend import signed


def send(count):
    for n in range(count):
        key = f"k{Letter.select().count()}"
        write(outgoing.letter, "verify_email", f"ada{n}@example.org", key, name="Ada", code="1")
    jobs.work_off()


def test_mail_case_03_admins_hear_that_events_get_lost_and_letters_move_on(mailer, cast, clock):
    send(5)
    ids = [id for id, _ in mailer.letters]
    mailer.events = {ids[0]: "delivered", ids[1]: "bounced", ids[2]: "opened"}
    assert mail_silences.watch() == 0  # nothing is late yet
    clock.forward(minutes=31)
    assert (mail_silences.watch(), mail_silences.watch()) == (2, 0)
    jobs.work_off()
    told = Notification.select().where(Notification.recipient == cast.stella, Notification.type == "admin.letters")
    assert ["replayed" in one.body for one in told] == [True]
    statuses = [one.status for one in Letter.select().order_by(Letter.id)]
    assert statuses == ["delivered", "bounced", "sent", "sent", "sent"]


def test_mail_case_03_no_alarm_while_nothing_moved_or_events_come_or_letters_are_few(mailer, cast, clock):
    send(4)
    clock.forward(minutes=31)
    assert (mail_silences.untold(), mailer.requests[4:]) == ([], [])
    send(1)
    clock.forward(minutes=31)
    assert len(mail_silences.untold()) == 5
    assert mail_silences.watch() == 0  # Resend has nothing newer to tell either
    deliveries.take(*signed(mailer.event("email.delivered")))
    assert mail_silences.untold() == []
