import dataclasses

from database import transactions
from domain.base import configuration


def test_health_writes_and_says_so(browse):
    commits = transactions.writer.commits
    for path in ("/health", "/api/health"):
        response = browse(None).get(path)
        assert (response.status_code, response.json) == (200, {"ok": True})
    from database.connections import database
    from models import Lease

    assert Lease.select().where(Lease.job == "health").count() == 1
    assert database.dialect == "postgres" or transactions.writer.commits >= commits + 2


def test_health_is_bad_when_nothing_can_be_written_and_tells_no_more(browse, monkeypatch):
    from views.base import health

    def full():
        raise OSError("No space left on device: /var/secret/place")

    assert browse(None).get("/health").status_code == 200
    monkeypatch.setattr(health, "_write", full)
    response = browse(None).get("/health")
    assert (response.status_code, response.json) == (503, {"ok": False})
    assert b"secret" not in response.data


def test_health_is_bad_while_the_writer_is_down(browse, sqlite):
    client = browse(None)
    transactions.writer.stop()
    assert client.get("/health").status_code == 503
    transactions.writer.restart()
    assert client.get("/health").status_code == 200


def test_metrics_need_the_token(browse):
    assert browse(None).get("/metrics").status_code == 503  # there is none
    configuration.use(dataclasses.replace(configuration.active, metrics_token="sesame" * 4))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": "é"}):
        assert browse("stella").get("/metrics", headers=headers).status_code == 401, headers
    response = browse(None).get("/metrics", headers={"Authorization": "Bearer " + "sesame" * 4})
    assert response.status_code == 200
    assert "guildhall_sessions_live 4.0" in response.get_data(True)


def test_a_write_that_could_not_be_made_is_503_and_asks_to_come_back(browse, sqlite, task):
    alice = browse("alice")
    transactions.writer.stop()
    try:
        for headers in ({"Accept": "application/json"}, {"HX-Request": "true"}, {}):
            response = alice.post(f"/acme/tasks/{task.id}", data={"title": "Lost?"}, headers=headers)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
            assert "was not made" in response.get_data(True)
    finally:
        transactions.writer.restart()
