"""What the hub shows as popular: acts of seven days, one of two days ago for half of one of today, each ten minutes.

It is written to the campaigns, so that no page adds anything up. Who has too few people, or was reported and nobody has
looked, is left out.
"""

from collections import Counter
from datetime import timedelta

from peewee import fn

from database.clock import now
from database.scope import everywhere
from database.transactions import writes
from models import FlyerCampaign, FlyerCount, ModerationItem

WEIGHTS = {"generate": 3, "share": 5, "arrive": 8}
SPAN, HALF_LIFE = timedelta(days=7), timedelta(days=2)
LEAST = 20  # people


def refresh():
    """Count the popularity of all campaigns, and how many flyers each has made; returns how many changed."""
    figures = _popularity()
    made = _made()
    with everywhere("the hub shows campaigns of all"):
        stand = {id: (popularity, count) for id, popularity, count in _columns().tuples()}
    wanted = {id: (figures.get(id, 0), made.get(id, 0)) for id in stand}
    changed = [(id, *wanted[id]) for id in stand if wanted[id] != stand[id]]
    for start in range(0, len(changed), 200):
        _write(changed[start : start + 200])
    return len(changed)


def _columns():
    return FlyerCampaign.select(FlyerCampaign.id, FlyerCampaign.popularity, FlyerCampaign.made)


@writes
def _write(changed):
    with everywhere("the hub shows campaigns of all"):
        for id, popularity, made in changed:
            FlyerCampaign.update(popularity=popularity, made=made).where(FlyerCampaign.id == id).execute()


def _sums(*conditions):
    rows = FlyerCount.select(FlyerCount.scope_id, FlyerCount.kind, FlyerCount.hour, FlyerCount.n)
    return rows.where(FlyerCount.scope == "campaign", *conditions).tuples()


def _popularity():
    """Campaign's id → a figure by which they are put in order; of those that may be shown."""
    moment, points, people = now(), Counter(), Counter()
    for campaign, kind, hour, n in _sums(FlyerCount.hour >= moment - SPAN, FlyerCount.kind << ("view", *WEIGHTS)):
        if kind == "view":
            people[campaign] += n
        else:
            points[campaign] += 100 * WEIGHTS[kind] * n * 0.5 ** max((moment - hour) / HALF_LIFE, 0)
    left_out = _reported()
    return {id: round(figure) for id, figure in points.items() if people[id] >= LEAST and id not in left_out}


def _reported():
    """The ids of campaigns that have an open report, themselves or their template."""
    with everywhere("the hub shows campaigns of all"):
        is_open = ModerationItem.state == "open"
        items = ModerationItem.select(ModerationItem.subject, ModerationItem.subject_id).where(is_open)
        found = list(items.where(ModerationItem.subject << ("campaign", "template")).tuples())
        templates = [id for subject, id in found if subject == "template"]
        theirs = FlyerCampaign.select(FlyerCampaign.id).where(FlyerCampaign.template << templates).tuples()
        return {id for subject, id in found if subject == "campaign"} | {id for (id,) in (theirs if templates else ())}


def _made():
    rows = FlyerCount.select(FlyerCount.scope_id, fn.SUM(FlyerCount.n))
    mine = FlyerCount.scope == "campaign", FlyerCount.kind == "generate"
    return {id: int(n) for id, n in rows.where(*mine).group_by(FlyerCount.scope_id).tuples()}
