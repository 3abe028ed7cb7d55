"""Reports of what is public: who reports, when enough have, and what is hidden from then on until somebody has looked.

Three different people hide a thing; of what its organization decides itself (flyers) one does, where it shows somebody,
a child, or private data. Repeated and withdrawn reports don't count, those of one network count once, and what was
approved isn't hidden by reports again. Why: docs/decisions/moderation.md
"""

from database.clock import now
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import wake, writes
from database.waking.table_caches import TableCache
from domain import Invalid, NotFound, Refused
from domain.base import allowances, changes, outgoing
from domain.fields.choice import Choice
from domain.fields.email import Usable
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.text import Text
from domain.moderation import salts, subjects
from domain.people import admins
from models import Membership, ModerationItem, ModerationReport, Organization

ENOUGH = 3  # different people
GRAVE = ("shows_me", "child", "private")  # stands first in line, and hides a flyer at once
PERSON = 32  # so many letters of a reporter say who counts as one
REASON = Choice(
    (  # the gravest first
        ("shows_me", "It shows me, and I don’t want that", "bad"),
        ("child", "It shows a child", "bad"),
        ("private", "It tells private data", "bad"),
        ("violence", "Violence or threats", "warn"),
        ("hate", "Hate", "warn"),
        ("sexual", "Sexual content", "warn"),
        ("fraud", "Fraud, or somebody else’s name", "warn"),
        ("spam", "Advertising or spam", "quiet"),
        ("other", "Something else", "quiet"),
    )
)
UNSEEN, SCREENED = "unscreened", "screened"  # why something is in line that nobody reported
WHY = Choice(
    (
        *REASON.options,
        (UNSEEN, "Nobody has looked at it yet", "info"),
        (SCREENED, "A program found something in it", "warn"),
    )
)
FORM = (
    Field("reason", "What is wrong with it?", REASON, True, missing="Choose what is wrong with it."),
    Field("note", "What should we know? (optional)", Text(1000, long=True)),
    Field("reply_to", "Your e-mail address, if you want to hear what was decided (optional)", Usable()),
)


class Hidden(NotFound):
    """It is hidden until somebody has looked, or was removed."""

    code = "NOT_FOUND"


# --- what is hidden -------------------------------------------------------------------------------------


def _read():
    with everywhere("what is hidden is hidden from all who come by"):
        return frozenset(
            ModerationItem.select(ModerationItem.subject, ModerationItem.subject_id)
            .where(ModerationItem.is_hidden)
            .tuples()
        )


_hidden = TableCache("moderation", _read)


def is_hidden(kind, id):
    """Whether nobody outside may see it. Asked of memory: on every public page."""
    return (kind, id) in _hidden.rows()


def check_shown(kind, id):
    """Refuse with Hidden what nobody outside may see."""
    if is_hidden(kind, id):
        raise Hidden("This page was reported and is hidden until somebody has looked at it.")


# --- reporting ------------------------------------------------------------------------------------------


def reporter(user, network, browser):
    """How somebody who reports is told from others: their account, or for thirty days a hash of the network they come
    from, and one of what their browser calls itself there. The first PERSON letters say who counts as one: a browser
    calls itself what it likes, so a network is one person, whose browsers each take back their own report."""
    if user is not None:
        return f"account:{user.id}"
    parts = network, f"{network}|{browser[:400]}"
    return "".join(salts.hashed(salts.month(), part).hex()[:PERSON] for part in parts)


@writes
def report(seen, form, *, by):
    """Report a public thing; `by` is a `reporter`. Returns whether it is hidden now. Reported again by the same one, it
    is the same report in other words; `reply_to` is an address that hears what was decided.

    Refuses with Invalid, with Hidden what was removed, and with TooOften beyond three letters an hour to it.
    """
    values = read_whole(FORM, form)
    if values["reply_to"]:
        allowances.spend_letter(values["reply_to"])
    with inside(seen.organization):
        lock("moderation", f"{seen.kind} {seen.id}")
        if (newest := _newest(seen.kind, seen.id)) and newest.state == "removed":
            raise Hidden("It was removed already.")
        item = _open(seen) or _begin(seen, values["reason"])
        words = {name: value or None for name, value in values.items()}
        mine = ModerationReport.item == item, ModerationReport.reporter == by
        if ModerationReport.one(*mine):
            ModerationReport.update(**words, withdrawn_at=None).where(*mine).execute()
        else:
            ModerationReport.create(item=item, reporter=by, **words)
        return _count(item, seen)


@writes
def withdraw(seen, *, by):
    """Take one's own report back: it doesn't count any more. Refuses with NotFound where there is none."""
    with inside(seen.organization):
        lock("moderation", f"{seen.kind} {seen.id}")
        item = _open(seen)
        mine = item and ModerationReport.one(
            ModerationReport.item == item, ModerationReport.reporter == by, ModerationReport.withdrawn_at.is_null()
        )
        if not mine:
            raise NotFound("There is no report of yours that could be taken back.")
        ModerationReport.update(withdrawn_at=now()).where(ModerationReport.id == mine.id).execute()
        _count(item, seen)


def _open(seen):
    return ModerationItem.one(
        ModerationItem.subject == seen.kind, ModerationItem.subject_id == seen.id, ModerationItem.state == "open"
    )


