import pytest

from domain.fields import registry
from domain.records import guesses


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("State", "choice"),
        ("Bring on", "day"),
        ("Notes", "long_text"),
        ("Item", "text"),
        ("Mailbox", "text"),
        ("", "text"),
    ],
)
def test_a_kind_is_guessed_from_a_name(label, kind):
    assert guesses.kind_of(label) == kind


def test_only_what_is_offered_is_guessed():
    assert guesses.kind_of("Mail", registry.KINDS) in registry.KINDS


@pytest.mark.parametrize(
    ("label", "texts", "kind"),
    [
        ("Article", ("00123", "00124"), "text"),
        ("Card", ("1234567890123456", "1"), "text"),
        ("Code", ("1E5", "2"), "text"),
        ("Sum", ("1.234,56", "7", ""), "number"),
        ("Sum", (*(["12"] * 99), "ca. 4"), "number"),
        ("Share", ("15 %", "20%"), "percent"),
        ("Paid", ("yes", "no"), "yes_no"),
        ("Count", ("0", "1"), "number"),
        ("When", ("15.01.2025", "09.01.2025"), "day"),
        ("When", ("2026-03-29 14:30",), "moment"),
        ("Who", ("ada@example.org",), "email"),
        ("Where", ("https://example.org",), "url"),
        ("State", ("New", "Open"), "choice"),
        ("About", ("a\nb",), "long_text"),
        ("Price", ("about five", "six"), "text"),
        ("Owner", (), "person"),
    ],
)
def test_a_kind_that_loses_nothing_is_guessed_by_values(label, texts, kind):
    assert guesses.kind_of_values(label, texts) == kind
