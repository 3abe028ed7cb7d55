"""Links by which strangers reach one table of people's: made, changed, stopped, and what each may show right now.

A link has a purpose, which is declared (`Purpose`): the next one is that declaration, with pages of its own. Its
address is kept as a hash. Whatever it shows is narrowed from what its maker may at that moment. Why so:
docs/decisions/public-links.md
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from database.clock import now, written
from database.columns import public_id
from database.scope import everywhere
from database.transactions import writes
from domain import Invalid, NotFound, Refused, Stale, existing
from domain.base import allowances, configuration, history, keys, outgoing, stepup
from domain.fields.forms import fingerprint, read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Name, Text
from domain.moderation import reports
from domain.organizations import organizations
from domain.people import passwords
from domain.records import collections, listings, rights, shapes
from domain.records.rows import row_conditions
from models import Collection, Organization, PublicLink

MOST = 200  # links of an organization that aren't stopped
UNLOCKED = timedelta(hours=12)  # that a password holds for
SEEN_EVERY = timedelta(minutes=5)
KIND = "record"  # as which reports know the pages of links: domain/records/public/reported.py
GONE = "There is nothing here: the address isn't whole, or the page was taken away. Ask whoever sent it."


@dataclass(frozen=True)
class Purpose:
    """What a link is for. `read(form, shape, allowed)` makes its settings of form texts or refuses with Invalid;
    `narrowed(allowed, settings, shape, maker)` are the Rights that it leaves of its maker's, or None where nothing may
    be shown until somebody decides."""

    key: str
    label: str
    thing: str  # as in «this form was stopped»
    capability: str  # that its maker must have whenever it is used
    read: Callable
    narrowed: Callable


_known: dict[str, Purpose] = {}


def declare(purpose):
    """Make a purpose known."""
    _known[purpose.key] = purpose
    return purpose


def purpose_of(key):
    """The declared purpose. Refuses with NotFound."""
    if key not in _known:
        raise NotFound("There are no such links.")
    return _known[key]


class Over(Refused):
    """The link leads nowhere now, and says why."""

    code, status = "NOT_FOUND", 410
    about_form = False


@dataclass(frozen=True)
class Stranger:
    """Whoever came by a link: acts for nobody, and may at most what the link's maker may now."""

    maker: Any
    called: str  # what stands in the history instead of a name
    user: Any = None

    @property
    def organization(self):
        return self.maker.organization

    def may(self, permission, target=None):
        return self.maker.may(permission, target)

    def require(self, permission, target=None):
        self.maker.require(permission, target)


@dataclass(frozen=True)
class Opened:
    """A link as it stands now: its table, the Rights that are left, and the rules of the table by them."""

    link: Any
    purpose: Purpose
    maker: Any
    collection: Any
    shape: Any
    whole: Any  # the Rights of the link's maker
    allowed: Any  # what is left of them

    @property
    def by(self):
        return Stranger(self.maker, f"The {self.purpose.thing} “{self.link.name}”")

    @property
    def rules(self):
        return listings.narrowed(self.shape, self.allowed)

    def seen(self, id):
        """The cell of a field that the link may show, or None."""
        cell = self.shape.by_name.get(f"f{id}")
        return cell if cell and self.allowed.sees_field(cell.name) else None


# --- addresses ------------------------------------------------------------------------------------------------------


def hashed(token):
    """What is kept of an address."""
    return hashlib.sha256(token.encode()).hexdigest()


def _tokens(name, turn):
    """What the address of a link ends with, under each key of the site; the newest makes it."""
    made = keys.keyed_by_each("public link", f"{name} {turn}")
    return [base64.urlsafe_b64encode(bytes.fromhex(one)[:16]).decode().rstrip("=") for one in made]


def address(link):
    """The whole address, for who may make links; empty where no key of the site has made it."""
    found = next((one for one in _tokens(link.public_id, link.turn) if hashed(one) == link.token_hash), "")
    return found and f"{configuration.active.site_url}/p/{found}"


# --- making and changing --------------------------------------------------------------------------------------------

