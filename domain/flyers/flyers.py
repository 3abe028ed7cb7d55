"""Flyers of visitors: made on a campaign's page, kept for a link for a while, theirs to hide, keep longer and delete.

Whoever makes one needs no account. It is managed by a secret that stands after the # of its manage link, so that no
server's log has it; we keep its hash. What is stored is the picture, its words and the hash of an address with the
day's salt. The photo is kept until the picture is drawn: domain/flyers/lane.py.
"""

import hashlib
import hmac
import shutil
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from database.clock import now
from database.columns import spelled, spoken_id
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import wake, writes
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import allowances, configuration, keys, outgoing, settings
from domain.events.referring import vias
from domain.events.reported import emblem, is_shown, organizer
from domain.fields.email import Usable
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.files import gate
from domain.flyers import designs, keeping, plans
from domain.flyers.organizing import templates
from domain.moderation import reports, salts
from models import Event, Flyer, FlyerCampaign, FlyerPicture, Organization

SOON = timedelta(days=3)  # before its end, when whoever left an address hears of it
TOKEN_HOURS = 2  # a page may be so old, or a part of an hour older, when its form is sent
MOST = 20_000  # flyers that a campaign keeps
FREE = 2 * 1024**3  # bytes that must stay free on the disk
UNNAMED = {"event.title": "an event"}  # where its page isn't open


def life():
    """How long a flyer is kept, and how much longer once."""
    return timedelta(days=settings.get("flyer_expiry_days"))


REACHED = (Field("email", "Your e-mail address", Usable()),)


class PageTooOld(Refused):
    """The page was open for hours: it has to be loaded again before its form is taken."""

    code, status = "PREVIEW_OLD", 409

    def __init__(self):
        super().__init__("This page was open for long. Load it again, then make your flyer.")


class NoRoom(Refused):
    """No more copies are kept just now; making and downloading on the device goes on."""

    code, status = "UNAVAILABLE", 503

    def __init__(self):
        super().__init__(
            "No more copies can be kept at the moment. Downloading still works; try the link later.", retry_after=600
        )


# --- the page's token ------------------------------------------------------------------------------------------------


def page_token(campaign):
    """What a campaign's page carries for its forms and beacons: good for two hours and part of one, and the same for
    all who have the page, so that it may be kept."""
    return _token(campaign, _hour())


def check_token(campaign, token):
    """Refuse with PageTooOld what no page of the last hours carried."""
    made = [one for back in range(TOKEN_HOURS + 1) for one in _tokens(campaign, _hour() - back)]
    if not any(hmac.compare_digest(one.encode(), token[:64].encode()) for one in made):
        raise PageTooOld()


