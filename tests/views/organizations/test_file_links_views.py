"""A link to one file, opened by whoever has it."""

import io

from domain.lists import attachments, rows
from domain.tasks import tasks

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def test_a_link_opens_a_file_without_signing_in_as_a_download_that_no_browser_runs(browse, at, inside_acme):
    task = rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))
    made = attachments.add(tasks.rules, task.id, io.BytesIO(SVG), "Überblick.svg", by=at("alice"))
    page = browse("bob").post(f"/acme/tasks/{task.id}/files/{made.id}/link").text
    link = page.partition('id="file_link" type="text" readonly value="http://localhost')[2].partition('"')[0]
    answer = browse(None).get(link)
    assert (answer.status_code, answer.data, answer.content_type) == (200, SVG, "text/plain")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert "no-store" in answer.headers["Cache-Control"]
    gone = browse(None).get(link[:-4] + "0000")
    assert (gone.status_code, "This link is over" in gone.text) == (404, True)
    assert browse("vera").post(f"/acme/tasks/{task.id}/files/{made.id}/link").status_code == 403
