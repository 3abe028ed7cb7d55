"""Badges are printed for all, for one kind of ticket, or for whom one chose in the list."""

import io
from urllib.parse import parse_qs, urlsplit

import pytest
from pypdf import PdfReader

from domain.events import passes
from domain.events.carriers import prints
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event, make_tier


@pytest.fixture(scope="module", autouse=True)
def _press_ends():
    yield
    prints.press.end()


def words(answer):
    assert answer.mimetype == "application/pdf", answer.text[:300]
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages)


@pytest.fixture
def two(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"))
    gold = make_tier(event, at("alice"), name="Gold")
    one, other = passes.of(bought(event, tier))[0], passes.of(bought(event, gold))[0]
    passes.rename(other.id, "Grace Hopper", by=at("alice"))
    return event, one, other


def test_all_one_kind_or_the_chosen_ones_are_printed(two, browse):
    event, one, other = two
    alice, url = browse("alice"), f"/acme/events/{event.id}"
    assert "2 badges" in alice.get(f"{url}/badges").text
    said = words(alice.get(f"{url}/badges.pdf?sheet=a4&codes=1"))
    assert "Ada Lovelace" in said
    assert "Grace Hopper" in said
    assert "Ada" not in words(alice.get(f"{url}/badges.pdf?sheet=label&tier={other.tier_id}"))
    led = alice.post(f"{url}/passes/bulk", data={"ids": [one.id], "act": "badges"})
    assert led.status_code == 303
    assert parse_qs(urlsplit(led.location).query) == {"pass": [str(one.id)]}
    assert "1 badge" in alice.get(led.location).text
    assert "Grace" not in words(alice.get(led.location.replace("/badges?", "/badges.pdf?sheet=a6&")))
    assert browse("vera").post(f"{url}/passes/bulk", data={"ids": [one.id], "act": "badges"}).status_code == 403
    assert browse("vera").get(f"{url}/badges.pdf").status_code == 403


def test_nobody_and_too_many_are_told_with_a_sentence(two, browse, monkeypatch, at):
    event, one, _ = two
    alice, url = browse("alice"), f"/acme/events/{event.id}"
    monkeypatch.setattr(prints, "MOST", 1)
    refused = alice.get(f"{url}/badges.pdf?sheet=a4")
    assert (refused.status_code, "Choose one kind of ticket" in refused.text) == (409, True)
    assert alice.get(f"{url}/badges.pdf?sheet=x&pass=99999").status_code == 404
    other, _ = make_event(at("alice"), title="Other")
    assert "Nobody to print a badge for" in alice.get(f"/acme/events/{other.id}/badges").text
    assert alice.get(f"/acme/events/{other.id}/badges.pdf?pass={one.id}").status_code == 404
