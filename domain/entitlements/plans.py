"""The plans: what each gives. What they cost, their provider knows (domain/money/pricing.py).

Keys, intervals and provider ids stand here and in the environment. What is shown and what is included an
admin may change; `get` is the one door to a plan as it is now.
"""

from dataclasses import dataclass, replace

from database.clock import now
from database.compiled import CompiledRows
from database.locks import lock
from database.parameters import parameter
from database.scope import everywhere
from database.transactions import wake, writes
from database.waking.table_caches import TableCache
from domain import NotFound, Refused, Stale
from domain.base import audit, long_jobs, settings
from domain.fields.forms import fingerprint, read_whole
from domain.fields.kinds import Field, Kind, Unfit
from domain.fields.number import Number, counted
from domain.fields.text import Text
from models import AuditEvent, Grant, PlanOverride

PAID = ("feature.pro", "workspace.members.invite", "workspace.members.limit.10", "billing.portal")

# What a plan can include. domain/base/roles.py asks for some of them, domain/entitlements/grants.py for the limits.
CAPABILITIES = {
    "feature.pro": "Everything that is marked Pro",
    "workspace.members.invite": "Inviting members",
    "workspace.members.limit.3": "Up to 3 members",
    "workspace.members.limit.10": "Up to 10 members",
    "workspace.members.limit.seats": "As many members as seats are paid for",
    "workspace.members.limit.unlimited": "Any number of members",
    "billing.portal": "The customer portal, with invoices and cards",
}
SEATS = {"workspace.members.limit.3": 3, "workspace.members.limit.10": 10}
LIMITS = (*SEATS, "workspace.members.limit.seats", "workspace.members.limit.unlimited")


@dataclass(frozen=True)
class Plan:
    key: str
    name: str
    interval: str  # month, year or empty
    capabilities: tuple
    credits: str  # the setting that holds its monthly allowance
    gives: tuple = ()
    position: int = 0

    @property
    def is_paid(self):
        return self.key != "free"

    @property
    def label(self):
        """The name, told apart from its sister's: Pro, monthly."""
        lasts = {"month": ", monthly", "year": ", yearly"}.get(self.interval, ", for good")
        return self.name + (lasts if self.is_paid else "")

    @property
    def in_words(self):
        """All it gives: the lines that were written for it, then what it includes, as numbers stand now."""
        included = [
            f"Invite people: {seats} seats"
            for name, seats in SEATS.items()
            if {name, "workspace.members.invite"} <= set(self.capabilities)
        ]
        if "workspace.members.invite" in self.capabilities:
            included += ["Invite people: a seat for each that is paid"] * self.has_seats
            included += ["Invite any number of people"] * ("workspace.members.limit.unlimited" in self.capabilities)
        if credits := settings.get(self.credits):
            included.append(f"{credits:,} credits a month")
        return (*self.gives, *(line for line in included if line not in self.gives))

    @property
    def is_once(self):
        """Bought once, for good."""
        return self.is_paid and not self.interval

    @property
    def has_seats(self):
        """Whether more of it can be bought: a seat for each member."""
        return "workspace.members.limit.seats" in self.capabilities


_TEAM = ("workspace.members.invite", "workspace.members.limit.3")
FREE = Plan("free", "Free", "", _TEAM, "credits_free", ("Tasks, board and search", "Live pages and notices"), 1)
_PRO = ("Everything in Free",)
# As they come with the house; from least to most, whatever order they are shown in.
PLANS = {
    plan.key: plan
    for plan in (
        FREE,
        Plan("pro_monthly", "Pro", "month", PAID, "credits_pro", _PRO, 2),
        Plan("pro_yearly", "Pro", "year", PAID, "credits_pro", _PRO, 3),
        Plan("pro_lifetime", "Pro", "", PAID, "credits_pro", (*_PRO, "Paid once, yours for good"), 4),
    )
}

# --- as they are now --------------------------------------------------------------------------------------


def _changed():
    return {row.key: _with(row) for row in PlanOverride.select() if row.key in PLANS}


_cache = TableCache("plans", _changed)
forget = _cache.forget


def get(key):
    """The plan as it is now. Refuses with NotFound."""
    if key not in PLANS:
        raise NotFound("There is no such plan.")
    return _cache.rows().get(key, PLANS[key])


def everything():
    """All plans as they are now, in the order they are shown in."""
    return sorted((get(key) for key in PLANS), key=lambda plan: plan.position)


def stored(key):
    """The plan as the present transaction sees it, past the cache: for what writes grants by it."""
    row = _override.first(key=key)
    return _with(row) if row else PLANS[key]


# For every event of a subscription: `events_worked_per_second`.
_override = CompiledRows(
    PlanOverride, lambda: PlanOverride.select().where(PlanOverride.key == parameter("key")).limit(1)
)


def _with(row):
    kept = PLANS[row.key]
    return replace(
        kept,
        name=kept.name if row.name is None else row.name,
        gives=kept.gives if row.gives is None else tuple(row.gives),
        capabilities=kept.capabilities if row.capabilities is None else tuple(row.capabilities),
        position=kept.position if row.position is None else row.position,
    )


# --- changing one -----------------------------------------------------------------------------------------

NAME, LINE, LINES = 40, 80, 10  # characters, characters, lines
RESYNC = "plan_grants"  # the work that carries a change to the subscribers


class Unconfirmed(Refused):
    """It would change what subscribers may do; `details` say of how many organizations, and what."""


def facts(plan):
    """What an admin may change of a plan, as the log keeps it."""
    return {
        "name": plan.name,
        "gives": list(plan.gives),
        "capabilities": sorted(plan.capabilities),
        "position": plan.position,
    }


