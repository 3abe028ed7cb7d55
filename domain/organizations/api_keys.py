"""Keys by which programs ask: some of what their maker may do here at that moment, until they end or are revoked.

`ghk_<8 signs>_<32 signs>`, shown once and kept as a hash (its 190 random bits need no slow one). Nothing about a key is
kept from one request to the next, so a revoked one is refused by the next request. Why: docs/decisions/keys.md
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from peewee import JOIN, Case, CharField, Value

from database.clock import now
from database.compiled import CompiledRows
from database.locks import lock
from database.parameters import parameter
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Forbidden, Refused, existing
from domain.base import allowances, changes, configuration, history, keys, outgoing, roles, stepup
from domain.entitlements import grants
from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Kind, Unfit
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.person import members
from domain.fields.switch import Switch
from domain.fields.text import Name, Text
from domain.lists.listing import NEWEST, Act, Listing
from domain.lists.searches import Parts
from domain.organizations import key_bounds, organizations, permissions
from models import ApiKey, Collection, Organization, Profile

SCOPES = (
    *("tasks.read", "tasks.read_all", "tasks.write", "tasks.write_all", "events.read", "events.write"),
    *(
        "events.publish",
        "events.check_in",
        "orders.read",
        "orders.write",
        "records.read",
        "records.write",
        "members.read",
        "workspaces.read",
        "billing.read",
    ),
)
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = re.compile(r"ghk_([0-9A-Za-z]{8})_[0-9A-Za-z]{32}", re.ASCII)
NOBODY = "0" * 64  # the hash that an unknown key is compared with
MOST_CALLS = allowances.SPENT["calls"].amount  # what a key may ask a minute, unless it has a rate of its own
MOST = 100  # keys of an organization that are good
SEEN_EVERY = timedelta(minutes=1)
SOON = timedelta(days=14)


class NoKey(Refused):
    """The same whatever is wrong about it."""

    code, status = "UNAUTHENTICATED", 401

    def __init__(self):
        super().__init__("This key isn't good: it is unknown, was revoked or has ended, or its maker has left.")


# --- making and ending ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scopes(Kind):
    """What a key may do: names of SCOPES."""

    several: bool = True

    def read(self, chosen):
        if set(chosen) - set(SCOPES):
            raise Unfit("Choose from the list.")
        return [name for name in SCOPES if name in chosen]


CALLS = f"A call costs ten, and each row one more. Left empty: {MOST_CALLS:,}."
DAYS = Choice((("30", "30 days", ""), ("90", "90 days", ""), ("365", "A year", ""), ("never", "No end", "")))
FIELDS = (
    Field("name", "Name", Name(60, 2), True, help="Which program has it: “Door app”, “Monthly report”."),
    Field("scopes", "It may", Scopes(), True, missing="Choose at least one."),
    Field("days", "Holds for", DAYS, True, default="90"),
    Field("paths", "Only these addresses", key_bounds.PATHS, help="One a line, a * at the end for all below."),
    Field("rate", "At most, a minute", Number(60, MOST_CALLS), help=CALLS),
    Field("needs_version", "Changes name the version they read", Switch(), default=False),
    Field("networks", "Only from these networks", key_bounds.NETWORKS, help="One a line, such as 192.0.2.0/24."),
)


@writes
def make(form, *, by, key=""):
    """Make a key out of form texts, after step-up L3; returns (the row, the key itself), the same ones for a form that
    is sent twice with one `key`. Refuses with Invalid, Forbidden, CapabilityRequired and beyond MOST."""
    by.require("keys.manage")
    key = changes.form_key(key)
    values, (prefix, secret) = read_whole(FIELDS, form), _made_up(key, by)
    for scope in values["scopes"]:
        by.require(scope)
    tables, lists = key_bounds.read_tables(form, values["scopes"], by), key_bounds.read_lists(form, by)
    lock("changes", by.organization.id)  # a repeat waits for the first
    if held := ApiKey.one(ApiKey.prefix == prefix):
        return held, secret
    stepup.demand("keys.make", by.organization.id)
    good = ApiKey.revoked_at.is_null() & (ApiKey.expires_at.is_null() | (ApiKey.expires_at > now()))
    if ApiKey.select().where(good).count() >= MOST:
        raise Refused(f"There are {MOST} keys already. Revoke one that isn't needed any more.")
    days, name = values["days"], values["name"]
    made = ApiKey.create(
        name=name,
        prefix=prefix,
        secret_hash=hashed(secret),
        scopes=" ".join(values["scopes"]),
        paths=" ".join(values["paths"] or ()),
        networks=" ".join(values["networks"] or ()),
        tables=tables,
        lists=lists,
        rate=values["rate"],
        needs_version=values["needs_version"],
        expires_at=None if days == "never" else now() + timedelta(days=int(days)),
        made_by=by.user,
    )
    facts = {"prefix": prefix, "scopes": made.scopes, "until": str(made.expires_at or "no end")}
    facts |= {name: told for name, told in (("tables", tables), ("lists", lists)) if told}
    history.note(
        "apikey.created", f"The key {name} was made", made, by=by, verb="created", category="security", **facts
    )
    return made, secret


def _made_up(key, by):
    """(what it is found by, the whole key): by chance; what a form with a key makes follows from that."""
    said = f"{by.organization.id} {by.user.id} {key}"
    found, secret = ((_signs(keys.keyed(f"api key {part}", said) if key else secrets.token_hex(32))) for part in (1, 2))
    return found[:8], f"ghk_{found[:8]}_{secret[:32]}"


def _signs(hexadecimal):
    """A number in base 62, at least 32 signs long."""
    number, signs = int(hexadecimal, 16), ""
    while number:
        number, digit = divmod(number, len(SIGNS))
        signs += SIGNS[digit]
    return signs.ljust(32, "0")


def hashed(secret):
    """What is kept of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


