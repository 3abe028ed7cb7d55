"""The line of reported things, for who decides: an organization about what people made with it, the platform's staff
about the rest and about appeals."""

from dataclasses import replace

from database.clock import now
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import wake, writes
from domain import Forbidden, Refused, existing
from domain.base import history, outgoing
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.switch import Switch
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing, Sort
from domain.lists.searches import Parts
from domain.moderation import reports, subjects
from domain.people import admins
from models import Membership, ModerationItem, ModerationReport

STATE = Choice((("open", "To decide", "warn"), ("approved", "Shown", "good"), ("removed", "Removed", "bad")))
SUBJECT = Choice(
    (
        ("event", "Event’s page", ""),
        ("organization", "Organizer’s name", ""),
        ("flyer", "Flyer", ""),
        ("template", "Template", ""),
        ("campaign", "Campaign", ""),
        ("record", "Form or view of a table", ""),
    )
)
SOURCE = Choice((("report", "Reports", ""), ("auto", "Not looked at yet", ""), ("appeal", "An appeal", "info")))


class Decided(Refused):
    """Somebody else has decided it meanwhile."""

    code = "INVALID_TRANSITION"


# --- deciding -------------------------------------------------------------------------------------------


def item(id):
    """What is in line, where one stands. Refuses with NotFound."""
    return existing(ModerationItem.one(ModerationItem.id == id), "This report isn't here, or it isn't yours to see.")


def anywhere(id):
    """The same for the platform's staff, whosever it is. Refuses with NotFound."""
    with everywhere("the platform's staff decides about all organizations"):
        return item(id)


def reports_of(item):
    """What was said against it, the newest first, also what was withdrawn."""
    with inside(item.organization_id):
        found = ModerationReport.select().where(ModerationReport.item == item)
        return list(found.order_by(ModerationReport.id.desc()).limit(100))


def decide(id, verdict, *, by):
    """Decide what is in line: `approved` shows it, and reports hide it no more; `removed` hides it for good, and an
    organization may appeal once. `by` is a Member whose organization decides it, or a user of the platform's staff.

    Refuses with Forbidden, NotFound, and with Decided where it was decided already.
    """
    if getattr(by, "organization", None) is not None:
        by.require("flyers.moderate")
        if item(id).is_for_platform:
            raise Forbidden("The staff of this site decides this one. You can ask for a review.")
        return _decide(id, verdict, by)
    if not admins.may(by, "moderation.review"):
        raise Forbidden("Your role on this site doesn't include that.")
    with inside(anywhere(id).organization_id):
        return _decide(id, verdict, by)


@writes
def _decide(id, verdict, by):
    was = item(id)
    lock("moderation", f"{was.subject} {was.subject_id}")
    before = ("open", "removed") if verdict == "approved" else ("open",)
    seen, user = subjects.of(was.subject).again(was.subject_id), getattr(by, "user", by)
    moved = ModerationItem.update(
        state=verdict,
        is_hidden=verdict == "removed",
        is_urgent=False,
        content_hash=seen and seen.content_hash,
        reviewer=user,
        decided_at=now(),
    ).where(ModerationItem.id == id, ModerationItem.state << before)
    if not moved.execute():
        raise Decided("Somebody has decided this meanwhile.")
    if verdict == "approved":  # what was removed before an appeal is shown by it too
        older = ModerationItem.subject == was.subject, ModerationItem.subject_id == was.subject_id
        ModerationItem.update(is_hidden=False).where(*older).execute()
    subjects.of(was.subject).decided(was.subject_id, verdict == "removed")
    wake("moderation")
    history.note(
        *("moderation.decided", f"{was.title}: {STATE.plain(verdict).lower()}", was),
        by=by,
        organization=was.organization,
        category="admin",
        field="state",
        before=was.state,
        after=verdict,
    )
    _tell_of_decision(was, verdict, user)
    return f"{was.title} is {'shown' if verdict == 'approved' else 'removed'}."


def _tell_of_decision(item, verdict, user):
    """Tell its organization, and who left an address with their report."""
    ended = "is shown again" if verdict == "approved" and item.is_hidden else "stays as it is"
    title = f"{item.title} {'was removed' if verdict == 'removed' else ended}"
    key = f"moderation:{item.id}:{verdict}"
    for keeper in Membership.keepers(item.organization):
        if keeper != user:
            link = f"/{item.organization.slug}/reports/decided"
            outgoing.notify(
                *(keeper, "moderation.decided", key, title),
                body=reports.WHY.plain(item.reason),
                link=link,
                organization=item.organization,
            )
    for one in reports.standing(item):
        if one.reply_to and one.replied_at is None:
            said = "removed" if verdict == "removed" else "left where it is"
            outgoing.letter("report_decided", one.reply_to, f"report:{one.id}", title=item.title, decision=said)
            ModerationReport.update(replied_at=now()).where(ModerationReport.id == one.id).execute()


