"""What people do with flyers, counted: an act is one row, however often it is told, with a sum an hour beside the rows.

These are people's claims, told by their browsers and batched: one piece for the writer each half second or for 200 of
them, which adds rows that aren't there yet and raises the sums by those. A kill loses what waits, half a second at
most; orders and referrals never come this way. Why: docs/decisions/funnel.md
"""

import hashlib
import hmac
import json
import logging
import re
import threading
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from peewee import EXCLUDED, IntegrityError

from database.clock import now
from database.connections import database
from database.scope import everywhere
from database.transactions import GaveUp, WriterDown, writes
from database.troubles import Unavailable
from database.waking import wakes
from domain.base import keys
from domain.events.referring import vias
from domain.fields.kinds import whole
from domain.moderation import salts
from models import Flyer, FlyerCampaign, FlyerCount, FlyerEvent, FlyerGap, FlyerTemplate, FlyerVersion, FlyerVia

log = logging.getLogger("guildhall.funnel")

BODY, MOST_TOLD = 2048, 10  # bytes and events of one beacon
EVERY, MANY = 0.5, 200  # seconds, or events, after which they are written
ROOM, REMEMBERED = 20_000, 50_000  # events that wait at most; keys that are known without asking
SHARE = ROOM // 4  # of one campaign's: who floods one drops no other's
KEPT = timedelta(days=90)  # rows; the sums stay
BY_DAY, BY_ATTEMPT = ("view", "open"), ("upload", "generate", "download", "share")
CHANNELS = ("device", "copy", "whatsapp", "telegram", "x", "facebook", "mail", "other")
ATTEMPT = re.compile(r"[\w-]{16,40}", re.ASCII)
ROBOTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|facebookexternalhit|whatsapp|telegram|embedly|curl|wget|python-|headless"
    r"|monitor|lighthouse|fetch",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something somebody did; `key` says which acts are the same one."""

    kind: str
    at: datetime
    source: str
    key: bytes
    organization: int
    campaign: int | None
    template: int
    version: int | None


def _act_key(*parts):
    return hashlib.blake2b("\n".join(map(str, parts)).encode(), digest_size=16).digest()


def visitor_of_day(network, browser):
    """Who came by, as today's salt has it: tomorrow nobody can tell who that was, and two equal phones of one network
    are one."""
    return salts.hashed(salts.day(), f"visitor {network}|{browser[:400]}").hex()


# --- what a browser tells -------------------------------------------------------------------------------------------


def is_people(browser, purpose=""):
    """Whether a person's browser tells it: no robot that says so, and nothing fetched ahead."""
    return bool(browser) and not ROBOTS.search(browser) and "prefetch" not in purpose.lower()


def read(body):
    """What a beacon says: (campaign's id, version's id, token, a code by which somebody came, [(kind, attempt,
    channel)]), or None for what no page of ours sends."""
    try:
        told = json.loads(body) if len(body) <= BODY else None
    except (ValueError, RecursionError):  # ever deeper lists
        return None
    if not isinstance(told, dict) or not isinstance(told.get("events"), list):
        return None
    acts = [act for one in told["events"][:MOST_TOLD] if (act := _act_in(one))]
    ids = [whole(told[name]) or 0 if type(told.get(name)) is int else 0 for name in ("campaign", "version")]
    return (*ids, _text(told, "token"), vias.read(_text(told, "via")), acts)


def _text(told, name):
    """What it says in letters of ours, up to 64 of them; nothing for anything else."""
    text = told.get(name)
    return text[:64] if isinstance(text, str) and text.isascii() else ""


def _act_in(one):
    if not isinstance(one, dict) or one.get("kind") not in (*BY_DAY, *BY_ATTEMPT, "arrive"):
        return None
    kind, attempt, channel = (_text(one, name) for name in ("kind", "attempt", "channel"))
    if kind in BY_ATTEMPT and not ATTEMPT.fullmatch(attempt):
        return None
    return kind, attempt, channel if channel in CHANNELS else "other"