COMMON = (
    Field("name", "Name", Name(120, 2), True, help="Stands above the page."),
    Field("opens_at", "Opens", Moment()),
    Field("ends_at", "Ends", Moment()),
    Field("password", "Password", Text(200), help="Whoever opens it is asked for it first."),
)
MOST_ANSWERS = Field("most", "Answers at most", Number(1, 1_000_000))


def to_share(slug, by):
    """(table, shape, Rights of this member) for who may make links to it. Refuses with NotFound or Forbidden."""
    by.require("records.publish")
    collection = collections.found(slug)
    shape = shapes.read(collection)
    return collection, shape, rights.of(collection, by, shape)


def found(id, by):
    """(link, table, shape, Rights) for who may make such links. Refuses with NotFound or Forbidden."""
    link = existing(PublicLink.one(PublicLink.id == id), "There is no such link.")
    collection = Collection.one(Collection.id == link.collection_id)
    if collection.archived_at is not None:
        raise NotFound("The table of this link was put away.")
    return link, *to_share(collection.slug, by)


def _values(form, purpose, shape, allowed, link=None):
    values = read_whole((*COMMON, MOST_ANSWERS), form)
    if values["ends_at"] and values["opens_at"] and values["ends_at"] <= values["opens_at"]:
        raise Invalid({"ends_at": "It ends before it opens."})
    if values["ends_at"] and values["ends_at"] <= now() and (link is None or values["ends_at"] != link.ends_at):
        raise Invalid({"ends_at": "That is over already."})
    password = values.pop("password")
    if password:
        values["password_hash"] = passwords.hashed(password)
    elif form.get("no_password"):
        values["password_hash"] = None
    return values | {"settings": purpose.read(form, shape, allowed)}


def make(slug, key, form, *, by, form_key=""):
    """Make a link out of form texts, after step-up: L2. The same form makes one link. Refuses with Invalid, NotFound,
    Forbidden, VerificationRequired, and beyond MOST."""
    collection, shape, allowed = to_share(slug, by)
    purpose = purpose_of(key)
    by.require(purpose.capability)
    values = _values(form, purpose, shape, allowed)
    name = keys.keyed("public link form", f"{by.user.id} {form_key}")[:32] if form_key else public_id()
    return _make(collection, purpose, name, values, by)


@writes
def _make(collection, purpose, name, values, by):
    if made := PublicLink.one(PublicLink.public_id == name):
        return made
    stepup.demand("records.publish", collection.id)
    if PublicLink.select().where(PublicLink.stopped_at.is_null()).count() >= MOST:
        raise Refused(f"There are {MOST} public links already. Stop one that isn't needed any more.")
    about = {"collection": collection, "purpose": purpose.key, "public_id": name, "made_by": by.user}
    link = PublicLink.create(**about, **values, token_hash=hashed(_tokens(name, 1)[0]))
    _note("made", f"The {purpose.thing} “{link.name}” of {collection.name} was opened to the public", link, by)
    return link


def as_kept(link):
    """What a page that was filled with a link knows it by: another text once something of it is another."""
    return fingerprint([link.name, str(link.opens_at), str(link.ends_at), link.most, link.settings])


def change(id, form, *, by, was=""):
    """Change a link out of form texts, after step-up: L2. Whoever changes it is its maker from then on: it shows what
    they may. Refuses as `make` does, and with Stale where it isn't what the form was filled with (`was`)."""
    link, collection, shape, allowed = found(id, by)
    purpose = purpose_of(link.purpose)
    by.require(purpose.capability)
    return _change(link, collection, purpose, _values(form, purpose, shape, allowed, link), by, was)


@writes
def _change(link, collection, purpose, values, by, was):
    if was and was != as_kept(PublicLink.get_by_id(link.id)):
        raise Stale(f"Somebody else changed this {purpose.thing} meanwhile. Yours is below; saving it replaces theirs.")
    stepup.demand("records.publish", collection.id)
    PublicLink.update(**values, made_by=by.user).where(PublicLink.id == link.id).execute()
    _note("changed", f"The {purpose.thing} “{values['name']}” of {collection.name} was changed", link, by)
    return PublicLink.get_by_id(link.id)


def _note(verb, summary, link, by):
    about = {"verb": "created" if verb == "made" else "updated", "category": "security"}
    history.note(f"public_link.{verb}", summary, link, by=by, **about)


