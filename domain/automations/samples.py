"""Automations to begin from: what they are for, and a draft as far as it can be told without knowing the lists."""

from dataclasses import dataclass

from database.transactions import writes
from domain.automations import automations, bodies, sources
from domain.lists import conditions


@dataclass(frozen=True)
class Sample:
    """One of them; `draft` is all of it but the name."""

    key: str
    name: str
    about: str
    icon: str
    draft: dict


def _task(kind, **trigger):
    return {"source": sources.TASKS, "trigger": {"kind": kind} | trigger}


URGENT = conditions.Condition("priority", "any_of", ("high",)).written()
SAMPLES = (
    Sample(
        *("urgent", "Tell me of urgent tasks", "A notice as soon as a task becomes urgent", "bell"),
        _task("entered") | {"where": [URGENT], "steps": [{"kind": "notice", "who": "me", "title": "Urgent: {Title}"}]},
    ),
    Sample(
        *("follow_up", "Follow up on what is done", "A week after a task is completed, a task to ask how it went"),
        "checklist",
        _task("changed", fields=["status"], to="Completed")
        | {
            "where": [],
            "steps": [
                {"kind": "wait", "count": "7", "unit": "days"},
                {"kind": "task", "title": "Ask how it went: {Title}", "text": "", "who": "me", "days": "1"},
            ],
        },
    ),
    Sample(
        *("monday", "Plan the week", "A task for you every Monday at nine", "calendar"),
        {
            "source": "",
            "trigger": {"kind": "schedule", "every": "week", "weekday": "0", "time": "9:00"},
            "where": [],
            "steps": [{"kind": "task", "title": "Plan the week", "text": "", "who": "me", "days": "0"}],
        },
    ),
    Sample(
        *("sold", "Thank who bought tickets", "A letter when an order is paid", "mail"),
        {
            "source": "ticket_order",
            "trigger": {"kind": "changed", "fields": ["state"], "to": "Paid"},
            "where": [],
            "steps": [
                {
                    "kind": "letter",
                    "to": "{Buyer}",
                    "subject": "Thank you, {Name}",
                    "text": "Dear {Name},\n\nthank you for your order. We look forward to seeing you.",
                }
            ],
        },
    ),
)


@writes
def furnish(by):
    """Two of them that are on, for the demo."""
    for key in ("urgent", "follow_up"):
        automations.make(draft(key, by), by=by, on=True)


def draft(key, by):
    """A sample as a draft; an empty one for a key that there isn't, or a list that isn't theirs to see."""
    found = next((one for one in SAMPLES if one.key == key), None)
    if found is None or (found.draft["source"] and found.draft["source"] not in dict(sources.every(by))):
        return dict(bodies.EMPTY)
    return {"name": found.name} | found.draft
