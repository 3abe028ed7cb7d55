"""The same tasks for every program under test, from a fixed seed."""

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

STATUSES = ("pending", "in progress", "completed", "cancelled")
PRIORITIES = ("low", "medium", "high")
CATEGORIES = ("general", "finance", "legal", "office", "people", "sales", "support")
PEOPLE = 20
FIRST_DAY = dt.date(2024, 1, 1)

# Words of about one task in five, in fifty, and in five thousand.
COMMON, MEDIUM, RARE = "report", "contract", "lighthouse"

ORDINARY = Path(__file__).with_name("words.txt").read_text().split()
VERBS = (
    "Arrange",
    "Book",
    "Check",
    "Collect",
    "Compare",
    "Draft",
    "Fix",
    "Order",
    "Plan",
    "Print",
    "Send",
    "Write",
)
WORDS_IN_DESCRIPTION = 10


class Task(NamedTuple):
    title: str
    description: str
    status: str
    priority: str
    category: str
    assignee: int
    due_date: str
    created_at: str


def tasks(count: int) -> Iterator[Task]:
    """`count` tasks, oldest first; `assignee` counts from 1 to PEOPLE."""
    chance = random.Random(20240101)
    pick, choices = chance.random, chance.choices
    days = [(FIRST_DAY + dt.timedelta(days=day)).isoformat() for day in range(800)]
    start = dt.datetime(2024, 1, 1, 8)
    for number in range(count):
        words = choices(ORDINARY, k=WORDS_IN_DESCRIPTION + 2)
        place = pick()
        if place < 0.2:
            words[2] = COMMON
        elif place < 0.22:
            words[2] = MEDIUM
        elif place < 0.2202:
            words[2] = RARE
        yield Task(
            title=f"{VERBS[int(pick() * len(VERBS))]} the {words[0]} {words[1]} {number + 1}",
            description=" ".join(words[2:]),
            status=STATUSES[int(pick() * len(STATUSES))],
            priority=PRIORITIES[int(pick() * len(PRIORITIES))],
            category=CATEGORIES[int(pick() * len(CATEGORIES))],
            assignee=1 + int(pick() * PEOPLE),
            due_date=days[int(pick() * len(days))],
            created_at=(start + dt.timedelta(seconds=30 * number)).isoformat(" "),
        )


class Order(NamedTuple):
    """What a table that people made holds of a task, and besides."""

    title: str
    amount: str
    status: str
    category: str
    due: str
    stars: int
    company: str
    town: str
    street: str
    number: str
    contact: str
    notes: str


def order(task: Task) -> Order:
    words = task.description.split()
    number = len(task.title) * 31 + task.assignee * 7919 + sum(map(ord, task.due_date + words[3]))
    return Order(
        title=task.title,
        amount=f"{number * 7907 % 10_000_000 / 100:.2f}",
        status=task.status,
        category=task.category,
        due=task.due_date,
        stars=1 + number % 5,
        company=" ".join(words[:2]),
        town=words[2],
        street=f"{words[3]} {task.assignee}",
        number=str(number),
        contact=words[4],
        notes=task.description,
    )
