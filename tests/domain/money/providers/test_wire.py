import json

import pytest
import requests

from domain.money.providers.sandbox.records import Impossible
from tests.peers import wire


def test_a_request_is_answered_in_the_process_by_whoever_plays_the_provider():
    asked = []

    def answer(method, path, query, body, headers):
        asked.append((method, path, query, json.loads(body), headers["X-Of"]))
        return 418, {"X-Said": "é".encode().decode("latin-1")}, '{"said": "é"}'

    session = requests.Session()
    session.mount("https://provider.example", wire.Adapter(answer))
    found = session.post("https://provider.example/v1/a%2Fb?c=d", json={"e": 1}, headers={"X-Of": "us"}, timeout=1)
    assert asked == [("POST", "/v1/a%2Fb", "c=d", {"e": 1}, "us")]
    assert (found.status_code, found.json(), found.ok, found.url) == (
        418,
        {"said": "é"},
        False,
        "https://provider.example/v1/a%2Fb?c=d",
    )


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ("Bearer key", True),
        ("bearer  key ", True),
        (b"Bearer key", True),
        ("Bearer", False),
        ("key", False),
        ("Basic key", False),
        ("Bearer key2", False),
        ("Bearer ké", False),
        ("", False),
    ],
)
def test_only_the_key_opens(given, fits):
    assert wire.has_key({"authorization": given}, "key") is fits
    assert wire.has_key({}, "key") is False


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_body_is_an_object_or_nothing(body):
    assert wire.read(b"") == {}
    assert wire.read(b'{"a": 1}') == {"a": 1}
    with pytest.raises(Impossible):
        wire.read(body)


def test_moments_are_read_in_any_zone_and_written_as_each_provider_does():
    assert wire.seconds("2026-06-15T14:00:00+02:00", "at") == wire.seconds("2026-06-15T12:00:00.000000Z", "at")
    assert wire.written(wire.seconds("2026-06-15T12:00:00", "at"), "%Y-%m-%dT%H:%M:%SZ") == "2026-06-15T12:00:00Z"
    assert wire.written(None, "%Y") is None
    for text in ("soon", None, 5, ""):
        with pytest.raises(Impossible) as refused:
            wire.seconds(text, "at")
        assert refused.value.param == "at"


def test_lists_come_in_pages():
    assert wire.page(list("abcde"), 1, 2) == (["a", "b"], 3)
    assert wire.page(list("abcde"), 3, 2) == (["e"], 3)
    assert wire.page(list("abcde"), 4, 2) == ([], 3)
    assert wire.page([], 1, 2) == ([], 1)
    assert wire.count({"limit": "7"}, "limit", 10, 100) == 7
    assert wire.count({}, "limit", 10, 100) == 10
    for text in ("0", "101", "-1", "x", "", "²", "9" * 50):
        with pytest.raises(Impossible):
            wire.count({"limit": text}, "limit", 10, 100)
