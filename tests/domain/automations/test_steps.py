"""What a letter or a message of an automation uses up of the limits of its organization and of an address."""

import pytest

from database.clock import now
from domain.base import allowances, preferences
from domain.lists import rows
from domain.tasks import tasks
from models import Outgoing
from tests.fixtures.automating import on, work
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("inside_acme")


def add(by):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=by)


@pytest.fixture
def counted(house, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    allowances.limiter.reset()


def remains(name, whose):
    return allowances.standing(name, whose)[1]


def letter(*to):
    return {"kind": "letter", "to": ", ".join(to), "subject": "x", "text": "x"}


def test_an_address_that_had_its_share_is_left_out_alone(cast, at, counted):
    """A fixed copy of each letter doesn't hold up the others."""
    on(at("alice"), steps=[letter("copies@example.org", "ines@example.org")])
    for _ in range(5):
        allowances.spend("automation_letters_to", "copies@example.org")
    before = remains("automation_letters", cast.acme)
    add(at("alice"))
    (run,) = work()
    said = "Wrote 1 letter. Left out: 1, for having had as many as an address gets in an hour."
    assert (run.state, run.results[0]["words"]) == ("done", said)
    assert [one.recipient for one in Outgoing.select().where(Outgoing.kind == "mail")] == ["ines@example.org"]
    assert remains("automation_letters", cast.acme) == before - 1


def test_letters_that_wait_and_letters_that_nobody_wants_use_nothing_up(cast, at, counted, clock):
    by = at("alice")
    on(by, steps=[letter("ines@example.org", cast.bob.email)])
    write(preferences.stop, cast.bob, "automation_letters")
    for _ in range(5):
        allowances.spend("automation_letters_to", "ines@example.org")
    whole = remains("automation_letters", cast.acme)
    add(by)
    (run,) = work()
    assert (run.state, run.step, run.next_at > now()) == ("waiting", 0, True)
    assert remains("automation_letters", cast.acme) == whole
    allowances.limiter.reset()
    allowances.spend("automation_letters", cast.acme, cost=whole - 1)
    clock.forward(hours=1, seconds=2)
    assert work()[0].results[0]["words"] == "Wrote 1 letter. 1 chose to have none."
    assert (remains("automation_letters", cast.acme), remains("automation_letters_to", "ines@example.org")) == (0, 4)
    add(by)
    assert [run.state for run in work()] == ["done", "waiting"]
    assert remains("automation_letters_to", "ines@example.org") == 4


@pytest.mark.parametrize("is_seen", [True, False])  # or somebody else spends the last one just then
def test_of_several_that_are_spent_together_none_is_spent_where_one_is_refused(cast, counted, monkeypatch, is_seen):
    for _ in range(5):
        allowances.spend("automation_letters_to", "b@example.org")
    if not is_seen:
        monkeypatch.setattr(allowances, "is_spent", lambda *_: False)
    before = remains("automation_letters", cast.acme)
    with pytest.raises(allowances.TooOften):
        allowances.spend_all(
            ("automation_letters", cast.acme, 2),
            ("automation_letters_to", "a@example.org", 1),
            ("automation_letters_to", "b@example.org", 1),
        )
    assert (remains("automation_letters", cast.acme), remains("automation_letters_to", "a@example.org")) == (before, 5)
