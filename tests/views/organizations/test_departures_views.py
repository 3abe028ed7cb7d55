"""An owner has all of the organization made into a file, and fetches it."""

import zipfile
from io import BytesIO

from domain.operations.moving import departures
from tests.conftest import PASSWORD


def proof(action, target):
    return {"proof_action": action, "proof_target": target, "proof_method": "password", "proof_answer": PASSWORD}


def test_an_owner_has_the_file_made_and_fetches_it(browse, cast, at):
    alice, here = browse("alice"), "/acme/export"
    assert f'href="{here}"' in alice.get("/acme/settings").text
    assert alice.get(f"{here}/newest.zip").status_code == 404
    assert alice.post(here, data={}).status_code == 403  # who they are is asked first
    assert departures.newest(at("alice")) is None
    assert alice.post(here, data=proof("organization.export", str(cast.acme.id))).status_code == 303
    assert "The file is being made." in alice.get(here).text
    departures.work()
    assert "The file is there." in alice.get(here).text
    with alice.get(f"{here}/newest.zip") as answer:
        names = zipfile.ZipFile(BytesIO(answer.data)).namelist()
    assert "rows/task.jsonl" in names
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=guildhall-org-acme-")
    for who in ("bob", "vera"):
        assert browse(who).get(here).status_code == 403
    assert browse("charlie").get(here).status_code == 404
