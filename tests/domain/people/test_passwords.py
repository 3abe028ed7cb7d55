import pytest

from domain import Invalid
from domain.people import passwords


@pytest.mark.parametrize(
    ("password", "lacks"),
    [
        ("Correct horse 1!", []),
        ("Corr1!", ["at least 12 characters"]),
        ("correct horse 1!", ["an upper-case letter"]),
        ("CORRECT HORSE 1!", ["a lower-case letter"]),
        ("Correct horse !!", ["a digit"]),
        ("Correcthorse12", ["a special character"]),
        (
            "",
            ["at least 12 characters", "an upper-case letter", "a lower-case letter", "a digit", "a special character"],
        ),
        ("Aa1!" * 60, ["no more than 200 characters"]),
    ],
)
def test_what_is_missing_is_named(password, lacks):
    assert passwords.missing(password) == lacks


def test_a_hash_fits_its_password_only_and_differs_each_time():
    first, second = passwords.hashed("Correct horse 1!"), passwords.hashed("Correct horse 1!")
    assert first != second
    assert "Correct" not in first
    assert passwords.fits("Correct horse 1!", first)
    assert not passwords.fits("Correct horse 2!", first)
    assert not passwords.fits("Correct horse 1!", None)
    assert not passwords.fits("Correct horse 1!", "no hash at all")
    assert not passwords.fits("x" * 10_000, first)


def test_report_07_a_password_is_the_same_however_the_keyboard_puts_its_letters_together(house):
    nfc, nfd = "Corr\u00e9ct horse 1!", "Corre\u0301ct horse 1!"
    chosen = passwords.chosen(nfd)
    assert passwords.fits(nfc, chosen)
    assert passwords.fits(nfd, chosen)
    assert passwords.fits("Corr\u00e9ct\u3000horse 1!", chosen), "another space is a space (RFC 8265)"


def test_report_07_one_that_was_kept_as_it_came_fits_and_is_kept_anew(house):
    nfc, nfd = "Corr\u00e9ct horse 1!", "Corre\u0301ct horse 1!"
    old = passwords.hashed(nfd)
    assert passwords.fits(nfc, old)
    anew = passwords.hashed_anew(nfc, old)
    assert passwords.hashed_anew(nfc, anew) is None


@pytest.mark.parametrize(
    "password", ["Password123!", "Guildhall2026!", "P@ssw0rd1234", "Iloveyou1234!", "Ada.Lovelace1!"]
)
def test_what_everybody_tries_first_is_refused(house, password):
    with pytest.raises(Invalid) as refused:
        passwords.chosen(password, "lovelace@example.org", "Ada Lovelace")
    assert "first that somebody would try" in refused.value.fields["password"]
