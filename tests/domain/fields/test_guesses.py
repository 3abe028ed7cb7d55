import pytest

from domain.fields import guesses
from domain.fields.records import registry


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


@pytest.mark.parametrize("label", ["Mail", "Photo", "CV", "Files", "Price", "Rating", "Website"])
def test_only_what_is_offered_is_guessed(label):
    """A guess that there is no such kind of would be a refusal that nobody could understand."""
    assert guesses.kind_of(label) in registry.KINDS
