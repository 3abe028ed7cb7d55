import dataclasses
import json
import logging

import pytest

from database import logs
from domain.base import configuration
from models import Release

TOKEN = "ingest this, please, 1234"
TOLD = {"deployment_id": "dep-1", "status": "SUCCESS", "commit": "abc", "message": "Faster"}


@pytest.fixture
def send(browse):
    configuration.use(dataclasses.replace(configuration.active, deployment_ingest_token=(TOKEN,)))

    def send(body=TOLD, query="", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body)
        return browse(None).post(f"/railway/deployments/ingest{query}", data=data, headers=headers)

    return send


def test_a_deployment_is_told_by_a_bearer_or_in_the_address(send):
    answer = send(Authorization=f"Bearer {TOKEN}")
    assert (answer.status_code, answer.json["status"]) == (200, "success")
    assert send(TOLD | {"status": "REMOVED"}, query=f"?token={TOKEN.replace(' ', '+')}").json["status"] == "removed"
    assert Release.select().count() == 1


def test_without_the_token_nothing_is_told(send, browse):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}):
        assert send(**headers).status_code == 401, headers
    assert send(query="?token=wrong").status_code == send(query="?token=").status_code == 401
    assert send(query=f"?token={TOKEN}", Authorization="Bearer wrong").status_code == 401, "the header stands first"
    assert Release.select().count() == 0


def test_it_is_shut_while_no_token_is_set(browse):
    assert browse(None).post("/railway/deployments/ingest?token=", json=TOLD).status_code == 503


def test_what_cannot_be_read_is_refused(send):
    for body in [b"", b"{", b"[]", b"null", b"\xff", b'{"deployment_id": {}}', b"[" * 100_000]:
        answer = send(body, Authorization=f"Bearer {TOKEN}", Accept="application/json")
        assert (answer.status_code, answer.json["code"]) == (422, "INVALID_INPUT"), body


def test_an_alert_about_no_deployment_is_kept_with_200(send):
    answer = send({"type": "VolumeAlert.triggered"}, Authorization=f"Bearer {TOKEN}")
    assert (answer.status_code, answer.json) == (200, {"release": None, "status": "kept"})


@pytest.mark.above_sql
def test_the_token_in_the_address_is_in_no_log():
    record = logging.makeLogRecord({"msg": f"/railway/deployments/ingest?token={TOKEN.split()[0]}"})
    assert "ingest this" not in logs.JsonLines().format(record)
    assert TOKEN.split()[0] not in logs.JsonLines().format(record).replace("/ingest", "")
