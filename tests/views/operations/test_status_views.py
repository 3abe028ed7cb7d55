from domain.base import settings
from domain.operations.status import outages, status_pages


def switch_on(cast):
    settings.change("status_page", "on", by=cast.stella)
    settings.forget()


def test_the_status_page_is_there_once_it_is_switched_on(browse, cast, said, clock):
    assert browse(None).get("/status").status_code == 404
    switch_on(cast)
    assert "Nothing was measured in the last 30 days" in said(browse(None).get("/status"))
    status_pages.measure()
    answer = browse(None).get("/status")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=30")
    page = said(answer)
    for words in ("Everything works", "Pages", "Letters", "Background work", "grey"):
        assert words in page, words
    assert "public" not in browse("alice").get("/status").headers["Cache-Control"]


def test_it_tells_outages_and_gives_nothing_away(browse, cast, said, clock):
    switch_on(cast)
    outages.tell({"title": "Lists <b>are</b> slow", "component": "all", "words": "We look."}, by=cast.stella)
    answer = browse(None).get("/status")
    assert "Something doesn’t work" in said(answer)
    assert b"<b>are</b>" not in answer.data
    assert b"stella" not in answer.data.lower()