def approve(id, *, by):
    """Show it."""
    return decide(id, "approved", by=by)


def remove(id, *, by):
    """Remove it."""
    return decide(id, "removed", by=by)


def ask_again(id, words, *, by):
    """Ask the platform's staff for a review of what is hidden or was removed."""
    by.require("events.publish")
    found = item(id)
    return reports.appeal(found.subject, found.subject_id, words, by=by)


# --- as lists -------------------------------------------------------------------------------------------

_FIELDS = (
    Field("title", "What", Text(200)),
    Field("subject", "Kind", SUBJECT),
    Field("reason", "Why", reports.WHY),
    Field("is_hidden", "Hidden", Switch()),
    Field("state", "State", STATE),
    Field("source", "Because of", SOURCE),
    Field("created_at", "Since", Moment(past=True)),
    Field("decided_at", "Decided", Moment(past=True)),
)
_URGENT = Sort("urgent", "Most urgent first", "is_urgent", descending=True)
_APPROVAL = Act(
    *("approval", "Show it", approve, "moderation.review"),
    confirm="Show {name}? Reports hide it no more as long as it stays as it is.",
    icon="check",
    bulk=True,
)
_REMOVAL = Act(
    *("removal", "Remove it", remove, "moderation.review"),
    confirm="Remove {name}? Nobody outside sees it any more.",
    icon="x",
    tone="danger",
    bulk=True,
)


def _notes(found, by):
    """Badges: what is urgent, and an appeal's own words."""
    with (
        everywhere("the platform's staff decides about all organizations")
        if by.organization is None
        else inside(by.organization)
    ):
        rows_ = ModerationItem.select().where(ModerationItem.id << [row.id for row in found]) if found else ()
        return {row.id: note for row in rows_ if (note := _badges(row))}


def _badges(row):
    urgent = (("bad", "Urgent"),) * row.is_urgent
    appeal = (("info", f"Asks: {row.appeal[:80]}"),) if row.appeal else ()
    return urgent + appeal


_line = Listing(
    *("reports", "report", "reports", ModerationItem),
    tuple(replace(field, listed=field.name not in ("state", "decided_at")) for field in _FIELDS),
    (_URGENT, *NEWEST),
    only=(ModerationItem.state == "open") & ModerationItem.is_for_platform,
    search=Parts((ModerationItem.title,)),
    acts=(_APPROVAL, _REMOVAL),
    notes=("Look at", _notes),
    also=("state", "is_urgent", "is_for_platform", "subject_id", "path"),
    hears="moderation_item",
    link=lambda row: f"/admin/reports/{row.id}",
    reads="moderation.review",
    chips="subject",
    icon="flag",
    title="Reports",
    about="What the public sees and somebody reported. Most urgent first; what is hidden stays so until you decide.",
    empty=(("all", "Nothing waits for a decision."),),
)
platform = rows.Rules(_line)
platform_decided = rows.Rules(
    replace(
        _line,
        name="decisions",
        fields=_FIELDS,
        only=(ModerationItem.state != "open"),
        sorts=NEWEST,
        acts=(replace(_APPROVAL, when=lambda row: row.state == "removed"),),
        chips="state",
        title="Decided",
        about="What was decided about reports, by you and by organizations.",
        empty=(("all", "Nothing was decided yet."),),
    )
)


def _is_mine(row):
    return not row.is_for_platform


def _to_look_at(row):
    """A flyer's own page, where who decides sees it while it is hidden."""
    return row.path if row.subject == "flyer" else None


_APPEAL = Act(
    *("appeal", "Ask for a review", ask_again, "events.publish"),
    asks=lambda row, by: Field("words", "Why should it be shown?", Text(1000, long=True), True),
    when=lambda row: row.is_hidden and (row.is_for_platform or row.state == "removed"),
)
_MINE = (
    replace(_APPROVAL, capability="flyers.moderate", when=_is_mine),
    replace(_REMOVAL, capability="flyers.moderate", when=_is_mine),
)
of_organization = rows.Rules(
    replace(
        _line,
        name="reports_here",
        only=ModerationItem.state == "open",
        acts=(*_MINE, _APPEAL),
        link=_to_look_at,
        reads="flyers.moderate",
        about="What was reported of what you show. You decide about flyers, the staff of this site about the rest.",
    )
)
of_organization_decided = rows.Rules(
    replace(
        _line,
        name="decisions_here",
        fields=_FIELDS,
        only=ModerationItem.state != "open",
        sorts=NEWEST,
        acts=(replace(_MINE[0], when=lambda row: _is_mine(row) and row.state == "removed"), _APPEAL),
        link=lambda row: None,
        reads="flyers.moderate",
        chips="state",
        title="Decided",
        about="What was decided about reports. What was removed can be looked at once more, if you ask.",
        empty=(("all", "Nothing was decided yet."),),
    )
)
