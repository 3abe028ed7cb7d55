"""Where a sale is rehearsed: a process beside ours with a database and a clock of its own, in which the very code sells
that sells to people. What it does can't reach an event, a letter or money: it knows of none, only the copy it is given.
Why: docs/decisions/rehearsals.md
"""

import atexit
import json
import secrets
import shutil
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from database import opening
from database.clock import set_clock
from database.scope import inside
from database.transactions import writes
from domain.base import configuration
from domain.base.configuration import Configuration
from domain.events import stock, tiers
from domain.events.providers import accounts
from domain.events.rehearsals.crowd import Crowd
from models import Event, Organization, PricePhase, Tier, User

PIECE = 1.0  # seconds of work between two answers
_open: dict = {}


def build(folder, event, tiers, phases, plan):
    """Make a house in `folder` that holds the event as it is before its sale, and the crowd of a `plan` before it."""
    folder = Path(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = f"sqlite:///{folder}/rehearsal.db"
    configuration.use(
        Configuration(
            data=folder,
            database_url=url,
            site_url="http://rehearsal.invalid",
            secret_key=secrets.token_hex(32),
            jobs=False,
            billing_provider="sandbox",
        )
    )
    opening.open_house(url, folder)
    opening.open_again(url, synchronous="OFF")
    organization = _organize()
    stack = ExitStack()
    stack.enter_context(inside(organization.id))
    _open["stack"] = stack
    set_clock(lambda: datetime.fromisoformat(plan["begins"]))
    copy = _copied(organization, _read(event), [_read(one) for one in tiers], [_read(one) for one in phases])
    _open["crowd"] = Crowd(copy, plan)
    return b"{}"


def go_on():
    """Let the sale go on for a moment: how many buyers are through, and once all are, what became of it."""
    return json.dumps(_open["crowd"].go_on(PIECE)).encode()


def written(row, names):
    """A row's values as JSON has them."""
    values = {name: row.__data__[name] for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _read(values):
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value else value
        for name, value in values.items()
    }


@writes
def _organize():
    user = User.create(email="rehearsal@rehearsal.invalid", email_norm="rehearsal@rehearsal.invalid")
    return Organization.create(name="Rehearsal", slug="rehearsal", owner=user)


@writes
def _copied(organization, event, its_tiers, phases):
    made = Event.create(organization=organization, slug="rehearsal", state="published", **event)
    if not accounts.usable(made.currency):
        Event.update(currency="EUR").where(Event.id == made.id).execute()
    stock.resize(made.id, "event", made.id, made.capacity)
    for values in its_tiers:
        tier = Tier.create(organization=organization, event=made, **values)
        stock.resize(made.id, "tier", tier.id, tier.size)
    for values in phases:
        PricePhase.create(organization=organization, event=made, **values)
    return Event.get_by_id(made.id)


TASKS = {"build": build, "go_on": go_on}
# What a copy has of the rows; nobody's name, nothing sold, and no code.
EVENT = (
    *("id", "title", "starts_at", "ends_at", "timezone", "venue", "capacity", "currency", "tax_bps"),
    *("prices_include_tax", "hold_minutes", "opening", "opens_at", "draw_seed", "waits", "small_pass"),
)
TIER = tuple(
    name
    for name in tiers.Tier._meta.fields
    if name not in ("organization", "event", "created_at", "updated_at", "code_hash")
)
PHASE = tuple(
    name for name in PricePhase._meta.fields if name not in ("organization", "event", "created_at", "updated_at")
)