def _begin(seen, reason, **values):
    """A new item, in the present transaction."""
    if "is_for_platform" not in values:
        values["is_for_platform"] = subjects.of(seen.kind).for_platform
    return ModerationItem.create(
        **{"organization": seen.organization, "subject": seen.kind, "subject_id": seen.id},
        **{"title": seen.title, "path": seen.path or None, "reason": reason} | values,
    )


def _is_immune(seen):
    """Whether it was approved as it is: its newest decision says so, and it has the words that were looked at."""
    newest = (
        ModerationItem.select()
        .where(
            ModerationItem.subject == seen.kind,
            ModerationItem.subject_id == seen.id,
            ModerationItem.state != "open",
        )
        .order_by(ModerationItem.id.desc())
        .first()
    )
    return newest is not None and newest.state == "approved" and newest.content_hash == seen.content_hash


def standing(item):
    """The reports that stand: none that was withdrawn."""
    mine = ModerationReport.item == item, ModerationReport.withdrawn_at.is_null()
    return list(ModerationReport.select().where(*mine).order_by(ModerationReport.id))


def _count(item, seen):
    """Say anew how grave it is and whether it is hidden; returns whether it is."""
    found = standing(item)
    is_grave = any(one.reason in GRAVE for one in found)
    people = {one.reporter[:PERSON] for one in found}
    alone = is_grave and not subjects.of(seen.kind).for_platform  # nobody's sale ends by one stranger's word
    enough = (alone or len(people) >= ENOUGH) and not _is_immune(seen)
    hides = enough or (item.is_hidden and item.source != "report")
    gravest = min((one.reason for one in found), key=REASON.words.index, default=item.reason)
    ModerationItem.update(is_hidden=hides, is_urgent=is_grave or item.source == "appeal", reason=gravest).where(
        ModerationItem.id == item.id
    ).execute()
    organization = Organization.get_by_id(seen.organization)
    changes.record(organization, "moderation_item", item.id, "updated" if len(found) > 1 else "created")
    wake("moderation")
    if hides and not item.is_hidden:
        _tell_hidden(item, seen, organization)
    if item.is_for_platform and (len(found) == 1 or is_grave > item.is_urgent):
        _tell_staff(item, is_grave)
    return hides


def _tell_hidden(item, seen, organization):
    title = f"{seen.title} is hidden until somebody has looked at it"
    said = "It was reported. You can ask for a review." if item.is_for_platform else "It was reported: please decide."
    for user in Membership.keepers(organization):
        outgoing.notify(
            *(user, "moderation.hidden", f"moderation:{item.id}:hidden", title),
            body=f"{WHY.plain(item.reason)}. {said}",
            link=f"/{organization.slug}/reports",
            organization=organization,
        )


def _tell_staff(item, is_grave):
    title = f"{'Urgent: ' if is_grave else ''}{item.title} was reported"
    for admin in admins.people():
        if admins.may(admin, "moderation.review"):
            key = f"moderation:{item.id}{':urgent' * is_grave}"
            outgoing.notify(admin, "admin.report", key, title, link=f"/admin/reports/{item.id}")


# --- asking for a review --------------------------------------------------------------------------------


def may_appeal(kind, id):
    """Whether what is hidden can be looked at once more by the platform's staff; once for each removal."""
    newest = _newest(kind, id)
    return newest is not None and newest.is_hidden and newest.appeal is None


@writes
def appeal(kind, id, words, *, by=None):
    """Ask the platform's staff to look at what is hidden or was removed, in the organization one stands in: by a
    member, or by whoever holds the thing's own secret (None). Refuses with Refused where it was asked already."""
    words = (words or "").strip()[:1000]
    if not words:
        raise Invalid({"appeal": "Say why it should be shown."})
    lock("moderation", f"{kind} {id}")
    if not may_appeal(kind, id):
        raise Refused("A review was asked for already, or it isn't hidden any more.", "INVALID_TRANSITION")
    item = _newest(kind, id)
    if item.state == "open":
        ModerationItem.update(appeal=words, is_for_platform=True, is_urgent=True).where(
            ModerationItem.id == item.id
        ).execute()
    else:
        seen = subjects.Seen(kind, id, item.organization_id, item.title, "", item.path or "")
        more = {"source": "appeal", "appeal": words, "is_for_platform": True, "is_urgent": True, "is_hidden": True}
        item = _begin(seen, item.reason, **more)
    changes.record(item.organization, "moderation_item", item.id, "updated", by=getattr(by, "user", by))
    wake("moderation")
    _tell_staff(item, True)
    return "The staff of this site looks at it. You hear what is decided."


def _newest(kind, id):
    return (
        ModerationItem.select()
        .where(ModerationItem.subject == kind, ModerationItem.subject_id == id)
        .order_by(ModerationItem.id.desc())
        .first()
    )


# --- looked at without a report -------------------------------------------------------------------------


@writes
def put_in_line(seen, reason, *, hides=False):
    """Have somebody look at a thing that nobody reported, in the organization one stands in; once while it is open."""
    lock("moderation", f"{seen.kind} {seen.id}")
    if _open(seen) is None:
        item = _begin(seen, reason, source="auto", is_hidden=hides)
        changes.record(item.organization, "moderation_item", item.id, "created")
        wake("moderation")
