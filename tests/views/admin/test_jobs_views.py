from datetime import timedelta

import pytest

import jobs
import models
from database.clock import now
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
    assert stella.get("/admin/jobs?q=letters").get_data(True).count("data-row=") == 3
    assert "Failed 1" in said(stella.get("/admin/jobs?result=failed"))
    assert len(stella.get("/admin/jobs/export.csv").get_data(True).splitlines()) == len(jobs.CALENDAR) + 1


def test_a_job_that_runs_already_is_not_run_twice(stella):
    write(models.Lease.create, job="tokens", owner="another", until_at=now() + timedelta(minutes=1))
    response = stella.post("/admin/jobs/tokens/run", headers={"Accept": "application/json"})
    assert (response.status_code, response.json["message"]) == (409, "That job is running already.")
    assert JobRun.select().count() == 0
