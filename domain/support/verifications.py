"""Organizations ask that their name be looked at; where it is theirs, their public pages bear a mark.

The mark is of the name that was looked at: with another name an organization has none, until it asks again.
"""

from database.clock import now
from database.locks import lock
from database.scope import inside
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import audit, history, outgoing
from domain.fields.choice import Choice
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, both
from domain.lists.searches import Parts
from models import Organization, User, Verification

STATE = Choice(
    (
        ("pending", "Waiting", "info"),
        ("approved", "Marked", "good"),
        ("rejected", "Not marked", "bad"),
        ("withdrawn", "Taken back", "quiet"),
    )
)
FORM = (
    Field("words", "Who you are", Text(2000, 20, long=True), True, help="What you do, and how we see that it is you."),
    Field("links", "Where one sees it", Text(1000, long=True), help="Your own site or a register, a line each."),
)


def newest(organization):
    """What an organization asked last; None when it never has."""
    asked = Verification.select().where(Verification.organization == organization)
    return asked.order_by(Verification.id.desc()).first()


@writes
def ask(form, *, by):
    """Ask for the mark. Refuses with Invalid, and while it has the mark or somebody is looking."""
    by.require("organization.verify")
    organization = Organization.get_by_id(by.organization.id)
    if organization.is_verified:
        raise Refused(f"{organization.name} bears the mark already.")
    values = {name: value or "" for name, value in read_whole(FORM, form).items()}
    facts = {"organization": organization, "asked_by": by.user, "name": organization.name}
    lock("verification", organization.id)
    if (last := newest(organization)) and last.state == "pending":
        raise Refused("You have asked already; somebody will look.")
    Verification.create(**values, **facts)
    audit.record("organization.verification_asked", "Asked for the mark", by=by.user, organization=organization)


@writes
def take_back(*, by):
    """Ask no longer."""
    by.require("organization.verify")
    mine = Verification.organization == by.organization.id, Verification.state == "pending"
    if not Verification.update(state="withdrawn", decided_at=now()).where(*mine).execute():
        raise Refused("Nothing waits to be looked at.")
    audit.record("organization.verification_taken_back", "Took it back", by=by.user, organization=by.organization)


def one(id):
    """Refuses with NotFound."""
    return existing(Verification.one(Verification.id == (id or 0)), "Nobody asked for this.")


@writes
def approve(id, *, by):
    """Mark the name that was asked for. Refuses where it has another name by now."""
    row = one(id)
    if row.organization.status != "active" or row.organization.name != row.name:
        raise Refused(f"It isn't called {row.name} any more, or isn't open: they ask again, or you say no.")
    _decide(row, "approved", None, by)
    return f"{row.name} bears the mark."


@writes
def reject(id, reason, *, by):
    """Say no, and why. Refuses with Invalid without a reason."""
    if not (reason or "").strip():
        raise Invalid({"value": "Say why: they get it as you write it."})
    row = one(id)
    _decide(row, "rejected", reason.strip(), by)
    return "They are told why."


@writes
def end(id, reason, *, by):
    """Take the mark from who has it, and say why."""
    if not (reason or "").strip():
        raise Invalid({"value": "Say why: they get it as you write it."})
    row = one(id)
    ended = Verification.update(state="rejected", reason=reason.strip(), decided_at=now(), decided_by=by)
    if not ended.where(Verification.id == id, Verification.state == "approved").execute():
        raise Refused("It doesn't bear the mark.")
    _tell_decision(row, "rejected", reason.strip(), by)
    return f"{row.name} bears no mark any more."


def _decide(row, state, reason, by):
    values = {"state": state, "reason": reason, "decided_at": now(), "decided_by": by}
    waiting = Verification.id == row.id, Verification.state == "pending"
    if not Verification.update(**values).where(*waiting).execute():
        raise Refused(f"It is decided already: {STATE.plain(row.state).lower()}.")
    _tell_decision(row, state, reason, by)


def _tell_decision(row, state, reason, by):
    """Mark the name or take the mark away, and tell who asked."""
    organization, is_approved = row.organization, state == "approved"
    name = row.name if is_approved else None
    said = f"{organization.name} {'bears the mark' if is_approved else 'bears no mark'}"
    with inside(organization):
        Organization.update(verified_as=name).where(Organization.id == organization.id).execute()
        facts = {"field": "verified_as", "before": organization.verified_as, "after": name}
        history.note(f"organization.{state}", said, organization, by=by, organization=organization, **facts)
    if row.asked_by_id is None or not outgoing.belongs(row.asked_by_id, row.organization_id):
        return
    link, key = f"/{organization.slug}/verification", f"verification:{row.id}:{state}"
    told = {"name": row.asked_by.name, "organization": organization.name, "is_approved": is_approved}
    told |= {"reason": reason or "", "link": outgoing.whole(link)}
    about = row.asked_by, organization
    outgoing.letter("verification_result", row.asked_by.email, key, about=about, **told)
    outgoing.notify(row.asked_by, "support.verification", key, said, body=reason, link=link, organization=organization)


def _askers(shown, by):
    there = Verification.select(Verification, User).join(User, on=Verification.asked_by == User.id)
    there = there.where(Verification.id << [row.id for row in shown]) if shown else ()
    return {row.id: (("quiet", row.asked_by.name),) for row in there}


listing = Listing(
    *("verifications", "request", "requests", Verification),
    (
        Field("name", "Organization", Text(120)),
        Field("state", "State", STATE),
        Field("created_at", "Asked", Moment(past=True)),
        Field("decided_at", "Decided", Moment(past=True)),
    ),
    both("created_at", "Oldest first", "Newest first", "down"),
    search=Parts((Verification.name, Verification.words)),
    acts=(
        Act(
            *("approval", "Mark the name", approve, "support.write"),
            when=lambda row: row.state == "pending",
            confirm="Mark {name} as looked at? All its public pages bear it.",
        ),
        Act(
            *("refusal", "Say no", reject, "support.write"),
            asks=lambda row, by: Field("value", "Why", Text(1000, 1, long=True), True),
            when=lambda row: row.state == "pending",
        ),
        Act(
            *("end", "Take the mark away", end, "support.write"),
            asks=lambda row, by: Field("value", "Why", Text(1000, 1, long=True), True),
            when=lambda row: row.state == "approved",
            tone="danger",
        ),
    ),
    notes=("Asked by", _askers),
    chips="state",
    under=("words", "links", "reason"),
    reads="support.write",
    icon="rosette-discount-check",
    title="Names to look at",
    about="Organizations that want the mark that their name was looked at. It goes with another name.",
    empty=(("all", "Nobody has asked."),),
)
