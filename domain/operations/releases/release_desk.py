"""Releases as the staff's list, their notes, and the mark that one was rolled back."""

from dataclasses import replace

from peewee import CharField, fn

from database.clock import now
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import audit
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.kinds import Field, clean
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, both
from domain.lists.searches import Parts
from domain.operations.releases import deployments
from models import Release

STATUS = Choice(
    (
        ("queued", "Waiting", "quiet"),
        ("initializing", "Beginning", "quiet"),
        ("building", "Building", "info"),
        ("deploying", "Coming up", "info"),
        ("success", "Running", "good"),
        ("failed", "Failed", "bad"),
        ("crashed", "Crashed", "bad"),
        ("removed", "Replaced", "quiet"),
        ("unknown", "Unknown", "quiet"),
    )
)
VERDICT = Choice((("unknown", "Too little to say", "quiet"), ("well", "Well", "good"), ("worse", "Worse", "bad")))
MOST = 4000  # characters of notes


def may_be_marked(row):
    """Whether it means anything to say that a release was rolled back: it came up once, and isn't marked."""
    has_come_up = row.succeeded_at is not None or row.status in ("success", "crashed")
    return has_come_up and row.rolled_back_at is None


@writes
def mark(id, value, *, by):
    """Mark a release as rolled back, for a reason: who, when and why, which nothing overwrites. Refuses with NotFound,
    with Invalid without a reason, where it is marked, and where it never came up."""
    row, why = one(id), clean(value or "").strip()[:MOST]
    if not why:
        raise Invalid({"value": "Say why, for whoever reads it later."})
    if row.rolled_back_at is None and not may_be_marked(row):
        raise Refused("It never came up, so there was nothing to roll back.")
    values = {"rolled_back_at": now(), "rolled_back_by": by, "rolled_back_why": why}
    if not Release.update(**values).where(Release.id == row.id, Release.rolled_back_at.is_null()).execute():
        raise Refused("It is marked as rolled back already.")
    audit.record("releases.rolled_back", f"{_name(row)} was marked as rolled back", by=by, category="admin", target=row)
    return "Marked as rolled back."


@writes
def annotate(id, text, *, by, was=None):
    """Set the notes of a release. Refuses with NotFound, Invalid, and where somebody else wrote meanwhile."""
    row, notes = one(id), clean(text).strip()
    if len(notes) > MOST:
        raise Invalid({"notes": f"Write at most {MOST:,} characters."})
    if was is not None and clean(was).strip() != row.notes:
        raise Refused("Somebody else changed these notes meanwhile. Look at them before you write yours.")
    if notes != row.notes:
        Release.update(notes=notes).where(Release.id == row.id).execute()
        audit.record("releases.annotated", f"Notes of {_name(row)}", by=by, category="admin", target=row)


def one(id):
    """A release by its number. Refuses with NotFound."""
    return existing(Release.one(Release.id == id), "There is no such release.")


def _name(row):
    return row.commit_message.partition("\n")[0][:120] or row.deployment_id


def _marks(rows, _by):
    running = {row.id for row in deployments.current().values()}
    found = {}
    for row in rows:
        if row.rolled_back_at:
            found[row.id] = (("warn", "Rolled back"),)
        elif row.id in running:
            found[row.id] = (("good", "Current"),)
    return found


listing = Listing(
    *("releases", "release", "releases", Release),
    (
        Field("name", "Release", Text(120)),
        Field("status", "State", STATUS),
        Field("verdict", "Half an hour after", VERDICT),
        Field("environment", "Environment", Text(120), listed=False),
        Field("service", "Service", Text(120), listed=False),
        Field("short", "Commit", Code(), listed=False),
        Field("began_at", "Began", Moment(past=True)),
    ),
    (
        *both("began_at", "Oldest first", "Newest first", "down"),
        *both("environment", "By environment", "By environment, backwards"),
    ),
    joins=lambda query: query,
    elsewhere=(
        (
            "name",
            CharField(),
            fn.SUBSTR(fn.COALESCE(fn.NULLIF(Release.commit_message, ""), Release.deployment_id), 1, 120),
        ),
        ("short", CharField(), fn.SUBSTR(Release.commit_sha, 1, 8)),
    ),
    only=Release.is_ephemeral == False,  # noqa: E712
    search=Parts((Release.commit_message, Release.deployment_id, Release.environment, Release.commit_author)),
    notes=("Mark", _marks),
    acts=(
        Act(
            *("rollback", "Mark as rolled back", mark, "releases.annotate"),
            icon="arrow-back-up",
            when=may_be_marked,
            asks=lambda row, by: Field("value", "Why", Text(MOST, long=True)),
        ),
    ),
    also=("rolled_back_at", "succeeded_at"),
    under=("environment", "service", "commit_author"),
    ranges=("began_at",),
    chips="status",
    link=True,
    reads="releases.read",
    icon="rocket",
    about="What was deployed, as whoever deploys it tells, and how the site did in the half hour after.",
    empty=(("all", "Nothing was told yet. DEPLOYMENT_INGEST_TOKEN opens /railway/deployments/ingest."),),
)
previews = replace(
    listing,
    name="preview_releases",
    only=Release.is_ephemeral == True,  # noqa: E712
    title="Previews",
    about="Releases of environments that go again, as of pull requests.",
    acts=(),
)
