import json

import pytest

from domain import Invalid, NotFound, Refused
from domain.base import stepup
from domain.people import passkeys
from domain.people.passkeys import NotRecognised
from models import AuditEvent, Outgoing, Passkey
from tests.fixtures.authenticator import Authenticator
from tests.fixtures.threads import refused, together, write


@pytest.fixture
def bobs(cast, proven):
    """bob's passkey on his phone, and the phone."""
    proven("bob", "security.add_passkey")
    return add(cast.bob)


def add(user, phone=None, name="Phone"):
    phone = phone or Authenticator()
    challenge, options = passkeys.creation(user)
    return passkeys.keep(user, phone.create(options), challenge, name), phone


def answer(phone, user=None, **changed):
    challenge, options = passkeys.request(user)
    return phone.get(options, **changed), challenge


def letters():
    return [row.payload["template"] for row in Outgoing.select().where(Outgoing.kind == "mail")]


def test_a_passkey_is_kept_by_its_public_half_and_answers_for_its_owner(cast, bobs):
    passkey, phone = bobs
    assert (passkey.user, passkey.name, passkey.sign_count) == (cast.bob, "Phone", 1)
    assert passkey.transports == ["internal", "<odd>"]
    assert letters() == ["passkey_added"]
    assert AuditEvent.one(AuditEvent.action == "security.passkey_added").actor == cast.bob
    assert passkeys.answered_by(*answer(phone)) == cast.bob
    used = Passkey.get_by_id(passkey.id)
    assert used.sign_count == 2
    assert used.last_used_at
    assert stepup.methods(cast.bob)[0] == "passkey"


def test_what_the_browser_is_asked_wants_a_verified_person_and_this_site(cast, bobs):
    _, options = passkeys.creation(cast.bob)
    wanted = json.loads(options)
    assert wanted["rp"]["id"] == "localhost"
    assert wanted["authenticatorSelection"]["userVerification"] == "required"
    assert [one["id"] for one in wanted["excludeCredentials"]] == [bobs[0].credential_id]
    anybody, mine = (json.loads(passkeys.request(user)[1]) for user in (None, cast.bob))
    assert anybody["allowCredentials"] == []
    assert [(one["id"], one["transports"]) for one in mine["allowCredentials"]] == [
        (bobs[0].credential_id, ["internal"])
    ]


@pytest.mark.parametrize(
    "phone",
    [
        Authenticator(origin="http://localhost.evil.example"),
        Authenticator(site="evil.example"),
        Authenticator(verifies=False),
    ],
    ids=["origin", "site", "unverified"],
)
def test_a_passkey_of_another_site_or_without_a_verified_person_is_refused(cast, proven, phone):
    proven("bob", "security.add_passkey")
    with pytest.raises(NotRecognised):
        add(cast.bob, phone)
    assert Passkey.select().count() == 0
    good = Authenticator()
    add(cast.bob, good)
    good.origin, good.site, good.verifies = phone.origin, phone.site, phone.verifies
    with pytest.raises(NotRecognised):
        passkeys.answered_by(*answer(good))


def test_another_challenge_is_refused(cast, bobs):
    said, _ = answer(bobs[1])
    with pytest.raises(NotRecognised):
        passkeys.answered_by(said, passkeys.request()[0])
    with pytest.raises(NotRecognised):
        passkeys.answered_by(said, None)
    _, options = passkeys.creation(cast.bob)
    with pytest.raises(NotRecognised):
        passkeys.keep(cast.bob, Authenticator().create(options), passkeys.creation(cast.bob)[0], "x")


def test_a_counter_that_goes_back_tells_of_a_copy(cast, bobs):
    phone = bobs[1]
    phone.count = 10
    assert passkeys.answered_by(*answer(phone)) == cast.bob
    phone.count = 4
    with pytest.raises(NotRecognised):
        passkeys.answered_by(*answer(phone))
    assert Passkey.get_by_id(bobs[0].id).sign_count == 11


def test_somebody_elses_passkey_and_a_forged_one_are_refused(cast, bobs):
    said, challenge = answer(bobs[1])
    with pytest.raises(NotRecognised):
        passkeys.answered_by(said, challenge, cast.alice)
    other = Authenticator()
    other.id = bobs[1].id  # its own key under bob's number
    with pytest.raises(NotRecognised):
        passkeys.answered_by(*answer(other))
    bobs[1].handle = cast.alice.public_id.encode()
    with pytest.raises(NotRecognised):
        passkeys.answered_by(*answer(bobs[1]))
    bobs[1].handle = cast.bob.public_id.encode()
    assert passkeys.answered_by(*answer(bobs[1])) == cast.bob


def test_an_answer_that_is_none_is_refused(cast, bobs):
    for made_up in [
        "",
        None,
        "{}",
        "[]",
        "null",
        '{"id": 7}',
        '{"id": "x"}',
        "{",
        '"x"',
        '{"id": "x", "response": []}',
    ]:
        with pytest.raises(NotRecognised):
            passkeys.answered_by(made_up, passkeys.request()[0])
        with pytest.raises(NotRecognised):
            passkeys.keep(cast.bob, made_up, passkeys.creation(cast.bob)[0], "x")


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
def test_an_answer_of_which_a_part_is_nonsense_is_refused(bobs, part):
    for nonsense in ("AAAA", "!", 7, None if part != "userHandle" else "AAAA", {}):
        with pytest.raises(NotRecognised):
            passkeys.answered_by(*answer(bobs[1], **{part: nonsense}))


