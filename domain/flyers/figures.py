"""What came of a campaign or a template of flyers, as charts: out of the sums an hour, never out of the rows.

What people's browsers told, and what was ordered, stand apart: the first are claims, the second are facts.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from database.clock import now
from domain import existing
from domain.charts.charts import Chart
from domain.charts.tallies import Tally
from domain.events.referring import referrals
from domain.fields.choice import Choice
from domain.fields.day import Day
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Listing, both
from domain.lists.searches import Parts
from models import FlyerCampaign, FlyerCount, FlyerGap, FlyerPhase, FlyerTemplate, FlyerVia

SPAN = timedelta(days=120)  # that is shown; a campaign is shorter
KIND = Choice(
    (
        ("view", "Saw the page", ""),
        ("open", "Touched the maker", ""),
        ("upload", "Chose a photo", ""),
        ("generate", "Finished a picture", ""),
        ("download", "Got the file", ""),
        ("share", "Pressed share", ""),
        ("arrive", "Came to the event", ""),
    )
)
ABOUT = (
    "People a day, as well as they can be told apart without a cookie: two equal phones of one network count once. "
    "Pictures are counted by the attempt. Who makes one without a script is counted once it is drawn."
)
HOUR = Choice(tuple((f"{hour:02}", f"{hour:02}:00", "") for hour in range(24)))
OUTSIDE = "outside"
PHASES = (("teaser", "Teaser"), ("main", "Main"), ("last_call", "Last call"), ("thank_you", "Thank you"))
PHASE = Choice((*((key, label, "") for key, label in PHASES), (OUTSIDE, "Outside of any", "")))
STATE = Choice(
    (
        ("draft", "Draft", "quiet"),
        ("scheduled", "Scheduled", "info"),
        ("active", "Runs", "good"),
        ("paused", "Paused", "warn"),
        ("ended", "Ended", "off"),
    )
)


@dataclass(frozen=True)
class Figure:
    """One chart: what it is of, how it is grouped, and its counts."""

    key: str
    said: str
    chart: Chart
    tally: Tally


@dataclass(frozen=True)
class Figures:
    """All charts of one thing; `gaps` are the days (ISO, in its zone) with counts missing, `lost` how many, and
    `brought` what was ordered, where it has an event."""

    figures: tuple
    gaps: frozenset
    lost: int
    brought: referrals.Brought | None


def campaign(id):
    """The campaign with this id, where one stands. Refuses with NotFound."""
    return existing(FlyerCampaign.one(FlyerCampaign.id == id), "There is no such campaign here.")


def template(id):
    """The template with this id, where one stands. Refuses with NotFound."""
    return existing(FlyerTemplate.one(FlyerTemplate.id == id), "There is no such template here.")


def of_campaign(one, kind="generate"):
    """The Figures of a campaign; those over time are of one kind of act."""
    phases = list(FlyerPhase.select().where(FlyerPhase.campaign == one))
    found = _counts("campaign", one.id)
    return _figures(found, kind, ZoneInfo(one.zone), one.event_id, phases)


def of_template(one, kind="generate"):
    """The same of a template, in the organization's zone; phases are a campaign's."""
    return _figures(_counts("template", one.id), kind, ZoneInfo(one.organization.timezone), None, None)


def _counts(scope, id):
    """[(kind, hour, how many)] of the time that is shown."""
    mine = FlyerCount.scope == scope, FlyerCount.scope_id == id, FlyerCount.hour >= now() - SPAN
    return list(FlyerCount.select(FlyerCount.kind, FlyerCount.hour, FlyerCount.n).where(*mine).tuples())


def _figures(found, kind, zone, event_id, phases):
    word, over = KIND.plain(kind), [(hour.astimezone(zone), hour, n) for its, hour, n in found if its == kind]
    made = [
        Figure("funnel", "How far people came", *_tally("kind", "Act", KIND, [(its, n) for its, _, n in found])),
        Figure("days", f"{word}, by day", *_tally("day", "Day", Day(), [(f"{at:%Y-%m-%d}", n) for at, _, n in over])),
        Figure(
            "hours",
            f"{word}, by hour of the day",
            *_tally("hour", "Hour", HOUR, [(f"{at:%H}", n) for at, _, n in over]),
        ),
    ]
    if phases:
        its = [(_phase(phases, hour), n) for _, hour, n in over]
        made.append(Figure("phases", f"{word}, by phase", *_tally("phase", "Phase", PHASE, its)))
    gaps, lost = _gaps(zone)
    return Figures(tuple(made), gaps, lost, _brought(event_id))


def _tally(name, label, kind, pairs):
    sums: Counter = Counter()
    for key, n in pairs:
        sums[key] += n
    per = "day" if isinstance(kind, Day) else ""
    chart = Chart(Field(name, label, kind), per, None, "bars")
    return chart, Tally({(key, ""): Decimal(n) for key, n in sums.items()}, looked=sum(sums.values()))


def _phase(phases, hour):
    return next((one.key for one in phases if one.starts_at <= hour < one.ends_at), OUTSIDE)


def _gaps(zone):
    """(the days with counts missing, how many acts that is at least)."""
    days, lost = set(), 0
    for gap in FlyerGap.select().where(FlyerGap.until_at >= now() - SPAN):
        day, last = (moment.astimezone(zone).date() for moment in (gap.from_at, gap.until_at))
        while day <= last:
            days.add(day.isoformat())
            day += timedelta(days=1)
        lost += gap.lost
    return frozenset(days), lost


def _brought(event_id):
    """What was ordered through anybody's link to the event, or None without one."""
    if event_id is None:
        return None
    its = list(FlyerVia.select().where(FlyerVia.event == event_id))
    sums = referrals.brought(*its).values() if its else ()
    return referrals.Brought(*(sum(column) for column in zip(referrals.NOBODY, *sums, strict=True)))


# --- as a list ------------------------------------------------------------------------------------------

rules = rows.Rules(
    Listing(
        *("flyer_figures", "campaign", "campaigns", FlyerCampaign),
        (
            Field("name", "Campaign", Text(200)),
            Field("state", "State", STATE),
            Field("made", "Pictures", Number(), filters=False),
            Field("popularity", "Popularity this week", Number(), filters=False),
            Field("starts_at", "Begins", Moment()),
            Field("ends_at", "Ends", Moment()),
        ),
        (*NEWEST, *both("made", "Fewest pictures first", "Most pictures first", "down")),
        search=Parts((FlyerCampaign.name, FlyerCampaign.slug)),
        link=True,
        reads="flyers.read",
        chips="state",
        icon="chart-bar",
        title="Figures of flyers",
        about="What came of each campaign, as people’s browsers told it. Counted anew every ten minutes.",
        empty=(("all", "Once a campaign of flyers runs, this tells what comes of it."),),
    )
)
