"""Staff brings an organization in: the file, what is in it, how far it is."""

import io

import jobs
from database.scope import inside
from domain.files import made_files
from domain.operations.moving import departures
from tests.conftest import PASSWORD
from tests.fixtures.events import TIMES, make_event
from tests.fixtures.threads import write


def _taken_out(cast, at):
    with inside(cast.acme):
        about = {"organization": cast.acme.id, "key": "0" * 32, "parts": {}}
        write(lambda: departures.long_jobs.begin(departures.JOB, str(cast.acme.id), by=cast.alice, **about))
        jobs.run("organization_export")
        return made_files.path(departures.newest(at("alice"))).read_bytes()


def test_which_events_get_another_address_is_said_before(browse, cast, at):
    with inside(cast.acme):
        make_event(at("alice"), title="Summer", **TIMES)
    sent = browse("stella").post("/admin/imports", data={"file": (io.BytesIO(_taken_out(cast, at)), "acme.zip")})
    assert "<li>/e/summer becomes /e/summer-2</li>" in browse("stella").get(sent.headers["Location"]).text


def test_staff_brings_one_in(browse, cast, at):
    data = _taken_out(cast, at)
    stella, here = browse("stella"), "/admin/imports"
    bad = stella.post(here, data={"file": (io.BytesIO(b"x"), "x.zip")})
    assert (bad.status_code, "This is no whole file of an organization" in bad.text) == (422, True)
    sent = stella.post(here, data={"file": (io.BytesIO(data), "acme.zip")})
    page = sent.headers["Location"]
    assert "The address /acme is taken here." in stella.get(page).text
    assert stella.post(page, data={"slug": "acme"}).status_code == 422
    assert stella.post(page, data={"slug": "north"}).status_code == 403  # who they are is asked first
    proof = {"proof_action": "admin.import_organization", "proof_method": "password", "proof_answer": PASSWORD}
    assert stella.post(page, data={"slug": "north"} | proof).status_code == 303
    assert "Acme is being brought in." in stella.get(here).text
    jobs.run("organization_import")
    assert 'href="/north"' in stella.get(here).text
    assert stella.get(page).status_code == 404
    for who in ("alice", None):
        assert browse(who).get(here).status_code in (303, 404)
