"""The five flows of a mailed code, one set of tests for all; what is special about one is in its own file."""

import itertools
import re
from dataclasses import dataclass

import pytest

from domain.base import allowances, tokens
from models import AuthToken
from tests.conftest import PASSWORD
from tests.fixtures.entrance import readable
from tests.views.people.test_identities_views import come as come_from
from tests.views.people.test_identities_views import configured, hall, network  # noqa: F401

BOB, NEW = "bob@example.org", "Better horse 2?"
PROOF = {"proof_action": "account.change_email", "proof_method": "password", "proof_answer": PASSWORD}


@dataclass(frozen=True)
class Flow:
    name: str
    start: str
    form: dict
    path: str
    again: str
    begin: str
    address: str
    who: str | None = None
    more: tuple = ()
    says: str = "We sent a six-digit code"

    def answer(self, client, code, **about):
        return client.post(self.path, data={"code": code} | dict(self.more), **about)


NINA = {"email": "nina@example.org", "name": "Nina Simone", "password": PASSWORD}
RESET, ADDRESS = "/reset-password", "/account/address"
ANSWER, AGAIN = "/sign-in/code/answer", "/sign-in/code/resend"
FLOWS = (
    Flow("sign-up", "/sign-up", NINA, "/verify", "/verify/resend", "/sign-up", NINA["email"]),
    Flow("sign-in", "/sign-in/code", {"email": BOB}, ANSWER, AGAIN, "/sign-in/code", BOB),
    Flow(
        *("reset", "/forgot-password", {"email": BOB}, RESET, f"{RESET}/resend", "/forgot-password", BOB),
        more=(("password", NEW),),
        says="has an account, a six-digit code is on its way there",
    ),
    Flow(
        *("address", ADDRESS, {"email": "new@example.org"} | PROOF, f"{ADDRESS}/answer", f"{ADDRESS}/resend", ADDRESS),
        *("new@example.org", "bob"),
    ),
    Flow(
        *("identity", "", {}, "/auth/code", "/auth/code/resend", "/sign-in", NINA["email"]),
        says="so we sent a six-digit code there",
    ),
)


@pytest.fixture(params=FLOWS, ids=lambda flow: flow.name)
def flow(request):
    return request.param


@pytest.fixture
def began(browse, hall, monkeypatch):  # noqa: F811
    """A browser that waits with this flow. Codes are 730001, 730002, …"""
    numbers = itertools.count(730_001)
    monkeypatch.setattr(tokens.secrets, "randbelow", lambda _: next(numbers))
    hall.claims["email_verified"] = False

    def begin(flow, client=None):
        client = client or browse(flow.who)
        asked = client.post(flow.start, data=flow.form) if flow.start else come_from(client, hall)
        assert (asked.status_code, asked.headers["Location"]) == (303, flow.path)
        return client

    return begin


def test_the_right_code_goes_on_once(flow, began, said, letters):
    client = began(flow)
    page = client.get(flow.path)
    assert page.status_code == 200
    assert flow.address in said(page)
    assert flow.says in said(page)
    assert "spam" in said(page).lower()
    assert letters()[-1][0] == flow.address
    assert "730001" in letters()[-1][2]
    waiting = client.get_cookie("guildhall").value
    assert flow.answer(client, "730 001").status_code == 303
    client.set_cookie("guildhall", waiting)  # as it was
    used = flow.answer(client, "730001")
    assert used.status_code == 422
    assert "no longer good" in said(used)


def test_wrong_codes_count_down_and_the_sixth_try_is_over(flow, began, said):
    client = began(flow)
    for left in ("4 tries", "3 tries", "2 tries", "one try"):
        wrong = flow.answer(client, "000000")
        assert wrong.status_code == 422
        assert f"You have {left} left" in said(wrong)
        assert 'id="code_error"' in wrong.get_data(True)
        assert "000000" not in wrong.get_data(True)
    for code in ("000000", "730001"):
        over = flow.answer(client, code)
        assert over.status_code == 422
        assert "no longer good" in said(over)


def test_after_ten_minutes_it_is_too_late(flow, began, clock, said):
    client = began(flow)
    clock.forward(minutes=9)
    assert "4 tries" in said(flow.answer(client, "000000"))
    clock.forward(minutes=2)
    assert "no longer good" in said(flow.answer(client, "730001"))


def test_a_new_code_voids_the_old_one(flow, began, followed, letters, said):
    client = began(flow)
    sent = client.post(flow.again)
    assert (sent.status_code, sent.headers["Location"]) == (303, flow.path)
    assert "A new code is on its way. The old one is no longer good." in followed(client, sent)
    assert "730002" in letters()[-1][2]
    assert "4 tries" in said(flow.answer(client, "730001"))
    assert flow.answer(client, "730002").status_code == 303


def test_a_code_belongs_to_the_browser_that_asked(flow, began, browse, followed):
    began(flow)
    other = browse(flow.who)
    assert other.get(flow.path).headers["Location"] == flow.begin
    for ask in (lambda: flow.answer(other, "730001"), lambda: other.post(flow.again)):
        asked = ask()
        assert (asked.status_code, asked.headers["Location"]) == (303, flow.begin)
        assert "too old" in followed(other, asked)
    assert AuthToken.select().where(AuthToken.attempts > 0).count() == 0


def test_codes_of_one_page_open_no_other(flow, began):
    """Two are asked for in one browser, and each is typed into the other's form."""
    for other in FLOWS:
        if other is not flow and other.who == flow.who:
            client = began(flow)
            before = AuthToken.select().order_by(AuthToken.id.desc()).get()
            began(other, client)
            after = AuthToken.select().order_by(AuthToken.id.desc()).get()
            assert before.purpose != after.purpose
            codes = {token.id: int(number) for token, number in ((before, 730_001), (after, 730_002))}
            for page, code in ((other, codes[before.id]), (flow, codes[after.id])):
                assert page.answer(client, f"{code}").status_code == 422
            return


def test_htmx_gets_the_form_alone_and_then_a_page_to_go_to(flow, began, hx, outline):
    client = began(flow)
    wrong = flow.answer(client, "x", headers=hx("code_form"))
    assert wrong.status_code == 422
    assert outline(wrong)[0] == ["code_form"]
    assert "HX-Redirect" in flow.answer(client, "730001", headers=hx("code_form")).headers


def test_letters_to_one_address_are_counted_by_the_hour(flow, began, said):
    client = began(flow)
    allowances.limiter.reset()
    allowances.limiter.enabled = True
    sent = [client.post(flow.again) for _ in range(4)]
    assert [answer.status_code for answer in sent] == [303, 303, 303, 429]
    assert 0 < int(sent[-1].headers["Retry-After"]) <= 3601


def test_no_secret_of_a_flow_stands_in_a_cookie(flow, began, letters):
    """Neither the code, nor anything that was mailed or typed, before or after it was answered."""
    client, seen = began(flow), []
    seen.append(readable(client))
    client.post(flow.again)
    seen.append(readable(client))
    flow.answer(client, "000000")
    seen.append(readable(client))
    flow.answer(client, "730002")
    seen.append(readable(client))
    secrets = [*re.findall(r"\b\d{6}\b", " ".join(text for _, _, text in letters())), PASSWORD, NEW]
    hashes = [token.secret_hash for token in AuthToken.select()]
    assert not [secret for secret in (*secrets, *hashes) if any(secret in cookie for cookie in seen)]