def is_of_page(campaign, token):
    """Whether a campaign's page of the last hours carried this token: as domain/flyers/flyers.py makes it."""
    hour = int(now().timestamp() // 3600)
    made = (keys.keyed_by_each("flyer page", f"{campaign} {hour - back}") for back in range(3))
    return any(hmac.compare_digest(one[:32].encode(), token.encode()) for every in made for one in every)


def organization_of(campaign, version, code):
    """Whose pages acts are about (an id), or None."""
    where = _place_of(campaign, version, minute()) or (code and _place_of_code(code, minute()))
    return where[0] if where else None


def take(campaign, version, code, acts, *, visitor, source="beacon"):
    """Count acts on a campaign's page with a version of its template, or that somebody arrived by a code; returns how
    many are new as far as memory goes. What isn't ours is nothing."""
    place = _place_of(campaign, version, minute()) if campaign else None
    came = _place_of_code(code, minute()) if code else None
    moment, found = now(), 0
    for kind, attempt, channel in acts:
        where = came if kind == "arrive" else place
        if where is None:
            continue
        what = (visitor,) if kind in BY_DAY else (attempt, channel) if kind == "share" else (attempt,)
        key = _act_key(kind, code, visitor) if kind == "arrive" else _act_key(kind, where[1], *what)
        found += buffer.add(Act(kind, moment, source, key, *where))
    return found


def count_made(flyer, kind="generate"):
    """The same of what the server itself did for a flyer: it drew it, or gave its file away."""
    version = flyer.version
    key = _act_key(kind, flyer.campaign_id, flyer.attempt or flyer.public_id)
    where: tuple = flyer.organization_id, flyer.campaign_id, version.template_id, version.number
    return buffer.add(Act(kind, now(), "server", key, *where))


def minute():
    """The minute that it is: what is known of a campaign is asked for again in the next one."""
    return int(now().timestamp() // 60)


@lru_cache(maxsize=500)
def _place_of(campaign_id, version_id, minute):
    """(organization, campaign, template, version's number) where these belong together, or None."""
    with everywhere("a beacon names no organization"):
        campaign = FlyerCampaign.one(FlyerCampaign.id == campaign_id, FlyerCampaign.state != "draft")
        version = FlyerVersion.one(FlyerVersion.id == version_id)
    if campaign is None or version is None or campaign.organization_id != version.organization_id:
        return None
    return campaign.organization_id, campaign.id, version.template_id, version.number


@lru_cache(maxsize=2000)
def _place_of_code(code, minute):
    with everywhere("nor does it where somebody arrived"):
        flyer = Flyer.select().join(FlyerVia).where(FlyerVia.code == code).order_by(Flyer.id.desc()).first()
        version = flyer and flyer.version
    return flyer and (flyer.organization_id, flyer.campaign_id, version.template_id, version.number)


# --- what waits ----------------------------------------------------------------------------------------------------


class Buffer:
    """Acts that wait for the writer, and the thread that brings them there."""

    def __init__(self):
        self.lock, self.bell = threading.Lock(), threading.Event()
        self.forget()

    def forget(self):
        """Begin anew with nothing: another database is open."""
        self.waiting: deque = deque()
        self.shares: Counter = Counter()  # how many of a campaign wait
        self.known: OrderedDict = OrderedDict()
        self.lost, self.lost_from, self.thread, self.over = 0, None, None, False

    def add(self, act):
        """Whether it waits now: not where it is known, or there is no room."""
        with self.lock:
            if act.key in self.known:
                self.known.move_to_end(act.key)
                return False
            if len(self.waiting) >= ROOM or self.shares[act.campaign] >= SHARE:
                self.lost, self.lost_from = self.lost + 1, self.lost_from or act.at
                return False
            self.known[act.key] = None
            if len(self.known) > REMEMBERED:
                self.known.popitem(last=False)
            self.waiting.append(act)
            self.shares[act.campaign] += 1
            many = len(self.waiting) >= MANY
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._live, name="funnel", daemon=True)
                self.thread.start()
        if many:
            self.bell.set()
        return True

    def _live(self):
        while not self.over:
            self.bell.wait(EVERY)
            self.bell.clear()
            if self.thread is not threading.current_thread():
                return  # what waits now is of another database
            try:
                self.flush()
            except Exception:
                log.exception("events of flyers weren't written")
            finally:
                database.close()

    def flush(self):
        """Write all that waits, a piece at a time; returns how many rows are new. What can't be written waits on."""
        new = 0
        while batch := self._batch():
            try:
                new += _write(batch)
            except (Unavailable, GaveUp, WriterDown):
                with self.lock:
                    self.waiting.extendleft(reversed(batch))
                    self.shares.update(act.campaign for act in batch)
                break
            except IntegrityError:  # what they are of went meanwhile
                log.warning("events of flyers were let go of", exc_info=True)
                self._lose(len(batch), batch[0].at)
        with self.lock:
            lost, since, self.lost, self.lost_from = self.lost, self.lost_from, 0, None
        if lost:
            _note_gap(since, now(), lost)
        return new

    def _lose(self, count, since):
        with self.lock:
            self.lost, self.lost_from = self.lost + count, min(self.lost_from or since, since)

    def _batch(self):
        with self.lock:
            batch = [self.waiting.popleft() for _ in range(min(MANY, len(self.waiting)))]
            self.shares -= Counter(act.campaign for act in batch)  # which also forgets whose are none
            return batch

    def end(self):
        """Write what waits, and stop: the server is told to."""
        self.over = True
        self.bell.set()
        if self.thread is not None and self.thread.is_alive():
            self.thread.join(10)
        self.flush()
        self.over = False


buffer = Buffer()
wakes.on_wake(wakes.OPENED, buffer.forget)


# --- what is written -----------------------------------------------------------------------------------------------

NAMES = ("organization", "campaign", "template", "version", "kind", "at", "source", "key")


@writes
def _write(batch):
    """Add the acts that aren't there yet, and raise the sums by those: so the sums are always those of the rows."""
    rows = {act.key: act for act in sorted(batch, key=lambda act: act.key)}
    with everywhere("acts of all campaigns are written together"):
        templates, campaigns = (_living(table, rows.values()) for table in (FlyerTemplate, FlyerCampaign))
    values = [
        {name: getattr(act, name) for name in NAMES} | {"day": f"{act.at:%Y-%m-%d}"}
        for act in rows.values()
        if act.template in templates and (act.campaign is None or act.campaign in campaigns)
    ]
    if not values:
        return 0
    added = FlyerEvent.insert_many(values).on_conflict_ignore().returning(FlyerEvent.key).tuples().execute()
    new = [rows[bytes(key)] for (key,) in added]
    _raise_sums(new)
    return len(new)


def _living(table, acts):
    """The ids of the templates or campaigns of some acts that are still there."""
    name = "template" if table is FlyerTemplate else "campaign"
    ids = {getattr(act, name) for act in acts} - {None}
    return {id for (id,) in table.select(table.id).where(table.id << list(ids)).tuples()} if ids else set()


def _raise_sums(acts):
    sums = Counter()
    for act in acts:
        hour = act.at.replace(minute=0, second=0, microsecond=0)
        sums["template", act.template, act.kind, hour] += 1
        if act.campaign:
            sums["campaign", act.campaign, act.kind, hour] += 1
    if sums:
        names = ("scope", "scope_id", "kind", "hour", "n")
        rows = [dict(zip(names, (*place, count), strict=True)) for place, count in sorted(sums.items())]
        FlyerCount.insert_many(rows).on_conflict(
            conflict_target=[FlyerCount.scope, FlyerCount.scope_id, FlyerCount.kind, FlyerCount.hour],
            update={FlyerCount.n: FlyerCount.n + EXCLUDED.n},
        ).execute()


@writes
def _note_gap(since, until, lost):
    FlyerGap.create(from_at=since, until_at=until, lost=lost)
    log.warning("events of flyers were lost", extra={"count": lost})


@writes
def prune(limit=500):
    """Remove rows that are old, a few at a time; returns how many. The sums stay."""
    old = FlyerEvent.select(FlyerEvent.id).where(FlyerEvent.at < now() - KEPT).order_by(FlyerEvent.at).limit(limit)
    return FlyerEvent.delete().where(FlyerEvent.id << old).execute()
