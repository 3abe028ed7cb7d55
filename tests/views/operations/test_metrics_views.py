import dataclasses
import re

import pytest

from domain.base import configuration
from domain.operations.runs import leases
from models import JobAlarm, Outgoing
from tests.fixtures.threads import write

TOKEN = "sesame" * 4


@pytest.fixture
def metrics(browse):
    configuration.use(dataclasses.replace(configuration.active, metrics_token=TOKEN))

    def ask():
        text = browse(None).get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).get_data(True)
        return {name: float(value) for name, value in re.findall(r"^(guildhall_\S+) (\S+)$", text, re.M)}

    return ask


def test_requests_are_counted_with_how_long_they_took(metrics, browse):
    before = metrics()
    browse(None).get("/sign-in")
    after = metrics()
    name = 'guildhall_requests_total{outcome="answered"}'
    assert after[name] == before[name] + 2  # and the question before
    assert after["guildhall_request_seconds_count"] == after['guildhall_request_seconds_bucket{le="+Inf"}']
    assert after["guildhall_request_seconds_sum"] > 0


def test_what_waits_and_what_is_not_as_usual_is_told(metrics, clock, cast):
    write(Outgoing.create, kind="mail", key="k", next_attempt_at=clock())
    write(JobAlarm.create, job="tokens", kind="late", about="x", words="Late.")
    leases.take("tokens", "me")
    clock.forward(seconds=90)
    leases.take("digests", "me")
    found = metrics()
    expected = {"outgoing_queued": 1, "outgoing_late_seconds": 90, "jobs_running": 1, "jobs_died": 1, "job_alarms": 1}
    assert {name: found[f"guildhall_{name}"] for name in expected} == expected
