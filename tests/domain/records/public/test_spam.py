"""What looks as if no person had sent it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from database.clock import now
from domain.base import configuration
from domain.records.public import spam
from tests.fixtures.public import proof_of

LINK, OTHER = SimpleNamespace(id=1), SimpleNamespace(id=2)


@pytest.fixture(autouse=True)
def _keyed(unhoused):
    assert configuration.active.secret_key


def test_a_stamp_is_of_its_link_and_holds_for_a_day(clock):
    text = spam.stamp(LINK)
    assert spam.stamp_of(LINK, text).at == now()
    for wrong in (
        text[:-1],
        f"1{text}",
        text.replace(".", "", 1),
        "",
        None,
        "x" * 500,
        "ü.1.2",
        "..",
        "9" * 40 + "..x",
    ):
        assert spam.stamp_of(LINK, wrong) is None
    assert spam.stamp_of(OTHER, text) is None
    clock.forward(days=1)
    assert spam.stamp_of(LINK, text)
    clock.forward(seconds=1)
    with pytest.raises(spam.Old):
        spam.stamp_of(LINK, text)


def test_the_work_is_of_one_stamp(clock):
    one, two = (spam.stamp_of(LINK, spam.stamp(LINK)) for _ in range(2))
    proof = proof_of(one.text)
    assert spam.is_proven(one, proof)
    assert not spam.is_proven(two, proof)
    for wrong in ("", None, "-1", "x", "١", "9" * 20, f"{proof} "):
        assert not spam.is_proven(one, wrong)


@pytest.mark.parametrize(
    ("suspect", "is_long", "text"),
    [
        (False, True, "My toaster is broken. See https://example.org/toaster and www.example.org."),
        (True, True, "http://a.example http://b.example http://c.example"),
        (True, True, '<a href="x">cheap</a>'),
        (True, True, "[URL=http://x]cheap[/URL]"),
        (False, False, "Meyer & Sons, https://example.org"),
        (True, False, "https://a.example https://b.example"),
        (False, True, "BITTE NUR VORMITTAGS"),
    ],
)
def test_what_is_written_like_advertising(suspect, is_long, text):
    assert (spam.points([(is_long, text)]) >= spam.SUSPECT) == suspect


def test_who_is_told_why(clock):
    assert timedelta(seconds=3) == spam.SOONEST
    stamp = spam.stamp_of(LINK, spam.stamp(LINK))
    reasons = spam.judged(LINK, stamp, {spam.TRAP: "x"}, [(True, "http://a http://b http://c")], "192.0.2.1")
    assert reasons == ["trap", "fast", "proof", "words"]
    assert set(reasons) <= set(spam.REASONS)
