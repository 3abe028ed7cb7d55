import pytest

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
