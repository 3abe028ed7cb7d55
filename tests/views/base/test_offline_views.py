"""What browsers keep for a lost network."""

import json
import re


def test_use_r1_the_service_worker_keeps_one_page_that_knows_nobody(browse):
    page = browse("alice").get("/offline").get_data(True)
    assert page == browse(None).get("/offline").get_data(True)
    assert "You are offline" in page
    answer = browse(None).get("/worker.js")
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("text/javascript", "no-cache")
    kept = json.loads(re.search(r"KEPT = (\[.*?\]);", answer.get_data(True))[1])
    assert re.findall(r'(?:src|href)="([^"]+)"', page) == kept
    assert all(address.startswith("/static/") for address in kept)
    assert "Set-Cookie" not in answer.headers
