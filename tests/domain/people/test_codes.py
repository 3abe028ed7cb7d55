"""What holds for every mailed code, whatever it is for; what is special about one is in the file of its noun."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from database.transactions import writes
from domain import NotFound
from domain.base.tokens import CodeExpired, WrongCode
from domain.people import accounts, codes, identities, sign_ins
from models import AuthToken, Outgoing, User
from tests.fixtures.threads import refused, together

ADA, NEW = "ada@example.org", "Another horse 2?"


def sign_up(cast):
    return accounts.sign_up(ADA, "Ada Lovelace", "Correct horse 1!")


def identity(cast):
    return identities.arrive(identities.Arrival("google", "g-1", ADA, False, "Ada Lovelace"))[1]


@dataclass(frozen=True)
class Purpose:
    """How a code of it is asked for, and what it is good for."""

    name: str
    ask: object
    use: object
    address: str = "bob@example.org"


PURPOSES = (
    Purpose("verify_email", sign_up, lambda cast, id, code: accounts.verify(id, code), ADA),
    Purpose(
        "sign_in",
        lambda cast: sign_ins.ask_code(cast.bob.email),
        lambda cast, id, code: sign_ins.sign_in_with_code(id, code),
    ),
    Purpose(
        "reset",
        lambda cast: sign_ins.forgot(cast.bob.email),
        lambda cast, id, code: sign_ins.reset(id, code, NEW),
    ),
    Purpose(
        "change_email",
        lambda cast: accounts.ask_new_address(cast.bob, ADA),
        lambda cast, id, code: accounts.change_address(cast.bob, id, code),
        ADA,
    ),
    Purpose("identity", identity, lambda cast, id, code: identities.confirm(id, code), ADA),
)


@pytest.fixture(params=PURPOSES, ids=lambda purpose: purpose.name)
def waiting(request, cast, proven, monkeypatch):
    """Somebody who waits with a mailed code: 000001. `use(code)` tries one, `again()` has another mailed."""
    purpose = request.param
    numbers = iter(range(1, 100))
    monkeypatch.setattr(codes.tokens.secrets, "randbelow", lambda _: next(numbers))
    proven("bob", "account.change_email")
    token = purpose.ask(cast)
    made = SimpleNamespace(purpose=purpose, token=token, row=lambda: AuthToken.get(AuthToken.purpose == purpose.name))
    made.use = lambda code, id=token: purpose.use(cast, id, code)
    made.again = lambda id=token: codes.send_again(id, purpose.name)
    return made


def mailed():
    """(address, code) of each letter with a code."""
    letters = Outgoing.select().where(Outgoing.kind == "mail").order_by(Outgoing.id)
    return [(row.recipient, row.payload["values"]["code"]) for row in letters if "code" in row.payload["values"]]


def people():
    return [(user.email, user.password_hash) for user in User.select().order_by(User.id)]


def test_a_code_is_mailed_once_and_good_once(waiting):
    assert mailed() == [(waiting.purpose.address, "000001")]
    assert waiting.use(" 000 001 ")
    with pytest.raises(CodeExpired):
        waiting.use("000001")


def test_a_code_holds_ten_minutes(clock, waiting):
    before = people()
    clock.forward(minutes=10, seconds=1)
    with pytest.raises(CodeExpired):
        waiting.use("000001")
    assert people() == before
    again = waiting.again()
    clock.forward(minutes=9, seconds=59)
    assert waiting.use("000002", again)


def test_wrong_codes_are_counted_and_the_sixth_try_is_none(waiting):
    before = people()
    for left in ("4 tries", "3 tries", "2 tries", "one try"):
        with pytest.raises(WrongCode, match=left):
            waiting.use("999999")
    assert waiting.row().attempts == 4
    for code in ("999999", "000001"):  # the last is right, but too late
        with pytest.raises(CodeExpired):
            waiting.use(code)
    assert waiting.row().attempts == 5
    assert people() == before


def test_many_guesses_at_the_same_moment_get_no_more_than_five(waiting):
    outcomes = together(*(lambda: writes(waiting.use)("999999") for _ in range(8)))
    assert all(isinstance(one, (WrongCode, CodeExpired)) for one in outcomes)
    assert len(refused(outcomes)) == 8


@pytest.mark.parametrize("code", ["", None, "abc", "0" * 1000, "١٢٣٤٥٦", "\x00", "-00001"])
def test_what_is_no_code_is_a_wrong_code(code, waiting):
    with pytest.raises(WrongCode):
        waiting.use(code)


@pytest.mark.parametrize("id", [None, "", "nonsense"])
def test_without_the_browsers_token_no_code_is_good(id, waiting):
    before = people()
    with pytest.raises(CodeExpired):
        waiting.use("000001", id)
    assert people() == before
    assert waiting.again(id) is None


def test_a_new_code_voids_the_old(waiting):
    again = waiting.again()
    assert again != waiting.token
    assert mailed() == [(waiting.purpose.address, "000001"), (waiting.purpose.address, "000002")]
    with pytest.raises(CodeExpired):
        waiting.use("000001")
    with pytest.raises(WrongCode):
        waiting.use("000001", again)
    assert waiting.use("000002", again)


def test_no_code_does_the_work_of_another(waiting, cast):
    """It is tried at every door but its own; so is what waits for the second factor."""
    doors = {purpose.name: purpose.use for purpose in PURPOSES} | {
        "second_factor": lambda cast, id, code: sign_ins.finish_second_factor(id, code, lambda *_: True),
        "magic_link": lambda cast, id, code: sign_ins.sign_in_with_link(f"{id}.{code}"),
        "setup": lambda cast, id, code: accounts.set_up(f"{id}.{code}", "eve@example.org", "Eve", NEW),
    }
    for door, open_ in doors.items():
        if door != waiting.purpose.name:
            with pytest.raises((CodeExpired, NotFound)):
                open_(cast, waiting.token, "000001")
    assert waiting.row().attempts == 0
