"""The tiers of a crowdfunding campaign: what a backer's code gives."""

import re
from dataclasses import dataclass

from peewee import fn

from database.locks import lock
from database.transactions import writes
from domain import Invalid, existing
from domain.base import audit
from domain.entitlements import plans
from domain.fields.choice import Choice
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Unfit, comparable
from domain.fields.number import Number, counted
from domain.fields.text import Text
from models import Backer, BackerTier

MONTHS, CREDITS = 600, 1_000_000
_KEY = "Write letters, digits and hyphens: files name the tier by it."


@dataclass(frozen=True)
class Key(Text):
    """The word by which files name a tier."""

    def read(self, text):
        key = comparable(text)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", key):
            raise Unfit(_KEY)
        return key


PAID = tuple((key, plan.label, "") for key, plan in plans.PLANS.items() if plan.is_paid)
FIELDS = (
    Field("key", "Key", Key(), True, missing=_KEY),
    Field("name", "Name", Text(80, 2), True),
    Field("plan", "Plan", Choice(PAID)),
    Field("months", "Months", Number(1, MONTHS)),
    Field("credits", "Credits", Number(0, CREDITS), default=0),
)


def everything():
    """All tiers in the order they were made."""
    return list(BackerTier.select().order_by(BackerTier.id))


def sizes():
    """tier's id → how many backers are in it."""
    rows = Backer.select(Backer.tier, fn.COUNT(Backer.id)).group_by(Backer.tier).tuples()
    return {tier: int(count) for tier, count in rows}


def worth(tier):
    """What a claimed code of the tier gives, as parts of a sentence."""
    time = counted(tier.months, "month") if tier.months else "life"
    parts = [f"{plans.get(tier.plan_key).name} for {time}"] if tier.plan_key in plans.PLANS else [f"access for {time}"]
    return parts + ([counted(tier.credits, "credit")] if tier.credits else [])


@writes
def add(form, *, by):
    """Make a tier from form values: key, name, plan, months (empty: for life), credits. Refuses with Invalid."""
    values = _values(form)
    lock("backer tiers")
    if BackerTier.one(BackerTier.key == values["key"]):
        raise Invalid({"key": "There is a tier with this key already."})
    tier = BackerTier.create(**values)
    audit.record(
        "backer_tier.created",
        f"Made the tier {tier.name}",
        by=by,
        target=("backer_tier", tier.id),
        category="admin",
        after=_facts(tier),
    )
    return tier


@writes
def change(id, form, *, by):
    """Change what a tier is called and gives, from here on: claimed codes keep what they got.
    The key stays, as files name it. Refuses with NotFound and Invalid."""
    lock("backer tiers")
    tier = existing(BackerTier.one(BackerTier.id == id), "There is no such tier.")
    before, values = _facts(tier), _values({**form, "key": tier.key})
    BackerTier.update(**values).where(BackerTier.id == id).execute()
    tier = BackerTier.get_by_id(id)
    if _facts(tier) != before:
        audit.record(
            "backer_tier.changed",
            f"Changed the tier {tier.name}",
            by=by,
            target=("backer_tier", id),
            category="admin",
            before=before,
            after=_facts(tier),
        )
    return tier


def _facts(tier):
    """What the log keeps of a tier."""
    return {"name": tier.name, "plan": tier.plan_key, "months": tier.months, "credits": tier.credits}


def _values(form):
    """The form in order, as the tier's columns. Refuses with Invalid."""
    read = read_whole(FIELDS, form)
    return read | {"plan_key": read.pop("plan")}