@writes
def change(key, form, *, by, confirmed=False, was=""):
    """Change a plan from form values: name, gives (lines), capabilities (a list), position. Returns the plan.
    Refuses with NotFound, Invalid, Unconfirmed when it would change what subscribers may do and `confirmed`
    isn't set, and with Stale when it isn't what the form was filled with (`was`, a fingerprint of its facts). Their
    grants follow by a job."""
    _lock_plan(key)
    if was and was != fingerprint(facts(stored(key))):
        raise Stale("Somebody else changed this plan meanwhile. Below is what you wrote; saving it replaces theirs.")
    return _set(key, _values(key, form), by, confirmed)


@writes
def put_back(key, event_id, *, by, confirmed=False):
    """Undo the audited change `event_id`. Refuses when something newer stands; else as `change` does."""
    _lock_plan(key)
    event = next(iter(history(key, 1)), None)
    if event is None or event.id != event_id:
        raise Refused("This plan was changed again since; look at it before you put anything back.")
    before = dict(event.metadata["before"])
    before["capabilities"] = [name for name in before["capabilities"] if name in CAPABILITIES]  # as known today
    return _set(key, before, by, confirmed)


def _lock_plan(key):
    if key not in PLANS:
        raise NotFound("There is no such plan.")
    lock("plan", key)  # or two admins at once would each log the other's change as their own


def history(key, limit=20):
    """The changes of one plan, newest first, from the audit log."""
    about = (AuditEvent.action == "plan.changed", AuditEvent.target_type == "plan", AuditEvent.target_id == key)
    return list(AuditEvent.select().where(*about).order_by(AuditEvent.id.desc()).limit(limit))


@dataclass(frozen=True)
class Lines(Text):
    """A few short lines."""

    long: bool = True

    def read(self, text):
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        if len(lines) > LINES or any(len(line) > LINE for line in lines):
            raise Unfit(f"Write at most {LINES} lines of {LINE} characters.")
        return lines


@dataclass(frozen=True)
class Capabilities(Kind):
    """What is included: words of CAPABILITIES that go together."""

    several: bool = True

    def read(self, chosen):
        chosen = sorted(set(chosen))
        limits = set(LIMITS) & set(chosen)
        if set(chosen) - CAPABILITIES.keys():
            raise Unfit("Choose from the list.")
        if len(limits) > 1:
            raise Unfit("Choose one number of members.")
        if "workspace.members.invite" in chosen and not limits:
            raise Unfit("Choose for how many members too, or nobody can be invited.")
        return chosen


NOTHING_MORE = "Choose at least one, or it would be no more than Free."
FORM = (
    Field("name", "Name", Text(NAME, 2), True),
    Field("gives", "Lines", Lines(), default=()),
    Field("position", "Place", Number(1, 99), True),
)


def _values(key, form):
    """The form in order, as the columns of a PlanOverride. Refuses with Invalid."""
    chosen = Field("capabilities", "Included", Capabilities(), PLANS[key].is_paid, (), missing=NOTHING_MORE)
    read = read_whole((*FORM, chosen), form)
    return read | {"gives": list(read["gives"]), "capabilities": list(read["capabilities"])}


def _set(key, after, by, confirmed):
    held = stored(key)
    before = facts(held)
    changed = {name: value for name, value in after.items() if before[name] != value}
    if not changed:
        return held
    if held.is_paid and "capabilities" in changed:
        _begin_resync(held, after, by, confirmed)
    default = facts(PLANS[key])
    values = {name: None if value == default[name] else value for name, value in after.items()}
    PlanOverride.insert(key=key, updated_by=by, **values).on_conflict(
        conflict_target=[PlanOverride.key],
        update={PlanOverride.updated_by: by} | {getattr(PlanOverride, name): v for name, v in values.items()},
    ).execute()
    names = ", ".join(_FIELDS[name] for name in changed)
    audit.record(
        "plan.changed",
        f"{held.label}: {names} changed",
        by=by,
        category="admin",
        target=("plan", key),
        before=before,
        after=after,
    )
    wake("plans")
    return stored(key)


_FIELDS = {"name": "name", "gives": "lines", "capabilities": "what is included", "position": "place"}


def _begin_resync(held, after, by, confirmed):
    with everywhere("a plan's subscribers are counted over all organizations"):
        touched, total = _organizations(held.key), sources(held.key).count()
    had, has = set(held.capabilities), set(after["capabilities"])
    if touched and not confirmed:
        raise Unconfirmed(
            f"This changes at once what {counted(touched, 'organization')} with {held.label} may do.",
            organizations=touched,
            gained=sorted(has - had),
            lost=sorted(had - has),
        )
    long_jobs.replace(RESYNC, held.key)  # what it would have carried out is older than this
    if touched:
        long_jobs.begin(RESYNC, held.key, by=by, total=total, upto="")


# --- who has one ------------------------------------------------------------------------------------------


def subscribers(key):
    """How many organizations have the plan now, whatever gave it to them."""
    with everywhere("a plan's subscribers are counted over all organizations"):
        return _organizations(key)


def _organizations(key):
    return Grant.select(Grant.organization).where(*_given(key)).distinct().count()


def sources(key, after=""):
    """The query of what gives the plan now (subscriptions, licences, backers), from the source `after` on.
    What was given by hand stays as it was given."""
    mine = (*_given(key), Grant.source > after, Grant.source_type != "manual")
    return Grant.select(Grant.organization, Grant.source).where(*mine).distinct().order_by(Grant.source)


def _given(key):
    lasts = Grant.expires_at.is_null() | (Grant.expires_at > now())
    return Grant.plan_key == key, Grant.revoked_at.is_null(), lasts
