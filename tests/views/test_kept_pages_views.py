"""A page that is the same for all strangers is drawn once for all who ask at the same time."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from views import kept_pages

PAGE = b'<form><input name="form_key" value="x"></form> ' + b"many words " * 300 + b'<input name="form_key" value="x">'


@pytest.fixture
def ask(unhoused, monkeypatch):
    """`ask(**environ)` is (status, headers, body) of an answer; `ask.drawn` is what the application was asked."""
    monkeypatch.setattr(kept_pages, "SECONDS", 60)
    kept_pages.pages.clear()
    drawn = []

    def application(environ, start_response):
        drawn.append(environ)
        status = "301 Moved" if environ["PATH_INFO"] == "/e/old" else "200 OK"
        start_response(status, [("Set-Cookie", "session=somebodys"), ("X-Request-Id", "of-one"), ("Vary", "Cookie")])
        return [PAGE]

    layer = kept_pages.KeptPages(application)

    def ask(path="/e/jazz", **more):
        said = []
        asked = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "wsgi.url_scheme": "http"}
        body = b"".join(layer(asked | {"HTTP_HOST": "hall.example"} | more, lambda *head: said.append(head)))
        return said[0][0], dict(said[0][1]), body

    ask.drawn = drawn
    return ask


def test_a_page_is_drawn_once_however_many_ask_at_once(ask):
    gate = Barrier(8)

    def one(_):
        gate.wait(10)
        return ask()[2]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert (len(ask.drawn), len(set(answers))) == (1, 8)
    assert len(kept_pages.KEY.findall(answers[0])) == 2


def test_nothing_of_who_had_it_drawn_is_given_to_others(ask):
    first = ask(HTTP_COOKIE="guildhall_zone=Asia/Tokyo", HTTP_ACCEPT_ENCODING="gzip")
    assert not {"HTTP_COOKIE", "HTTP_ACCEPT_ENCODING"} & set(ask.drawn[0])
    for status, headers, _ in (first, ask()):
        assert (status, headers["Vary"], "Set-Cookie" in headers) == ("200 OK", "Cookie", False)
    assert len({first[1]["X-Request-Id"], ask()[1]["X-Request-Id"], "of-one"}) == 3


@pytest.mark.parametrize("accepts", ["gzip", "br, gzip;q=0.8", "*"])
def test_it_is_packed_for_who_takes_that(ask, accepts):
    _, headers, body = ask(HTTP_ACCEPT_ENCODING=accepts)
    assert (headers["Content-Encoding"], int(headers["Content-Length"])) == ("gzip", len(body))
    assert len(body) < len(PAGE) / 4
    plain = gzip.decompress(body)
    assert kept_pages.KEY.split(plain) == kept_pages.KEY.split(PAGE)
    assert len(set(kept_pages.KEY.findall(plain))) == 1


@pytest.mark.parametrize("accepts", ["", "br", "gzip;q=0", "identity"])
def test_it_is_plain_for_who_does_not(ask, accepts):
    _, headers, body = ask(HTTP_ACCEPT_ENCODING=accepts)
    assert "Content-Encoding" not in headers
    assert int(headers["Content-Length"]) == len(body)


@pytest.mark.parametrize(
    "odd",
    [
        {"path": "/e/old"},
        {"path": "/e/jazz/event.ics"},
        {"QUERY_STRING": "code=X"},
        {"REQUEST_METHOD": "POST"},
        {"REQUEST_METHOD": "HEAD"},
        {"HTTP_HX_REQUEST": "true"},
        {"HTTP_COOKIE": "a=b; guildhall=signed"},
        {"HTTP_COOKIE": "__Host-guildhall=signed"},
    ],
)
def test_who_is_no_stranger_and_what_is_no_page_goes_on_to_the_application(ask, odd):
    ask()
    for _ in range(2):
        assert ask(**odd)[1]["X-Request-Id"] == "of-one"
    assert len(ask.drawn) == 3


def test_a_page_under_another_name_of_ours_is_its_own(ask):
    ask()
    ask(HTTP_HOST="elsewhere.example")
    assert len(ask.drawn) == 2
