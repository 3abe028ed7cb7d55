from datetime import timedelta

import pytest

import jobs
import models
from database.clock import now
from domain.operations.runs import leases
from models import AuditEvent, JobRun
from tests.conftest import write


@pytest.fixture
def stella(browse):
    return browse("stella")


def audited(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


def test_a_job_runs_at_once_and_says_who_asked(stella, cast, followed):
    page = followed(stella, stella.post("/admin/jobs/tokens/run"))
    assert "0 done." in page
    assert JobRun.get(JobRun.job == "tokens").asked_by_id == cast.stella.id
    assert stella.post("/admin/jobs/nothing/run").status_code == 404


def test_jobs_are_a_list_with_those_that_failed_first(stella, said):
    write(JobRun.create, job="tokens", ok=False, error="KeyError: 'x'", finished_at=now())
    page = said(stella.get("/admin/jobs"))
    assert "every 5 seconds" in page
    assert "daily at 03:10 UTC" in page
    assert "KeyError" in page
    assert page.index("Remove expired codes") < page.index("Work off webhooks")
    of_letters = [job for job in jobs.CALENDAR if "letters" in f"{job.name} {job.label}".lower()]
    assert stella.get("/admin/jobs?q=letters").get_data(True).count("data-row=") == len(of_letters) > 1
    assert "Failed 1" in said(stella.get("/admin/jobs?result=failed"))
    assert len(stella.get("/admin/jobs/export.csv").get_data(True).splitlines()) == len(jobs.CALENDAR) + 1


def test_a_job_that_runs_already_is_not_run_twice(stella):
    write(models.Lease.create, job="tokens", owner="another", until_at=now() + timedelta(minutes=1))
    response = stella.post("/admin/jobs/tokens/run", headers={"Accept": "application/json"})
    assert (response.status_code, response.json["message"]) == (409, "That job is running already.")
    assert JobRun.select().count() == 0


def test_a_job_has_a_page_of_its_runs_and_their_durations(stella, cast, clock, said):
    for seconds in (1, 2, 3):
        taken = leases.take("tokens", "me")
        clock.forward(seconds=seconds)
        leases.end(taken, seconds, KeyError("x") if seconds == 2 else None, label="Tokens")
    page = said(stella.get("/admin/jobs/tokens"))
    for words in ("How long the last 3 runs took", "KeyError", "Failed 1", "OK 2", "every hour", "/cron/tokens"):
        assert words in page, words
    assert stella.get("/admin/jobs/nothing").status_code == 404
    assert len(stella.get("/admin/jobs/tokens/export.csv").get_data(True).splitlines()) == 4
    assert "not run yet" in said(stella.get("/admin/jobs/digests"))


def test_a_run_can_be_stopped_from_its_page(stella, said, followed):
    leases.take("tokens", "me")
    assert "Running since" in said(stella.get("/admin/jobs/tokens"))
    assert "ends after the batch" in followed(stella, stella.post("/admin/jobs/tokens/end"))
    assert "asked to stop" in said(stella.get("/admin/jobs/tokens"))
    assert "Running" in said(stella.get("/admin/jobs?result=running"))