@writes
def stop(id, *, by):
    """It leads nowhere from now on. Refuses with NotFound, Forbidden, or where it was stopped already."""
    link, *_ = found(id, by)
    if (
        not PublicLink.update(stopped_at=now())
        .where(PublicLink.id == link.id, PublicLink.stopped_at.is_null())
        .execute()
    ):
        raise Refused("This link is stopped already.", "INVALID_TRANSITION")
    _note("stopped", f"The {purpose_of(link.purpose).thing} “{link.name}” was stopped", link, by)
    return f"“{link.name}” is stopped: whoever opens it reads so."


@writes
def go_on(id, *, by):
    """Open what was stopped, after step-up: L2, under the same address."""
    link, collection, *_ = found(id, by)
    stepup.demand("records.publish", collection.id)
    again = PublicLink.update(stopped_at=None, made_by=by.user)
    if not again.where(PublicLink.id == link.id, PublicLink.stopped_at.is_null(False)).execute():
        raise Refused("This link isn't stopped.", "INVALID_TRANSITION")
    _note("opened", f"The {purpose_of(link.purpose).thing} “{link.name}” was opened again", link, by)
    return f"“{link.name}” is open again."


@writes
def readdress(id, *, by):
    """Give a link another address: the one before leads nowhere."""
    link, *_ = found(id, by)
    turn = link.turn + 1
    moved = PublicLink.update(turn=turn, token_hash=hashed(_tokens(link.public_id, turn)[0]))
    moved.where(PublicLink.id == link.id, PublicLink.turn == link.turn).execute()
    _note("readdressed", f"The {purpose_of(link.purpose).thing} “{link.name}” has another address", link, by)
    return f"“{link.name}” has another address. The one before leads nowhere."


# --- by its address -------------------------------------------------------------------------------------------------


def behind(token):
    """(link, its organization) of an address, open or not. Refuses with NotFound what was never one, also where the
    organization is suspended."""
    with everywhere("an address of the public names no organization"):
        link = PublicLink.one(PublicLink.token_hash == hashed(token[:100]))
    organization = Organization.one(Organization.id == link.organization_id) if link else None
    if organization is None or organization.status != "active":
        raise NotFound(GONE)
    return link, organization


def opened(link, *, is_reviewed=False):
    """The Opened of a link, inside its organization. Refuses with Over where it isn't open or its maker may not what it
    needs any more, and with reports.Hidden; `is_reviewed` is for who decides about reports."""
    purpose = purpose_of(link.purpose)
    if not is_reviewed:
        reports.check_shown(KIND, link.id)
        _check_open(link, purpose.thing, link.organization.timezone)
    nothing = Over(f"This {purpose.thing} can't be shown at present. Tell whoever gave you its address.")
    maker = organizations.reach(link.made_by, link.organization.slug) if link.made_by else None
    collection = Collection.one(Collection.id == link.collection_id, Collection.archived_at.is_null())
    if maker is None or link.made_by.status != "active" or collection is None or not maker.may(purpose.capability):
        raise nothing
    shape = shapes.read(collection)
    allowed = rights.of(collection, maker, shape)
    if allowed.sees == "none" or not allowed.shares:
        raise nothing
    left = purpose.narrowed(allowed, link.settings, shape, maker)
    if left is None:
        raise nothing
    return Opened(link, purpose, maker, collection, shape, allowed, left)


def _check_open(link, thing, zone):
    if link.stopped_at:
        raise Over(f"This {thing} was stopped. Ask whoever gave you its address.")
    if link.ends_at and link.ends_at <= now():
        raise Over(f"This {thing} is over: it ended on {written(link.ends_at, zone)}.")
    if link.opens_at and link.opens_at > now():
        raise Over(f"This {thing} isn't open yet: it opens on {written(link.opens_at, zone)}.")


def is_full(link):
    """Whether it has all the answers that it takes."""
    return link.most is not None and link.taken >= link.most


def full(link):
    """The refusal for one more."""
    count = "its one answer" if link.most == 1 else f"all its {link.most:,} answers"
    return Over(f"This {purpose_of(link.purpose).thing} is full: it has {count}.")


