"""Files through the door: sent, refused, and given as downloads that no browser runs."""

import io

import pytest

from domain.lists import attachments, rows
from domain.tasks import tasks
from models import StoredFile
from tests.fixtures.threads import write

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.fixture
def task(at, inside_acme):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


@pytest.fixture
def made(at, task):
    return attachments.add(tasks.rules, task.id, io.BytesIO(SVG), "Überblick.svg", by=at("alice"))


def send(browser, task, *contents, **more):
    """By a body made here: the client's own waits in a file that it doesn't close."""
    head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="file {}.txt"\r\n\r\n'
    body = b"".join(head.format(n).encode() + content + b"\r\n" for n, content in enumerate(contents)) + b"--edge--\r\n"
    content_type = "multipart/form-data; boundary=edge"
    return browser.post(f"/acme/tasks/{task.id}/files", data=body, content_type=content_type, **more)


def test_without_script_files_are_sent_and_the_page_comes_back(browse, task):
    answer = send(browse("bob"), task, b"one", b"two")
    assert (answer.status_code, answer.location) == (303, f"/acme/tasks/{task.id}#row_files")
    page = browse("alice").get(f"/acme/tasks/{task.id}").text
    assert ("file 0.txt" in page, "file 1.txt" in page, "3 bytes" in page) == (True, True, True)


def test_with_htmx_the_files_come_back(browse, hx, task):
    answer = send(browse("bob"), task, b"x" * 2_000_000, headers=hx("row_files"))
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="row_files"')
    assert "2.0 MB" in answer.text


@pytest.mark.parametrize(
    ("contents", "status", "sentence"),
    [((), 422, "Choose a file first."), ((b"",), 422, "is empty, so nothing was kept.")],
)
def test_what_is_no_file_is_refused_beside_the_form(browse, hx, task, contents, status, sentence):
    answer = send(browse("bob"), task, *contents, headers=hx("row_files"))
    assert (answer.status_code, sentence in answer.text, 'role="alert"' in answer.text) == (status, True, True)


def test_a_hundred_megabytes_are_refused_with_a_sentence(web, browse, task, monkeypatch):
    monkeypatch.setattr(web.view_functions["tasks.upload"], "takes", 1000)
    answer = send(browse("bob"), task, b"x" * 2000, headers={"Accept": "application/json"})
    assert (answer.status_code, "too much to send" in answer.json["message"]) == (413, True)
    monkeypatch.undo()
    monkeypatch.setattr(attachments, "most", lambda: 1000)
    answer = send(browse("bob"), task, b"x" * 2000, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["message"].startswith("A file can have at most")) == (413, True)
    assert StoredFile.select().count() == 0


def test_no_other_door_takes_more_than_a_megabyte(browse, task):
    data = {"text": "x" * 1_100_000}
    assert browse("bob").post(f"/acme/tasks/{task.id}/comments", data=data).status_code == 413


def test_a_file_is_a_download_that_no_browser_runs_or_guesses_at(browse, task, made):
    answer = browse("vera").get(f"/acme/tasks/{task.id}/files/{made.id}")
    assert (answer.status_code, answer.data) == (200, SVG)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=_berblick.svg; filename*=UTF-8")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_type_that_is_not_known_is_told_as_none(browse, task, made):
    write(lambda: StoredFile.update(type="text/html").where(StoredFile.id == made.id).execute())
    answer = browse("bob").get(f"/acme/tasks/{task.id}/files/{made.id}")
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_who_does_not_see_the_row_gets_nothing_also_a_second_after(browse, cast, task, made):
    bob, address = browse("bob"), f"/acme/tasks/{task.id}/files/{made.id}"
    assert bob.get(address).status_code == 200
    write(lambda: type(cast.acme).update(own_tasks_only=True).where(type(cast.acme).id == cast.acme.id).execute())
    for browser in (bob, browse("charlie")):
        assert browser.get(address).status_code == 404
        assert browser.get(f"{address}/thumbnail").status_code == 404
    assert browse(None).get(address).status_code == 303


def test_removing_offers_undo(browse, task, made):
    alice, address = browse("alice"), f"/acme/tasks/{task.id}/files/{made.id}"
    assert alice.post(f"{address}/removal").status_code == 303
    assert f"{address}/restoration" in alice.get(f"/acme/tasks/{task.id}").text
    assert alice.get(address).status_code == 404
    assert alice.post(f"{address}/restoration").status_code == 303
    assert alice.get(address).status_code == 200
