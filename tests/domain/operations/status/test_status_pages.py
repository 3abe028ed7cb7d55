from datetime import timedelta

import pytest

from domain.operations.releases import pulses
from domain.operations.status import outages, status_pages
from models import JobAlarm, Outgoing, StatusHour
from tests.fixtures.threads import write


def part(name="pages"):
    return next(part for part in status_pages.shown()[0] if part.name == name)


def test_a_minute_is_noted_once_however_often_it_is_measured(house, clock):
    for _ in range(3):
        status_pages.measure()
    row = StatusHour.get(StatusHour.component == "pages")
    assert (row.good, row.slow, row.bad) == (1, 0, 0)
    clock.forward(minutes=1)
    status_pages.measure()
    assert StatusHour.get(StatusHour.component == "pages").good == 2


def test_what_nobody_measured_is_grey_and_not_green(house, clock):
    assert part().state == status_pages.UNKNOWN
    assert {day.state for day in part().days} == {status_pages.UNKNOWN}
    assert status_pages.overall(status_pages.shown()[0], [])[0] == "quiet"
    status_pages.measure()
    assert part().state == status_pages.GOOD
    clock.forward(minutes=4)
    assert part().state == status_pages.UNKNOWN, "a minute of long ago says nothing of now"
    clock.forward(days=3)
    status_pages.measure()
    assert [day.state for day in part().days][-4:] == ["good", "unknown", "unknown", "good"]
    assert "minutes not measured" in part().days[-4].words


@pytest.mark.parametrize(
    ("requests", "errors", "milliseconds", "state"),
    [(100, 0, 20, "good"), (100, 3, 20, "slow"), (100, 30, 20, "bad"), (100, 0, 3000, "slow"), (0, 0, 0, "good")],
)
def test_pages_are_as_their_requests_went(house, clock, requests, errors, milliseconds, state):
    counts = pulses.Counts()
    for n in range(requests):
        counts.add(500 if n < errors else 200, milliseconds)
    pulses.write("", "one", clock().replace(second=0, microsecond=0) - timedelta(minutes=1), counts)
    status_pages.measure()
    assert part().state == state


def test_letters_and_jobs_are_as_what_waits(cast, clock):
    write(Outgoing.create, kind="mail", key="k", next_attempt_at=clock() - timedelta(minutes=6))
    write(JobAlarm.create, job="tokens", kind="late", about="x", words="Late.")
    status_pages.measure()
    assert (part("letters").state, part("jobs").state) == ("slow", "bad")
    assert status_pages.overall(status_pages.shown()[0], [])[1] == "Something doesn’t work"
    clock.forward(minutes=30)
    status_pages.measure()
    assert part("letters").state == "bad"


def test_old_hours_go(house, clock):
    status_pages.measure()
    count = StatusHour.select().count()
    clock.forward(days=91)
    assert status_pages.prune(100) == count
    assert status_pages.prune(100) == 0


def test_an_outage_is_shown_until_it_is_over(cast, clock):
    row = outages.tell({"title": "Slow lists", "component": "pages", "words": ""}, by=cast.stella)
    parts, still, over = status_pages.shown()
    assert (still, over) == ([row], [])
    assert status_pages.overall(parts, still)[0] == "warn"
    outages.move("over", row.id, by=cast.stella)
    assert [[one.id for one in found] for found in status_pages.shown()[1:]] == [[], [row.id]]
