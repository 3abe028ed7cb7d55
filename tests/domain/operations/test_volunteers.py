"""The demo's volunteers: a form that is open, what came by it, and automations that have something to do."""

from datetime import timedelta

import pytest

import jobs
from database.clock import now, set_clock
from domain.automations import automations
from domain.base import stepup
from domain.operations import volunteers
from domain.records.public import desk, links
from models import Automation, AutomationRun, PublicAnswer, PublicLink, Record

pytestmark = pytest.mark.usefixtures("inside_acme")


def test_its_form_is_open_some_came_in_some_wait_and_two_are_written_to(cast, at, clock):
    by, today = at("alice"), now()
    try:
        table, made = volunteers.make(by, today - timedelta(days=20))
    finally:
        set_clock(clock)
    assert stepup.present.get() is None
    link = PublicLink.get()
    assert links.opened(link).link.purpose == "form"
    assert desk.waiting(link) == volunteers.STATES.count(None)
    assert {answer.reasons for answer in PublicAnswer.select()} == {"proof"}
    assert Record.select().count() == len(made)
    volunteers.furnish(table, made, by)
    assert [one.name for one in automations.buttons(f"record:{table.id}")] == ["Put on the list"]
    jobs.work_off()
    assert [(run.state, run.step) for run in AutomationRun.select()] == [("waiting", 2)] * 2
    assert {one.state for one in Automation.select()} == {"on"}
