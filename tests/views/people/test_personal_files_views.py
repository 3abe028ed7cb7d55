"""Somebody has a file made of all that names them, and fetches it."""

import zipfile
from io import BytesIO

from domain.operations.moving import personal_files
from tests.conftest import PASSWORD


def test_a_person_has_their_file_made_and_fetches_it(browse, cast):
    bob, here = browse("bob"), "/account/export"
    assert f'href="{here}"' in bob.get("/account").text
    assert bob.get(f"{here}/newest.zip").status_code == 404
    assert bob.post(here, data={}).status_code == 403  # who they are is asked first
    proof = {"proof_action": "account.export", "proof_method": "password", "proof_answer": PASSWORD}
    assert bob.post(here, data=proof).status_code == 303
    assert "The file is being made." in bob.get(here).text
    personal_files.work()
    assert "The file is there." in bob.get(here).text
    with bob.get(f"{here}/newest.zip") as answer:
        assert "user.json" in zipfile.ZipFile(BytesIO(answer.data)).namelist()
    assert browse("alice").get(f"{here}/newest.zip").status_code == 404
