import dataclasses

import pytest

import jobs
from domain.base import configuration
from domain.operations.runs import leases
from jobs import running
from models import JobRun

OLD, NEW = "an old token, long enough", "a new token, long enough"


@pytest.fixture
def ask(browse):
    configuration.use(dataclasses.replace(configuration.active, cron_token=(NEW, OLD)))

    def ask(path="/cron/tokens", method="GET", token=NEW, **headers):
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        answer = browse(None).open(path, method=method, headers=headers)
        running.join_aside()
        return answer

    return ask


def test_a_job_is_begun_at_once_and_its_run_is_named(ask):
    for token, method in ((NEW, "POST"), (OLD, "GET")):
        answer = ask("/cron/reminders" if method == "GET" else "/cron/tokens", method, token)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (202, "no-store")
        run = JobRun.get_by_id(answer.json["run"])
        assert (run.trigger, run.ok) == ("cron", True)


@pytest.mark.parametrize("token", ["", "wrong", NEW[:-1], "é", NEW + "x"])
def test_a_wrong_token_begins_nothing(ask, token):
    assert ask(token=token).status_code == 401
    assert JobRun.select().count() == 0


def test_without_any_token_it_is_shut(browse):
    assert browse(None).get("/cron/tokens", headers={"Authorization": "Bearer "}).status_code == 503


def test_only_jobs_that_are_marked_can_be_begun(ask):
    assert not jobs.BY_NAME["audit_chain"].outside
    for name in ("audit_chain", "nothing", "x" * 300):
        answer = ask(f"/cron/{name}", Accept="application/json")
        assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")


def test_hard_23_the_same_minute_and_the_same_key_are_the_same_run(ask, clock):
    first = ask().json["run"]
    assert ask(method="POST").json["run"] == first
    clock.forward(seconds=60)
    second = ask().json["run"]
    assert second != first
    clock.forward(seconds=60)
    keyed = {"Idempotency-Key": "night " * 50}
    third = ask(**keyed).json["run"]
    clock.forward(hours=5)
    assert ask(**keyed).json["run"] == third
    assert JobRun.select().count() == 3


def test_hard_23_by_route_and_by_calendar_they_never_run_together(ask, clock):
    held = leases.take("tokens", "the calendar")
    clock.forward(seconds=5)
    answer = ask()
    assert (answer.status_code, answer.json) == (200, {"running": held.started_at.isoformat(timespec="seconds")})
    leases.end(held, 0)
    assert ask().status_code == 202


def test_outside_names_are_each_a_jobs():
    names = [job.outside for job in jobs.CALENDAR if job.outside]
    assert {"refresh-trending", "cleanup-expired-generated", "sync-phase-templates"} <= set(names)
    assert len(names) == len(set(names)) == len(jobs.BY_OUTSIDE)
