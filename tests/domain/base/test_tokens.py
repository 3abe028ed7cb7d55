from datetime import timedelta

import pytest

from database.transactions import writes
from domain.base import configuration, tokens
from domain.base.tokens import CodeExpired, WrongCode
from models import AuthToken
from tests.fixtures.threads import together

pytestmark = pytest.mark.usefixtures("house")
ADA = "ada@example.org"
PURPOSES = AuthToken.purpose.states


def asked(token, code):
    """The refusal of a try with the code, or None."""
    try:
        writes(keep=tokens.NotTheCode)(tokens.check)(AuthToken.get_by_id(token.id), code)
    except tokens.NotTheCode as refusal:
        return refusal


def test_a_code_has_six_digits_also_small_ones(monkeypatch):
    monkeypatch.setattr(tokens.secrets, "randbelow", lambda most: 7 if most == 1_000_000 else None)
    assert tokens.made()[0] == "000007"


def test_only_a_keyed_hash_with_a_salt_of_its_own_is_kept():
    first, code = tokens.new("reset", ADA)
    other, _ = tokens.new("reset", "bob@example.org", secret=code)
    assert code not in str(AuthToken.select().where(AuthToken.id == first.id).tuples().get())
    assert first.secret_hash != other.secret_hash
    assert tokens.fits(first, code)
    assert tokens.fits(other, code)


def test_without_the_sites_key_a_stolen_table_tells_no_codes():
    import dataclasses

    token, code = tokens.new("reset", ADA)
    configuration.use(dataclasses.replace(configuration.active, secret_key="another" * 6))
    assert not tokens.fits(token, code)


def test_a_new_code_voids_the_old_one_of_its_purpose_and_address_and_no_other():
    for purpose in ("reset", "sign_in"):
        for email in (ADA, "bob@example.org"):
            tokens.new(purpose, email)
    old = AuthToken.get(AuthToken.purpose == "reset", AuthToken.email_norm == ADA)
    new, _ = tokens.new("reset", " ADA@example.org ")
    assert AuthToken.select().count() == 4
    assert not AuthToken.one(AuthToken.id == old.id)
    assert AuthToken.one(AuthToken.id == new.id).email_norm == ADA


@pytest.mark.parametrize("way", ["sixth try", "used", "too old"])
def test_a_code_is_over_after_five_tries_one_use_or_ten_minutes(way, clock):
    token, code = tokens.new("sign_in", ADA)
    if way == "sixth try":
        said = [asked(token, "x") for _ in range(5)]
        assert [type(one) for one in said] == [WrongCode] * 4 + [tokens.OutOfTries]
        assert [s.sentence.split("have ")[1] for s in said[:4]] == [
            "4 tries left.",
            "3 tries left.",
            "2 tries left.",
            "one try left.",
        ]
    elif way == "used":
        assert asked(token, code) is None
    else:
        clock.forward(minutes=10, seconds=-1)
        assert isinstance(asked(token, "x"), WrongCode)
        clock.forward(seconds=1)
    before = AuthToken.get().attempts
    assert isinstance(asked(token, code), CodeExpired)
    assert AuthToken.get().attempts == before


def test_tries_at_the_same_moment_are_all_counted_and_only_five_are_looked_at():
    token, code = tokens.new("sign_in", ADA)
    outcomes = together(*(lambda: asked(token, "999999" if code != "999999" else "0") for _ in range(6)))
    assert AuthToken.get().attempts == 5
    assert all(isinstance(one, (WrongCode, CodeExpired)) for one in outcomes)
    assert isinstance(asked(token, code), CodeExpired)


def test_one_right_code_at_once_from_two_sides_is_taken_once():
    token, code = tokens.new("sign_in", ADA)
    outcomes = together(*(lambda: asked(token, code) for _ in range(4)))
    assert outcomes.count(None) == 1
    assert AuthToken.get().consumed_at


def test_a_try_that_is_counted_before_it_is_checked_stays_counted():
    token, _ = tokens.new("second_factor", ADA)
    for count in range(1, 6):
        assert tokens.count(token)
        assert AuthToken.get().attempts == count
    assert not tokens.count(token)
    assert AuthToken.get().attempts == 5


def test_no_row_is_no_code():
    with pytest.raises(CodeExpired):
        tokens.check(None, "000001")


def test_it_is_consumed_once():
    token, _ = tokens.new("magic_link", ADA, secret="s" * 43)
    assert [bool(tokens.consume(token)) for _ in range(2)] == [True, False]


def test_old_ones_go_and_an_unfinished_sign_up_is_kept_a_week(clock):
    for purpose in PURPOSES:
        tokens.new(purpose, ADA)
    live, _ = tokens.new("sign_in", "bob@example.org", life=timedelta(days=30))
    clock.forward(minutes=10, seconds=1)
    assert tokens.prune(1) == 1
    tokens.prune(100)
    assert {t.purpose for t in AuthToken.select()} == {"verify_email", "sign_in"}
    clock.forward(days=7)
    tokens.prune(100)
    assert AuthToken.get() == live
