"""Polls of a line are answered before Flask, and follow what happens."""

import json
import threading
import time

import pytest

from database.clock import now
from domain.events import holds
from domain.events.line import polls
from models import Place, TicketOrder
from tests.domain.events.line.test_places import stand
from tests.fixtures.events import make_event
from tests.fixtures.threads import write
from views.polls import Polls


@pytest.fixture
def asked(clock, inside_acme, at):
    """An event with a line, and `ask(place)`, which polls without the application."""
    event, (tier,) = make_event(at("alice"))
    handed_on = []
    layer = Polls(lambda environ, start: handed_on.append(environ["PATH_INFO"]) or [b""])

    def ask(place, method="GET"):
        answers = []
        environ = {"PATH_INFO": place if isinstance(place, str) else polls.poll_address(place)}
        body = b"".join(layer(environ | {"REQUEST_METHOD": method}, lambda *head: answers.append(head)))
        return json.loads(body) if answers else None

    yield event, tier, ask, handed_on
    layer.asked.clear()
    layer.bell.set()
    if layer.thread:
        layer.thread.join(30)


def eventually(ask, place, wanted):
    ends = time.monotonic() + 30
    while (told := ask(place)) != wanted and time.monotonic() < ends:
        threading.Event().wait(0.02)
    assert told == wanted


def test_a_poll_is_answered_from_memory_and_hears_of_changes(asked):
    event, tier, ask, handed_on = asked
    holder = stand(event, tier, 5)
    first, second = stand(event, tier), stand(event, tier)
    assert ask(second) == {"place": None}  # nothing is read yet
    eventually(ask, second, {"place": 2})
    eventually(ask, holder, {"look": True})
    holds.give_up(holder.order_id)
    eventually(ask, first, {"look": True})
    eventually(ask, second, {"look": True})
    assert handed_on == []


def test_what_is_no_poll_goes_on_to_the_application(asked):
    event, tier, ask, handed_on = asked
    place = stand(event, tier)
    word = polls.poll_address(place)
    for path, method in ((word[:-1] + "!", "GET"), (word, "POST"), ("/e/jazz-night", "GET"), (word * 3, "GET")):
        assert ask(path, method) is None
    assert len(handed_on) == 4


def test_a_line_goes_on_while_a_killed_process_has_the_lease_of_its_job(asked):
    event, tier, ask, _ = asked
    holder, first = stand(event, tier, 5), stand(event, tier)
    eventually(ask, first, {"place": 1})
    write(TicketOrder.update(hold_until_at=now()).where(TicketOrder.id == holder.order_id).execute)
    eventually(ask, first, {"look": True})
    assert Place.get_by_id(first.id).state == "called"