@writes
def revoke(id, *, by):
    """No program gets in by the key from the next request on. Refuses with NotFound, or when it was revoked."""
    by.require("keys.manage")
    held = existing(ApiKey.one(ApiKey.id == id), "There is no such key.")
    return _end(held, by)


@writes
def revoke_by_staff(id, *, by):
    """The same of a key of any organization, whose audit log says that it was the platform's staff."""
    held = existing(_anywhere(lambda: ApiKey.one(ApiKey.id == id)), "There is no such key.")
    with inside(held.organization_id):
        return _end(held, by, "by the platform’s staff")


def _end(held, by, whose=""):
    if not ApiKey.update(revoked_at=now()).where(ApiKey.id == held.id, ApiKey.revoked_at.is_null()).execute():
        raise Refused("This key is revoked already.", "INVALID_TRANSITION")
    summary, about = f"The key {held.name} was revoked {whose}".rstrip(), {"organization": held.organization}
    history.note("apikey.revoked", summary, held, by=by, category="security", prefix=held.prefix, **about)
    return f"The key {held.name} is revoked: it opens nothing from now on."


# --- asking with one ------------------------------------------------------------------------------------------------


def enter(given, address, network, path):
    """The maker of a key as a Member as things stand now, who may no more than the key; counted against its limit.

    `given` is the key as it was sent, `address` where it came from, `network` by what wrong ones are counted, `path`
    what is asked for, decoded. Refuses with NoKey, with Forbidden where the key is bounded, with CapabilityRequired
    where the plan has no keys any more, and with TooOften.
    """
    key = _good_key(given)
    by = key and _maker(key)
    if by is None:
        allowances.spend("all_wrong_keys", network)
        allowances.spend("wrong_keys", f"{given[:12]}|{network}")
        raise NoKey()
    allowances.spend("calls", key, allowances.CALL)
    if not key_bounds.is_from(key.networks.split(), address):
        raise Forbidden("This key isn't good from where you are.")
    if not key_bounds.covers(key.paths.split(), path):
        raise Forbidden("This key isn't good for this address.")
    with inside(by.organization):
        if not grants.includes(roles.ORGANIZATION["keys.manage"].capability):
            raise permissions.CapabilityRequired("The plan of this organization has no keys any more.")
        _note_use(key)
    return by


def _anywhere(read):
    with everywhere("a key names itself, not its organization"):
        return read()


def _good_key(given):
    form = FORM.fullmatch(given)
    key = _anywhere(lambda: _of_prefix.first(prefix=form[1] if form else ""))
    fits = hmac.compare_digest(key.secret_hash if key else NOBODY, hashed(given))
    is_over = key and (key.revoked_at or (key.expires_at and key.expires_at <= now()))
    return key if key and fits and not is_over else None


# Asked by every call of a program: `api_get_vs_pocketbase`.
_of_prefix = CompiledRows(ApiKey, lambda: ApiKey.select().where(ApiKey.prefix == parameter("prefix")).limit(1))


def _maker(key):
    by = organizations.member_of(key.organization_id, key.made_by_id)
    return by and replace(by, api_key=key)


def _note_use(key):
    """Write down that it was used: the first time at once, then once a minute. Never by saving the row, which could
    bring a revoked one back."""
    if key.used_at is None or key.used_at < now() - SEEN_EVERY:
        _write_use(key)


@writes
def _write_use(key):
    old = ApiKey.used_at.is_null() | (ApiKey.used_at < now() - SEEN_EVERY)
    ApiKey.update(used_at=now()).where(ApiKey.id == key.id, ApiKey.revoked_at.is_null(), old).execute()


@writes
def warn(limit):
    """Tell the makers of keys that end within SOON, once of each; returns how many were told."""
    soon = ApiKey.expires_at.between(now(), now() + SOON) & ApiKey.revoked_at.is_null() & ApiKey.told_at.is_null()
    with everywhere("keys of all organizations end"):
        due = list(ApiKey.select().where(soon).order_by(ApiKey.id).limit(limit))
        for key in due:
            ApiKey.update(told_at=now()).where(ApiKey.id == key.id).execute()
            if _maker(key):
                _send_news(key, Organization.get_by_id(key.organization_id))
    return len(due)


