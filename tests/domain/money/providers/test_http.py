import json
from datetime import UTC, datetime

import pytest
import requests
import responses

from domain.money.providers import http
from domain.money.providers.provider import Account, Gone, ProviderFailed, readable

KEY, API = "a-secret-key", "https://api.example.com"


def ask(method="GET", missing="", **more):
    http.session.cache_clear()
    account = Account(KEY, (), {}, False)
    return http.call("Them", account, method, f"{API}/x", lambda said: (said or {}).get("why", ""), missing, **more)


@pytest.mark.parametrize(
    ("error", "method", "asked"),
    [
        (requests.ReadTimeout(KEY), "POST", True),
        (requests.ConnectionError(KEY), "PATCH", True),
        (requests.ConnectTimeout(KEY), "POST", False),
        (requests.ReadTimeout(KEY), "GET", False),
    ],
)
@responses.activate
def test_a_cut_off_write_may_have_been_done_and_a_read_was_not(error, method, asked):
    responses.add(method, f"{API}/x", body=error)
    with pytest.raises(ProviderFailed, match=r"^Them couldn't be reached \(\w+\)\.$") as failed:
        ask(method, headers={})
    assert (failed.value.asked, failed.value.__cause__) == (asked, None)


@pytest.mark.parametrize(
    ("status", "asked"), [(302, False), (404, False), (422, False), (429, False), (500, True), (503, True)]
)
@responses.activate
def test_an_answer_says_no_or_is_a_fault_of_theirs(status, asked):
    responses.post(f"{API}/x", json={"why": "because"}, status=status, headers={"Location": "https://evil.example"})
    with pytest.raises(http.Answered) as failed:
        ask("POST", headers={})
    assert (failed.value.asked, failed.value.status, failed.value.error) == (asked, status, "because")
    assert str(failed.value) == f"Them answered {status} (because)."


@pytest.mark.parametrize(("missing", "gone"), [("", True), ("NotHere", True), ("Other", False)])
@responses.activate
def test_an_object_is_gone_where_the_answer_says_just_that(missing, gone):
    responses.get(f"{API}/x", json={"why": "NotHere"}, status=404)
    with pytest.raises(http.Answered) as failed:
        ask(missing=missing, headers={})
    assert isinstance(failed.value, Gone) is gone


@pytest.mark.parametrize("text", ["", "<html>", "[]", "7", "null"])
@responses.activate
def test_an_answer_that_is_no_object_is_a_failure(text):
    responses.get(f"{API}/x", body=text)
    with pytest.raises(ProviderFailed, match="can't be read"):
        ask(headers={})


@responses.activate
def test_the_key_goes_along_with_what_is_asked():
    responses.post(f"{API}/x", json={"a": 1})
    assert ask("POST", headers={"X": "1"}, body={"b": 2}, params={"c": 3}) == {"a": 1}
    (call,) = responses.calls
    assert call.request.headers["Authorization"] == f"Bearer {KEY}"
    assert (call.request.headers["X"], json.loads(call.request.body), call.request.params) == (
        "1",
        {"b": 2},
        {"c": "3"},
    )


def test_a_list_ends_with_its_last_page_or_an_empty_one(clock):
    documents = {1: (["a"], 2), 2: (["b"], 3), 3: ([], 4)}
    found = http.pages("Them", documents.get, lambda document, _: document)
    assert [page for page, _ in found] == [["a"], ["b"], []]
    assert list(http.pages("Them", lambda _: (["a"], None), lambda document, _: document)) == [(["a"], clock.moment)]
    with pytest.raises(ProviderFailed, match="Them: the list can't be read"):
        list(http.pages("Them", lambda _: None, lambda document, _: document))


def test_a_moment_is_aware_and_utc():
    noon = datetime(2026, 6, 15, 12, tzinfo=UTC)
    for text in ("2026-06-15T12:00:00Z", "2026-06-15T14:00:00+02:00", "2026-06-15T12:00:00.000000"):
        assert http.moment(text) == noon
    assert http.moment(None) is http.moment("") is None
    assert [http.later(noon, unit, 2) and (http.later(noon, unit, 2) - noon).days for unit in ("day", "week")] == [
        2,
        14,
    ]
    assert http.later(noon, "year", 1) == noon.replace(year=2027)
    assert http.later(noon, "century", 1) is None


@pytest.mark.parametrize("error", [KeyError("x"), TypeError(), ValueError(), AttributeError(), OverflowError()])
def test_what_has_another_shape_is_the_providers_failure(error):
    with pytest.raises(ProviderFailed, match="Them: the answer can't be read"), readable("Them"):
        raise error