def test_a_passkey_is_kept_once(cast, bobs, proven):
    challenge, options = passkeys.creation(cast.bob)
    said = bobs[1].create(options)
    with pytest.raises(Refused, match="already"):
        passkeys.keep(cast.bob, said, challenge, "x")
    proven("alice", "security.add_passkey")
    with pytest.raises(Refused, match="already"):
        add(cast.alice, bobs[1])
    assert Passkey.select().count() == 1


def test_one_passkey_kept_at_once_twice_is_kept_once(cast, proven):
    proven("bob", "security.add_passkey")
    phone = Authenticator()
    challenge, options = passkeys.creation(cast.bob)
    said = phone.create(options)
    present = stepup.present.get()

    def keep():
        stepup.present.set(present)
        return passkeys.keep(cast.bob, said, challenge, "x")

    assert len(refused(together(keep, keep, keep))) == 2
    assert Passkey.select().count() == 1


def test_there_is_room_for_twenty(cast, proven):
    proven("bob", "security.add_passkey")
    write(
        lambda: [
            Passkey.create(user=cast.bob, credential_id=f"c{n}", public_key=b"x", name="x")
            for n in range(passkeys.MOST)
        ]
    )
    with pytest.raises(Refused, match="20 passkeys"):
        add(cast.bob)


def test_no_session_adds_or_removes_one_without_proof_however_fresh(cast, bobs, signed_in_as):
    signed_in_as("bob")
    with pytest.raises(stepup.VerificationRequired):
        add(cast.bob)
    with pytest.raises(stepup.VerificationRequired):
        passkeys.remove(cast.bob, bobs[0].id)
    stepup.present.set(None)
    with pytest.raises(stepup.VerificationRequired):
        add(cast.bob)
    assert Passkey.select().count() == 1


def test_a_passkey_gets_another_name_and_only_from_its_owner(cast, bobs):
    assert passkeys.rename(cast.bob, bobs[0].id, "  Old \n phone ") == "Old phone"
    assert Passkey.get().name == "Old phone"
    with pytest.raises(NotFound):
        passkeys.rename(cast.alice, bobs[0].id, "Mine")
    with pytest.raises(Invalid):
        passkeys.rename(cast.bob, bobs[0].id, " ")
    assert Passkey.get().name == "Old phone"
    assert AuditEvent.one(AuditEvent.action == "security.passkey_renamed").metadata == {
        "before": "Phone",
        "after": "Old phone",
    }


def test_a_removed_passkey_answers_for_nobody(cast, bobs, proven):
    proven("bob", "security.remove_passkey", bobs[0].id)
    passkeys.remove(cast.bob, bobs[0].id)
    with pytest.raises(NotRecognised):
        passkeys.answered_by(*answer(bobs[1]))
    with pytest.raises(NotFound):
        passkeys.remove(cast.bob, bobs[0].id)


def test_nobody_removes_somebody_elses(cast, bobs, proven):
    proven("alice", "security.remove_passkey", bobs[0].id)
    with pytest.raises(NotFound):
        passkeys.remove(cast.alice, bobs[0].id)
    assert Passkey.select().count() == 1


def test_an_answer_is_taken_once_also_from_a_phone_that_doesnt_count(cast, bobs):
    """The cookie that keeps the challenge can be sent a second time; synced passkeys have no counter."""
    phone = bobs[1]
    phone.count = -1
    write(Passkey.update(sign_count=0).execute)
    said, challenge = answer(phone)
    assert passkeys.answered_by(said, challenge) == cast.bob
    with pytest.raises(NotRecognised):
        passkeys.answered_by(said, challenge)


def test_two_who_send_one_answer_at_once_come_in_once(cast, bobs):
    said, challenge = answer(bobs[1])
    outcomes = together(*(lambda: passkeys.answered_by(said, challenge) for _ in range(4)))
    assert outcomes.count(cast.bob) == 1
    assert all(isinstance(one, NotRecognised) for one in refused(outcomes))


def test_a_challenge_holds_ten_minutes(cast, bobs, clock):
    clock.forward(days=365)
    said, challenge = answer(bobs[1])
    clock.forward(minutes=10)
    assert passkeys.answered_by(said, challenge) == cast.bob
    said, challenge = answer(bobs[1])
    clock.forward(minutes=10, seconds=1)
    with pytest.raises(NotRecognised):
        passkeys.answered_by(said, challenge)


@pytest.mark.parametrize(
    "made_up", ["[" * 20_000, '{"id": "\\u0000"}', '{"id": "\\ud800"}', '{"id": "' + "x" * 9000 + '"}']
)
def test_an_answer_made_to_break_something_is_refused(cast, bobs, made_up):
    with pytest.raises(NotRecognised):
        passkeys.answered_by(made_up, passkeys.request()[0])
    with pytest.raises(NotRecognised):
        passkeys.keep(cast.bob, made_up, passkeys.creation(cast.bob)[0], "x")
    for challenge in ("", None, "x", "x.", "x.2026-01-01", ".", passkeys.request()[0].partition(".")[0]):
        with pytest.raises(NotRecognised):
            passkeys.answered_by(answer(bobs[1])[0], challenge)
