"""When Resend tells nothing: an alarm that starts from what we sent, because one that waits for events would be silent
just then. An endpoint that failed for days is switched off there, and nothing comes of what it missed by itself."""

from datetime import timedelta

from peewee import fn

from database.clock import local, now
from database.transactions import writes
from domain.base import configuration, outgoing
from domain.base.letters import resend
from domain.money import facts
from domain.operations.mail import deliveries
from domain.people import admins
from models import Letter, WebhookEvent

FEW = 5  # letters that nothing was told of
LATE = timedelta(minutes=30)  # after which something should have been
LOOKED_AT = timedelta(days=3)
# What Resend calls the last thing that happened → what it would have told.
LAST = {"bounced": "email.bounced", "delivered": "email.delivered", "complained": "email.complained"}
LAST |= {"delivery_delayed": "email.delivery_delayed", "failed": "email.failed", "suppressed": "email.suppressed"}


def untold():
    """The letters that Resend took over half an hour ago, and told nothing of since, the newest first; empty where they
    are too few to say anything, or an event came meanwhile."""
    chosen = configuration.active
    if not (chosen.resend_api_key and chosen.resend_webhook_secret):
        return []
    newest = WebhookEvent.select(fn.MAX(WebhookEvent.created_at).coerce(False))
    last = WebhookEvent.created_at.python_value(newest.where(WebhookEvent.channel == deliveries.CHANNEL).scalar())
    since = max(last, now() - LOOKED_AT) if last else now() - LOOKED_AT
    sent = Letter.provider == resend.NAME, Letter.sent_at > since, Letter.sent_at < now() - LATE
    found = list(Letter.select().where(*sent, Letter.status == "sent").order_by(Letter.sent_at.desc()).limit(50))
    return found if len(found) >= FEW else []


def watch():
    """Ask Resend about a few letters that it told nothing of. Where they moved on, its events get lost on the way:
    admins are told, once a day, and these letters move on too. Returns how many did."""
    moved = 0
    for letter in untold()[:FEW]:
        try:
            kind = LAST.get(resend.last_event(letter.provider_id))
        except (resend.Refused, resend.Unreachable):
            continue
        if kind:
            moved += 1
            _move(letter, kind)
    if moved:
        _warn()
    return moved


@writes
def _move(letter, kind):
    fact = deliveries.LetterMoved(
        provider=deliveries.CHANNEL,
        happened_at=now(),
        event_id="asked",
        id=letter.provider_id,
        letter=letter.public_id,
        status=deliveries.STATUSES[kind],
        reason="Resend said so when it was asked; no webhook told it." if kind != "email.delivered" else "",
    )
    facts.apply(fact)


@writes
def _warn():
    for admin in admins.people():
        outgoing.notify(
            admin,
            "admin.letters",
            f"mail_silence:{local(now()):%Y-%m-%d}",
            "Resend’s webhooks don’t arrive",
            body="Letters were delivered or came back, and no event told so. Look whether the endpoint at Resend is "
            "switched off or RESEND_WEBHOOK_SECRET is another: switch it on again, and have what it missed replayed.",
            link="/admin/mail",
        )