def _send_news(key, organization):
    user, link, word = key.made_by, f"/{organization.slug}/keys", f"key_ending:{key.id}"
    about = {"name": user.name, "program": key.name, "prefix": key.prefix, "organization": organization.name}
    about |= {"until": f"{key.expires_at:%-d %B %Y}", "link": configuration.active.site_url + link}
    title = f"The key {key.name} ends on {about['until']}"
    outgoing.notify(user, "organization.key_ending", word, title, link=link, organization=organization)
    outgoing.letter("key_ending", user.email, word, about=(user, organization), **about)


# --- as a list ------------------------------------------------------------------------------------------------------

STATUS = Choice((("good", "Good", "good"), ("ended", "Ended", "quiet"), ("revoked", "Revoked", "off")))
_STATUS = Case(
    None,
    ((ApiKey.revoked_at.is_null(False), "revoked"), (ApiKey.expires_at <= parameter("moment"), "ended")),
    "good",
)


def _words(row):
    networks = [f"from {network}" for network in row["networks"].split()]
    may = "; ".join(roles.label(scope) for scope in row["scopes"].split())
    rate = [f"at most {row['rate']:,} a minute"] if row["rate"] else []
    return ", ".join([may, *row["paths"].split(), *networks, *rate])


def _notes(found, by):
    """The tables that keys are bounded to, and of lists the rows."""
    keys = list(ApiKey.select().where(ApiKey.id << [row.id for row in found]))
    ids = {int(id) for key in keys for id in key.tables}
    names = dict(Collection.select(Collection.id, Collection.name).where(Collection.id << list(ids)).tuples())
    people = members() if any(key.lists for key in keys) else {}
    bound = {
        key.id: [key_bounds.said(about, one, names.get(int(one))) for one, about in key.tables.items()] for key in keys
    }
    for key in keys:
        bound[key.id] += [key_bounds.said_of_list(name, texts, by, people) for name, texts in key.lists.items()]
    return {id: tuple(("info", one) for one in told) for id, told in bound.items() if told}


listing = Listing(
    *("keys", "key", "keys", ApiKey),
    (
        Field("name", "Key", Name(60)),
        Field("begins", "Begins", Text(20), listed=False),
        Field("may", "It may", Derived(_words)),
        Field("status", "Status", STATUS),
        Field("who", "Made by", Text(120)),
        Field("used_at", "Last used", Moment(past=True)),
        Field("expires_at", "Ends", Moment()),
    ),
    NEWEST,
    joins=lambda query: query.join(Profile, JOIN.LEFT_OUTER, on=(Profile.user == ApiKey.made_by)),
    elsewhere=(
        ("begins", CharField(), Value("ghk_").concat(ApiKey.prefix)),
        ("may", CharField(), ApiKey.name),
        ("who", Profile.full_name, None),
        ("status", CharField(), _STATUS),
    ),
    acts=(
        Act(
            *("revocation", "Revoke", revoke, "keys.manage"),
            confirm="Revoke {name}? Programs that use it are refused from the next request on.",
            tone="danger",
            bulk=True,
            when=lambda row: row.status != "revoked",
        ),
    ),
    notes=("Only", _notes),
    also=("scopes", "paths", "networks", "rate", "begins"),
    reads="keys.manage",
    chips="status",
    under=("begins",),
    icon="key",
    empty=(("all", "A key lets a program ask instead of you: for the door, a phone, a report."),),
)

# Of all organizations, for the platform's staff.
desk = Listing(
    *("all_keys", "key", "keys", ApiKey),
    (
        Field("name", "Key", Name(60)),
        Field("begins", "Begins", Text(20), listed=False),
        Field("organization_name", "Organization", Text(120)),
        Field("who", "Made by", Text(120)),
        Field("status", "Status", STATUS),
        Field("used_at", "Last used", Moment(past=True)),
        Field("created_at", "Made", Moment(past=True)),
    ),
    NEWEST,
    joins=lambda query: listing.joins(query).join_from(ApiKey, Organization),
    elsewhere=(
        *(one for one in listing.elsewhere if one[0] in ("begins", "who", "status")),
        ("organization_name", Organization.name, None),
    ),
    search=Parts((ApiKey.name, ApiKey.prefix, Organization.name, Organization.slug)),
    acts=(
        Act(
            *("revocation", "Revoke", revoke_by_staff, "keys.revoke"),
            confirm="Revoke {name}? Programs that use it are refused from the next request on.",
            tone="danger",
            when=lambda row: row.status != "revoked",
        ),
    ),
    reads="keys.revoke",
    chips="status",
    under=("begins",),
    icon="key",
    empty=(("all", "Keys that organizations make for their programs show here."),),
)
