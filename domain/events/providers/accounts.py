"""The accounts that tickets are paid to: this site's own, from the environment, and those that organizations connect.

Keys are sealed and never shown again. An organization's own account goes before the site's of the same provider.
"""

from dataclasses import dataclass

from database.clock import local, now
from database.columns import public_id
from database.scope import everywhere
from database.transactions import writes
from domain import Invalid, existing
from domain.base import configuration, history, keys, outgoing, stepup
from domain.events import providers
from domain.events.providers.facts import Account
from domain.events.providers.units import charges
from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.money import written
from domain.fields.text import Name, Secret
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from domain.money import announcements
from domain.money.providers import sandbox
from domain.organizations import organizations
from models import Membership, PaymentAccount, PaymentAttempt, Payout

TRANSPORTS: dict = {}  # provider → how its account is reached, where that isn't the network
ORDER = ("stripe", "paystack", "flutterwave", "sandbox")
AFRICA = ("NGN", "GHS", "ZAR", "KES", "XOF", "RWF", "EGP")  # Paystack's own currencies: it comes first there


@dataclass(frozen=True)
class Offer:
    """A way to pay that a buyer may choose."""

    provider: str
    label: str


def sites(provider):
    """This site's own account at a provider; None where it has none."""
    chosen = configuration.active
    if provider == "sandbox":
        if not chosen.has_sandbox:
            return None
        secrets = tuple(map(sandbox.tickets_secret, keys.every()))
        return Account(provider, sandbox.stripe.KEY, secrets, transport=sandbox.stripe.transport())
    key, secrets = chosen.ticket_accounts.get(provider, ("", ()))
    return Account(provider, key, secrets, transport=TRANSPORTS.get(provider)) if key else None


def _opened(row):
    key, secret = keys.unseal(row.key), keys.unseal(row.secret) if row.secret else ""
    secrets = (secret,) if secret else ()
    transport = TRANSPORTS.get(row.provider)
    return Account(row.provider, key, secrets, row.public_id, transport, bool(row.refused_at)) if key else None


def find(provider, id=""):
    """The account at a provider by its public id, whoever's it is; None where it isn't connected any more, or its key
    can't be opened. One that is paused is found: money that comes late is looked at."""
    if not id:
        return sites(provider) if provider in providers.MODULES else None
    with everywhere("an account's address names no organization"):
        row = PaymentAccount.one(PaymentAccount.public_id == id, PaymentAccount.provider == provider)
    return _opened(row) if row else None


def is_checkable(provider, secret):
    """Whether a signature can be checked with what is kept here; Paystack signs with the key itself."""
    return bool(secret) or provider == "paystack"


def usable(currency, cents=0):
    """provider → Account that the organization one stands in takes this amount with, the first offered first.

    One of its own that isn't set up yet leaves the site's; where it paused its own, that provider isn't offered."""
    own_ones = list(PaymentAccount.select().order_by(PaymentAccount.id))
    own = {row.provider: row for row in own_ones if row.state == "on" and not _lacks(row)}
    paused = {row.provider for row in own_ones if row.state == "off"} - set(own)
    first = ("paystack", *ORDER) if currency in AFRICA else ORDER
    found = {}
    for provider in dict.fromkeys(first):
        if provider not in paused and charges(providers.counted_as(provider), currency, cents):
            account = _opened(own[provider]) if provider in own else sites(provider)
            if account is not None:
                found[provider] = account
    return found


def offers(currency, cents=0):
    """The ways in which the organization one stands in can be paid this amount."""
    return [Offer(provider, providers.NAMES[provider]) for provider in usable(currency, cents)]


# --- an organization's own ------------------------------------------------------------------------------------------

# How secret keys begin.
BEGINS = {"stripe": ("sk_", "rk_"), "paystack": ("sk_",), "flutterwave": ("FLWSECK-", "FLWSECK_TEST-")}


def _account(id):
    return existing(PaymentAccount.one(PaymentAccount.id == id), "There is no such account here.")


@writes
def set_key(id, key, *, by):
    """Keep its secret key, sealed. Refuses with VerificationRequired, and with Invalid one of another kind."""
    by.require("payments.manage")
    row = _account(id)
    if not key.startswith(BEGINS[row.provider]):
        beginning = " or ".join(BEGINS[row.provider])
        raise Invalid({"key": f"A secret key of {providers.NAMES[row.provider]} begins with {beginning}."})
    stepup.demand("payments.set_key", row.id)
    return _keep(row, "key", key, by)


@writes
def set_secret(id, secret, *, by):
    """Keep what its webhooks are signed with, sealed. Refuses with VerificationRequired."""
    by.require("payments.manage")
    stepup.demand("payments.set_key", id)
    return _keep(_account(id), "secret", secret, by)


def _keep(row, name, value, by):
    changed = {name: keys.seal(value)} | ({"refused_at": None} if name == "key" else {})
    PaymentAccount.update(changed).where(PaymentAccount.id == row.id).execute()
    what = {"key": "key", "secret": "webhook secret"}[name]
    history.note(f"payments.{name}_set", f"The {what} of {row.label} was set", row, by=by)
    return f"The {what} of {row.label} is kept. It isn’t shown again."