def notify_of_waiting(link):
    """Tell whoever made a form that answers to it wait: once a day."""
    if link.made_by is None:
        return
    title, key = f"{link.name}: answers wait for a look", f"answers:{link.id}:{now():%Y-%m-%d}"
    at = f"/{link.organization.slug}/public-links/{link.id}/answers"
    outgoing.notify(link.made_by, "records.answer", key, title, link=at, organization=link.organization)


def narrowed_to(allowed, names, conditions=(), shape=None, me=0):
    """Rights over these fields alone, and over rows that meet conditions besides; nothing can be changed. None where a
    condition's field is gone: then nothing is shown until somebody decides."""
    told = row_conditions.compiled(conditions, me, shape) if conditions else ()
    hidden = frozenset(cell.name for cell in shape.cells if cell.name not in names) | allowed.hidden
    if told is None or len(hidden) == len(shape.cells):
        return None
    return replace(
        allowed,
        sees="some" if allowed.where or told else "all",
        where=(*allowed.where, *told),
        hidden=hidden,
        linked=tuple(_titled(one) for one in allowed.linked if one[0] in names),
        **{"changes": "none", "adds": False, "archives": False, "builds": False, "shares": False},
    )


def _titled(linked):
    """Of the rows that a link points to, what they are called."""
    name, slug, there, beyond = linked
    title = next((cell.name for cell in there.cells if beyond.sees_field(cell.name)), None)
    return name, slug, there, replace(beyond, hidden=frozenset(c.name for c in there.cells if c.name != title))


def note_use(link):
    """Remember that it was opened, every few minutes."""
    if link.used_at is None or link.used_at < now() - SEEN_EVERY:
        _note_use(link)


@writes
def _note_use(link):
    old = PublicLink.used_at.is_null() | (PublicLink.used_at < now() - SEEN_EVERY)
    PublicLink.update(used_at=now()).where(PublicLink.id == link.id, old).execute()


# --- passwords ------------------------------------------------------------------------------------------------------


def unlock(link, password, network):
    """What opens a link with this password for half a day. Refuses with Invalid, and with TooOften beyond ten wrong
    ones in a quarter of an hour from a network, or a hundred from everywhere."""
    for name, whose in (("link_passwords", f"{link.id}|{network}"), ("all_link_passwords", str(link.id))):
        allowances.spend(name, whose)
    if not passwords.fits(password, link.password_hash):
        raise Invalid({"password": "That isn't the password."})
    for name, whose in (("link_passwords", f"{link.id}|{network}"), ("all_link_passwords", str(link.id))):
        allowances.give_back(name, whose)
    until = int((now() + UNLOCKED).timestamp())
    return f"{until}.{_unlocks(link, until)[0]}"


def _unlocks(link, until):
    return keys.keyed_by_each("public link password", f"{link.id} {link.password_hash} {until}")


def is_unlocked(link, key, grace=timedelta(0)):
    """Whether this opens it, or did so much earlier; a link without a password is open."""
    if link.password_hash is None:
        return True
    until, _, sent = (key or "")[:100].partition(".")
    if not (sent.isascii() and until.isascii() and until.isdigit() and len(until) < 12):
        return False
    if not now() - grace < datetime.fromtimestamp(int(until), UTC) <= now() + UNLOCKED:
        return False
    return any(hmac.compare_digest(sent.encode(), one.encode()) for one in _unlocks(link, until))


def behind_password(token, asked, key):
    """The address, with a key, of the page that was asked for before the password was: one of this very link, else its
    first."""
    home = f"/p/{token}"
    try:
        parts = urlsplit(asked[:2000])
        query = [(name, text) for name, text in parse_qsl(parts.query, max_num_fields=200) if name != "key"]
    except ValueError:
        return f"{home}?{urlencode({'key': key})}"
    is_here = not (parts.scheme or parts.netloc) and parts.path.startswith(home)
    path = parts.path if is_here and _PAGE.fullmatch(parts.path.removeprefix(home)) else home
    return f"{path}?{urlencode([*query, ('key', key)])}"


_PAGE = re.compile(r"(/[A-Za-z0-9_=-]+)*", re.ASCII)  # behind the token
