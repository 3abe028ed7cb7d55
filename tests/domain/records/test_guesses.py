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
