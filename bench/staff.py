"""The same accounts and audit events for every program under test: what a site's staff looks through."""

import datetime as dt
import random
from collections.abc import Iterator
from typing import NamedTuple

CATEGORIES = ("auth", "organization", "member", "billing", "security", "admin", "system")
RESULTS = ("success", "success", "success", "failure", "denied")
VERBS = ("changed", "created", "ended", "invited", "refunded", "removed", "renamed", "revoked")
FIRST = ("Ada", "Amina", "Chen", "Dalia", "Femi", "Greta", "Hugo", "Kenji", "Lena", "Mateo", "Nadia", "Olu", "Tariq")
LAST = (
    *("Abara", "Bergstrom", "Castillo", "Dimitrov", "Eriksen", "Fontaine", "Gallagher", "Haddad", "Ivanova"),
    *("Jimenez", "Kowalski", "Lindqvist", "Moreau", "Nakamura", "Okonkwo", "Petrov", "Quintero", "Rasmussen"),
    *("Santos", "Takahashi", "Usman", "Vasquez", "Wagner", "Xiang", "Yilmaz", "Zapata"),
)
ASKED = {"category": "billing", "result": "denied"}  # two filters
WORD = "Nakamura"  # and a word: one event in 26 holds it
PARTS = ("akamu", "lindq", "greta pet", "4711")  # parts of names


class Event(NamedTuple):
    at: str
    category: str
    action: str
    result: str
    actor_email: str
    target_type: str
    target_id: str
    summary: str


def name(number: int) -> str:
    return f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]} {number}"


def email(number: int) -> str:
    first, last, _ = name(number).lower().split()
    return f"{first}.{last}{number}@example.test"


def events(count: int) -> Iterator[Event]:
    """`count` events, oldest first."""
    chance, start = random.Random(20240101), dt.datetime(2024, 1, 1, 8)
    pick = chance.choice
    for number in range(count):
        category, verb = pick(CATEGORIES), pick(VERBS)
        yield Event(
            at=(start + dt.timedelta(seconds=30 * number)).isoformat(" "),
            category=category,
            action=f"{category}.{verb}",
            result=pick(RESULTS),
            actor_email=email(number % 1000),
            target_type="user",
            target_id=str(number),
            summary=f"{verb.capitalize()} what {pick(FIRST)} {pick(LAST)} had, {number}",
        )
