"""Addresses outside that automations tell: made and removed by owners and admins, each with a secret of its own.

The secret (https://www.standardwebhooks.com, «whsec_…») is shown once and kept sealed. A new one may be asked for: for
a day the one before signs too, so that the other side can change over without a gap.
"""

import base64
import secrets
from datetime import timedelta

from peewee import Case
from standardwebhooks import Webhook

from database.clock import now
from database.scope import everywhere
from database.transactions import writes
from domain import Refused, existing
from domain.automations.webhooks import addresses
from domain.base import changes, history, keys
from domain.fields.choice import Choice
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Name, Text
from domain.lists.listing import NEWEST, Act, Listing
from models import WebhookDelivery, WebhookEndpoint

MOST = 50
BOTH_SIGN = timedelta(days=1)
FIELDS = (
    Field("name", "Name", Name(80, 2), True, help="Who is told: “Bookkeeping”, “Our chat”."),
    Field("url", "Address", addresses.Address(), True, help="It begins with https:// and is reached by everybody."),
)


def every():
    """All that are there, by name."""
    return list(WebhookEndpoint.select().where(WebhookEndpoint.removed_at.is_null()).order_by(WebhookEndpoint.name))


def present(id):
    """One that is there, or None."""
    return WebhookEndpoint.one(WebhookEndpoint.id == (id or 0), WebhookEndpoint.removed_at.is_null())


def one(id):
    """The same. Refuses with NotFound."""
    return existing(present(id), "This address isn't here any more.")


def _new_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@writes
def make(form, *, by, key=""):
    """Add an address out of form texts; (the row, its secret), the same ones for a form that is sent twice with one
    `key`. Refuses with Invalid, Forbidden and beyond MOST."""
    by.require("automations.manage")
    values, key = read_whole(FIELDS, form), changes.form_key(key)
    if key and (held := changes.made(by, "webhook_endpoint", key)):
        row = one(held.row_id)
        return row, keys.unseal(row.secret)
    if len(every()) >= MOST:
        raise Refused(f"There are {MOST} addresses already. Remove one that isn't needed any more.")
    secret = _new_secret()
    made = WebhookEndpoint.create(**values, secret=keys.seal(secret), made_by=by.user)
    _note("added", f"The address {made.name} is told by automations", made, by, "created", key)
    return made, secret


def _note(verb, summary, row, by, made="updated", key=""):
    history.note(f"webhook.{verb}", summary, row, by=by, verb=made, category="organization", batch=key or None)


@writes
def change(id, form, *, by):
    """Give it another name or address. Refuses with Invalid, Forbidden or NotFound."""
    by.require("automations.manage")
    row, values = one(id), read_whole(FIELDS, form)
    WebhookEndpoint.update(**values).where(WebhookEndpoint.id == row.id).execute()
    _note("changed", f"The address {values['name']} was changed", row, by)
    return one(id)


@writes
def rotate(id, *, by):
    """Give it a new secret; (the row, the secret). For a day messages are signed by both."""
    by.require("automations.manage")
    row, secret = one(id), _new_secret()
    moved = {"secret": keys.seal(secret), "old_secret": row.secret, "old_until_at": now() + BOTH_SIGN}
    WebhookEndpoint.update(**moved).where(WebhookEndpoint.id == row.id).execute()
    _note("secret_renewed", f"The address {row.name} has a new secret", row, by)
    return one(id), secret


@writes
def turn_on(id, *, by):
    """Tell it again after it was given up. Refuses with NotFound, and where it is told already."""
    by.require("automations.manage")
    row = one(id)
    if row.disabled_at is None:
        raise Refused(f"{row.name} is told already.", "INVALID_TRANSITION")
    WebhookEndpoint.update(disabled_at=None, failing_since_at=None).where(WebhookEndpoint.id == row.id).execute()
    _note("turned_on", f"The address {row.name} is told again", row, by)
    return f"{row.name} is told again. What wasn't delivered can be sent again from the deliveries."


@writes
def remove(id, *, by):
    """Tell it no more; what waits for it is let go. Refuses with NotFound."""
    by.require("automations.manage")
    row = one(id)
    gone = {"removed_at": now(), "secret": "", "old_secret": None}
    WebhookEndpoint.update(**gone).where(WebhookEndpoint.id == row.id).execute()
    waiting = WebhookDelivery.endpoint == row, WebhookDelivery.state == "queued"
    WebhookDelivery.update(state="failed", error="The address was removed.").where(*waiting).execute()
    _note("removed", f"The address {row.name} is told no more", row, by)
    return f"{row.name} is removed."


def signatures(row, message_id, moment, body):
    """The header that proves a message: by its secret, and while a new one is being taken over by the old one too."""
    sealed = [row.secret]
    if row.old_secret and row.old_until_at and row.old_until_at > now():
        sealed.append(row.old_secret)
    found = [secret for secret in map(keys.unseal, sealed) if secret]
    if not found:
        raise addresses.NotReached("Its secret can't be read any more: give it a new one.")
    return " ".join(Webhook(secret).sign(message_id, moment, body) for secret in found)


def seal_anew():
    """Encrypt the secrets under the newest SECRET_KEY: (how many, names of those whose secret no key opens)."""
    done, lost = 0, []
    with everywhere("every address's secret is sealed anew"):
        for row in WebhookEndpoint.select().where(WebhookEndpoint.removed_at.is_null()):
            secret = keys.unseal(row.secret)
            if not secret:
                lost.append(f"{row.name} of organization {row.organization_id}")
            elif not keys.is_newest(row.secret):
                _keep(row, keys.seal(secret))
                done += 1
    return done, lost


@writes
def _keep(row, sealed):
    same = WebhookEndpoint.id == row.id, WebhookEndpoint.secret == row.secret
    WebhookEndpoint.update(secret=sealed, old_secret=None).where(*same).execute()


STATUS = Choice((("on", "Told", "good"), ("failing", "Doesn't answer", "warn"), ("off", "Given up", "bad")))
_STATUS = Case(
    None,
    (
        (WebhookEndpoint.disabled_at.is_null(False), "off"),
        (WebhookEndpoint.failing_since_at.is_null(False), "failing"),
    ),
    "on",
)
listing = Listing(
    *("webhooks", "address", "addresses", WebhookEndpoint),
    (
        Field("name", "Name", Name(80)),
        Field("url", "Address", Text(500)),
        Field("status", "Status", STATUS),
        Field("failing_since_at", "Doesn't answer since", Moment(past=True)),
        Field("created_at", "Added", Moment(past=True), listed=False),
    ),
    NEWEST,
    joins=lambda query: query,
    elsewhere=(("status", WebhookEndpoint.name, _STATUS),),
    only=WebhookEndpoint.removed_at.is_null(),
    acts=(
        Act(
            *("start", "Turn on", turn_on, "automations.manage"),
            when=lambda row: row.status == "off",
        ),
        Act(
            *("removal", "Remove", remove, "automations.manage"),
            confirm="Remove {name}? What waits for it is let go, and automations that tell it fail.",
            tone="danger",
        ),
    ),
    reads="automations.manage",
    chips="status",
    link=True,
    hears="webhook_delivery",
    icon="link",
    title="Webhooks",
    about="Addresses outside that automations tell. Each message is signed, and tried for two days until it is taken.",
    empty=(("all", "An address here can be told by automations what happens: a chat, the bookkeeping, a script."),),
)