def _hour():
    return int(now().timestamp() // 3600)


def _token(campaign, hour):
    return _tokens(campaign, hour)[0]


def _tokens(campaign, hour):
    return [made[:32] for made in keys.keyed_by_each("flyer page", f"{campaign.id} {hour}")]


# --- making one ------------------------------------------------------------------------------------------------------


def _words(design, form):
    """What the fields f_… of a form say, cleaned. Refuses with Invalid, by field."""
    given = {slot["key"]: form.get(f"f_{slot['key']}", "") for slot in designs.own(design["slots"])}
    try:
        return plans.cleaned(design, given)
    except Invalid as wrong:
        raise Invalid({f"f_{key}": sentence for key, sentence in wrong.fields.items()}) from None


def _crop(design, form, photo):
    """How the photo lies, out of the form's sliders; None without one. Refuses with Invalid."""
    given = {name: form[name][:40] for name in ("x", "y", "zoom", "turn") if form.get(name)}
    return plans.cropped(design, given if photo else None)


def make(campaign, version, form, photo, *, attempt, place, user=None):
    """Keep what somebody made on a campaign's page until it is drawn. `photo` is the bytes of a picture or empty,
    `attempt` the page's own number of it and `place` where it comes from. Returns (the flyer, its secret, whether it
    is new): the same sent again is the same flyer.

    The row is there before the photo, so that nothing lies in the store that no row knows. Refuses with Invalid, with
    what gate.py says of the photo, with NoRoom, with TooOften beyond three an hour with one address, and with
    stores.StoreDown: sent again, its photo is then brought.
    """
    design, photo = version.spec, photo if designs.photo(version.spec) else b""
    words = _words(design, form)
    crop, email = _crop(design, form, photo), read_whole(REACHED, form)["email"] or None
    if photo:
        gate.check(photo)
    hashed = hashlib.sha256(photo).hexdigest() if photo else None
    content = _content(version, words, crop, hashed, attempt)
    there = hashlib.sha256(salts.hashed(salts.day(), f"flyer {place}")).hexdigest()
    if known := _same(version, content):
        keeping.bring_photo(known, photo)
        return known, _secret(content, attempt), False
    _check_room(campaign)
    if email:
        allowances.spend_letter(email)
    public, secret = spoken_id(), _secret(content, attempt)
    about = {"fields": words, "crop": crop or {}, "content_hash": content, "address_hash": there, "attempt": attempt}
    about["email"] = email
    about |= {"in_hub": campaign.hub_ok and "in_hub" in form, "secret_hash": _hashed(secret), "user": user}
    about |= {"photo": hashed, "is_sending": bool(photo)}
    flyer, is_new = _begin(campaign, version, public, form.get("via", ""), **about)
    keeping.bring_photo(flyer, photo)
    return flyer, secret, is_new


def _content(version, words, crop, photo, attempt):
    """What it is made of, and in which attempt: two people of one name are two flyers, each deletes their own."""
    return hashlib.sha256(f"{plans.content_hash(version, words, crop, photo)} {attempt}".encode()).hexdigest()


def _same(version, content):
    return Flyer.one(Flyer.version == version, Flyer.content_hash == content)


def _check_room(campaign):
    kept = Flyer.select(Flyer.id).where(Flyer.campaign == campaign, Flyer.state << Flyer.KEPT)
    if kept.offset(MOST - 1).limit(1).first() or shutil.disk_usage(configuration.active.data).free < FREE:
        raise NoRoom()


@writes
def _begin(campaign, version, public, through="", **about):
    lock("form", f"flyer {about['content_hash']}")
    if known := _same(version, about["content_hash"]):
        return known, False
    event = campaign.event
    if event and event.is_known:
        about["via"] = vias.of(event, user=about["user"], through=through)
    about |= {"organization": campaign.organization_id, "campaign": campaign, "version": version, "public_id": public}
    wake("flyers")
    return Flyer.create(**about, expires_at=now() + life()), True


# --- its manage link -------------------------------------------------------------------------------------------------


def _secret(content, attempt):
    """The secret of a manage link. It follows from what was sent, the attempt too, which nobody else knows: an answer
    that got lost can be given again."""
    return keys.keyed("flyer manage", f"{content} {attempt}")[:32]


def _hashed(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


def find(public_id):
    """The flyer at this address, whoever's campaign it is in, whatever its state. Refuses with NotFound."""
    with everywhere("a flyer's address names no organization"):
        if flyer := Flyer.one(Flyer.public_id == public_id[:40]):
            return flyer
    raise NotFound("There is no such flyer.")


def find_shown(public_id):
    """The same for strangers: not of an organization that is suspended or gone. Refuses with NotFound."""
    flyer = find(public_id)
    if flyer.organization.status != "active":
        raise NotFound("There is no such flyer.")
    return flyer


def check_holder(flyer, secret):
    """Refuse with Forbidden who doesn't have the secret of its manage link."""
    if not hmac.compare_digest(flyer.secret_hash.encode(), _hashed(secret[:64]).encode()):
        raise Forbidden("That isn’t the secret of this flyer. Open the link that you were given when you made it.")


def show_in_hub(flyer):
    """Let its picture stand in the hub. Refuses where its campaign shows none."""
    if not (flyer.campaign_id and flyer.campaign.hub_ok):
        raise Refused("This campaign shows no pictures on the page of all flyers.")
    _set_in_hub(flyer, True)


def hide_from_hub(flyer):
    """Don't let its picture stand in the hub."""
    _set_in_hub(flyer, False)


@writes
def _set_in_hub(flyer, is_shown):
    Flyer.update(in_hub=is_shown).where(Flyer.id == flyer.id, Flyer.state << Flyer.KEPT).execute()


@writes
def extend(flyer):
    """Keep it a life longer, once. Refuses where it was kept longer already, or isn't there any more."""
    rows = Flyer.update(extended_at=now(), expires_at=flyer.expires_at + life()).where(
        Flyer.id == flyer.id, Flyer.extended_at.is_null(), Flyer.state << Flyer.KEPT
    )
    if not rows.execute():
        raise Refused("It can be kept longer only once.", "INVALID_TRANSITION")


@writes
def reach(flyer, form):
    """Have its end told to an `email`, once; an empty one is forgotten. Refuses with Invalid, and with TooOften."""
    email = read_whole(REACHED, form)["email"] or None
    if email:
        allowances.spend_letter(email)
    Flyer.update(email=email).where(Flyer.id == flyer.id, Flyer.state << Flyer.KEPT).execute()


def tell_of_ends(limit):
    """Write to whoever left an address that their flyer ends soon, once each; returns how many."""
    with everywhere("flyers of every organization end alike"):
        soon = Flyer.expires_at > now(), Flyer.expires_at <= now() + SOON, spelled("file IS NOT NULL")
        left = Flyer.state == "ready", Flyer.email.is_null(False), Flyer.told_at.is_null()
        found = Flyer.select(Flyer, Organization).join(Organization).where(*soon, *left)
        due = list(found.where(Organization.status == "active").order_by(Flyer.expires_at).limit(limit))
    for flyer in due:
        with inside(flyer.organization_id):
            _tell_of_end(flyer)
    return len(due)


@writes
def _tell_of_end(flyer):
    told = Flyer.update(told_at=now()).where(Flyer.id == flyer.id, Flyer.told_at.is_null(), Flyer.state == "ready")
    if told.execute():
        secret = _secret(flyer.content_hash, flyer.attempt)
        mark = f"#{secret}" if _hashed(secret) == flyer.secret_hash else ""  # not under a key that was changed since
        said = {"until": until(flyer), "may_extend": flyer.extended_at is None}
        shown = seen(flyer)
        said |= {"name": shown.campaign.name if shown.campaign else ""}
        link = f"{configuration.active.site_url}/f/{flyer.public_id}/mine{mark}"
        about = {"good_until": flyer.expires_at, "link": link, "emblem": emblem(flyer)}
        outgoing.letter("flyer_ending", flyer.email, f"flyer_ending:{flyer.id}", **about, **said)


def delete(flyer):
    """Remove its pictures, its words and its place in the hub, for whoever made it. Asked again, nothing happens."""
    keeping.end(flyer, "removed", "owner")


# --- what a page of a version needs ----------------------------------------------------------------------------------


def picture_of(version, sha256):
    """(type, bytes) of a picture that the version names. Refuses with NotFound."""
    if sha256 in version.files:
        with inside(version.organization_id):
            about = FlyerPicture.one(FlyerPicture.sha256 == sha256)
        if about and (data := keeping.picture(version.organization_id, sha256)):
            return about.type, data
    raise NotFound("There is no such picture.")


# --- how it stands ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """A flyer as its page shows it; `campaign` and `event` are None where their pages aren't open."""

    flyer: Flyer
    state: str
    organizer: str
    campaign: FlyerCampaign | None
    event: Event | None
    size: list
    alt: str
    summary: str
    until: str
    ends_soon: bool
    via: str
    is_outdated: bool


def state_of(flyer):
    """How it stands now: its time may be over before that is written down, a report may have hidden it, and it is
    «closed» while strangers don't see the event whose words are in it."""
    if flyer.state in Flyer.KEPT and flyer.expires_at <= now():
        return "expired"
    if flyer.state != "ready":
        return flyer.state
    if reports.is_hidden("flyer", flyer.id):
        return "flagged"
    with inside(flyer.organization_id):
        return "ready" if templates.may_be_seen(flyer.version) else "closed"


def seen(flyer):
    """What its page and its manage link show, in its organization."""
    version, campaign = flyer.version, flyer.campaign
    template = version.template
    bound = version.spec.get("bound", {}) if templates.may_be_seen(version) else {}
    event = (campaign and campaign.event) or template.event
    is_open = campaign and campaign.state != "draft" and not reports.is_hidden("campaign", campaign.id)
    return Seen(
        flyer,
        state_of(flyer),
        organizer(flyer),
        campaign if is_open else None,
        event if event and is_shown(event) else None,
        version.spec["size"],
        alt(flyer),
        " · ".join(part for part in (bound.get("event.when"), bound.get("event.where")) if part),
        until(flyer),
        flyer.expires_at - now() <= SOON,
        flyer.via.code if flyer.via_id else "",
        bool(template.live_version and version.number < template.live_version),
    )


def until(flyer):
    """The day up to which it is kept, in its campaign's zone."""
    zone = ZoneInfo(flyer.campaign.zone if flyer.campaign_id else "UTC")
    return f"{flyer.expires_at.astimezone(zone):%-d %B %Y}"


def alt(flyer):
    """What its picture shows, for who doesn't see it: «Amara is going to Jazz Night»."""
    own = next((text for text in flyer.fields.values() if text), "")
    spec = flyer.version.spec | ({} if templates.may_be_seen(flyer.version) else {"bound": UNNAMED})
    return plans.described(spec, {"name": own or "Somebody"} | {k: v for k, v in flyer.fields.items() if v})