@writes
def note_refused(account):
    """The provider doesn't take the account's key, so nobody can pay. Who may set another one is told, once until it is
    taken; of this site's own account the admins are, once a day."""
    name = providers.NAMES[account.provider]
    if not account.id:
        title, key = f"{name} doesn’t take this site’s key for tickets", f"ticket_key:{account.provider}:{now():%F}"
        announcements.warn_admins(key, title, "Nobody can pay for tickets with it.", "/admin")
        return
    row = PaymentAccount.get(PaymentAccount.public_id == account.id)
    news = PaymentAccount.update(refused_at=now()).where(
        PaymentAccount.id == row.id, PaymentAccount.refused_at.is_null()
    )
    if not news.execute():
        return
    title, body = f"Nobody can pay with {row.label}", f"{name} doesn’t take its key. Set another one."
    link, key = f"/{row.organization.slug}/payment-accounts", f"ticket_key:{row.id}:{now():%Y%m%d%H%M%S}"
    for user in Membership.keepers(row.organization):
        by = organizations.reach(user, row.organization.slug)
        if by and by.may("payments.manage"):
            outgoing.notify(
                user, "payments.key_refused", key, title, body=body, link=link, organization=row.organization
            )


@writes
def note_taken(account):
    """The provider takes the account's key again."""
    PaymentAccount.update(refused_at=None).where(PaymentAccount.public_id == account.id).execute()


def seal_anew():
    """Encrypt the keys under the newest SECRET_KEY: (how many, names of accounts whose key none opens)."""
    done, lost = 0, []
    with everywhere("every account's key is sealed anew"):
        for row in PaymentAccount.select():
            for name in ("key", "secret"):
                sealed = getattr(row, name)
                if not sealed or keys.is_newest(sealed):
                    continue
                if opened := keys.unseal(sealed):
                    done += _resealed(row.id, name, sealed, keys.seal(opened))
                else:
                    lost.append(row.label)
    return done, lost


@writes
def _resealed(id, name, before, after):
    with everywhere("an account's key is sealed anew"):
        unchanged = (PaymentAccount.id == id) & (getattr(PaymentAccount, name) == before)
        return PaymentAccount.update({name: after}).where(unchanged).execute()


def _notes(found, by):
    rows = PaymentAccount.select().where(PaymentAccount.id << [row.id for row in found]) if found else ()
    paid = _last_payouts([row.public_id for row in rows])
    told = {row.id: (("bad", _refused(row)), ("warn", _lacks(row)), ("info", paid.get(row.public_id))) for row in rows}
    return {id: tuple((tone, words) for tone, words in notes if words) for id, notes in told.items()}


def _last_payouts(ids):
    """account's public id → in words, what was paid out of it last."""
    query = Payout.select().where(Payout.account << ids, Payout.state == "paid").order_by(Payout.sent_at, Payout.id)
    newest = {payout.account: payout for payout in (query if ids else ())}
    return {
        account: f"Last payout {written(one.amount_cents, one.currency)}, {local(one.sent_at):%-d %B %Y}"
        for account, one in newest.items()
    }


def _refused(row):
    """That nobody can pay to it, in words."""
    if row.refused_at is None:
        return ""
    return f"Key refused since {local(row.refused_at):%-d %B}: nobody can pay"


def _lacks(row):
    """What an account can't be paid to without, in words."""
    if not row.key:
        return "No key yet"
    return "" if is_checkable(row.provider, row.secret) else "No webhook secret yet"


def _address(row):
    return f"{configuration.active.site_url}/webhooks/tickets/{row['provider']}/{row['public_id']}"


def _derive(row, values):
    if row is None:
        return {"public_id": public_id()}
    if row.key and values.get("provider", row.provider) != row.provider:
        raise Invalid({"provider": "Its keys are of another provider. Make a new account instead."})
    return {}


def _was_used(row):
    return PaymentAttempt.one(PaymentAttempt.account == row.public_id) is not None


PROVIDER = Choice(tuple((name, providers.NAMES[name], "") for name in BEGINS))
STATE = Choice((("on", "On", "good"), ("off", "Paused", "off")))
listing = Listing(
    *("payment-accounts", "account", "accounts", PaymentAccount),
    (
        Field("label", "Name", Name(80), required=True, help="Only you see it."),
        Field("provider", "Provider", PROVIDER, required=True, default="stripe"),
        Field("state", "State", STATE, default="on"),
        Field("address", "Its webhooks come to", Derived(_address, copied=True)),
        Field("created_at", "Since", Moment(past=True), acted=True),
    ),
    NEWEST,
    acts=(
        Act(
            *("key", "Set the key", set_key, "payments.manage"),
            asks=lambda row, by: Field("key", "Secret key", Secret(200, 12), True, help="It replaces the one before."),
        ),
        Act(
            *("secret", "Set the webhook secret", set_secret, "payments.manage"),
            asks=lambda row, by: Field("secret", "Webhook secret", Secret(200, 8), True),
            when=lambda row: row.provider != "paystack",
        ),
    ),
    notes=("To know", _notes),
    elsewhere=(("address", PaymentAccount.public_id, None),),
    also=("public_id",),
    title="Accounts for tickets",
    about="Money of your tickets goes to your own account at a provider. Taking money for others is regulated in many "
    "countries: ask before you do.",
    reads="payments.manage",
    writes="payments.manage",
    icon="credit-card",
    empty=(("all", "Connect an account of your own, or be paid by what this site offers.", "No accounts yet."),),
)
rules = rows.Rules(
    listing,
    may_change=lambda row, field, by: by.may("payments.manage"),
    may_remove=lambda row, by: by.may("payments.manage") and not _was_used(row),
    why=lambda row, by, verb, members: "Orders were paid to it, so it stays. You can pause it.",
    derive=_derive,
)
