import dataclasses
import time

import peewee
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from domain import NotFound, Refused
from domain.base import configuration, settings, stepup, tokens
from domain.base.configuration import IdentityProvider
from domain.people import accounts, identities, passkeys, sign_ins
from domain.people.codes import send_again
from domain.people.identities import Arrival, NotConnected
from models import AuditEvent, AuthToken, Identity, Outgoing, User
from tests.fixtures.authenticator import Authenticator
from tests.fixtures.threads import refused, together, write

NINA = "nina@example.org"
GOOGLE = IdentityProvider("google", "Google", "https://accounts.google.com", "id", "secret")


@pytest.fixture(autouse=True)
def google(house):
    configuration.use(dataclasses.replace(configuration.active, identity_providers=(GOOGLE,)))


def came(email=NINA, verified=True, subject="g-1", provider="google", name="Nina Simone"):
    return Arrival(provider, subject, email, verified, name)


def sent():
    """(template, address) of every letter that waits, oldest first; that a browser is new is another matter."""
    rows = Outgoing.select().where(Outgoing.kind == "mail").order_by(Outgoing.id)
    return [(row.payload["template"], row.recipient) for row in rows if row.payload["template"] != "new_sign_in"]


def mailed():
    """The newest code."""
    row = Outgoing.select().where(Outgoing.kind == "mail").order_by(Outgoing.id.desc()).get()
    assert row.payload["template"] == "identity_code"
    return row.payload["values"]["code"]


def connected(user):
    return [(one.provider, one.subject) for one in identities.of(user)]


def change(user, **values):
    write(lambda: User.update(**values).where(User.id == user.id).execute())


# --- what a provider says -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "claims", "verified"),
    [
        ("oidc", {"email_verified": True}, True),
        ("oidc", {"email_verified": "true"}, True),
        ("oidc", {"email_verified": False}, False),
        ("oidc", {"email_verified": "false"}, False),
        ("oidc", {"email_verified": "yes"}, False),
        ("oidc", {"email_verified": None}, False),
        ("oidc", {}, False),
        ("apple", {"email_verified": "true"}, True),  # a string, at Apple
        ("apple", {"email_verified": "false"}, False),
        ("google", {"email_verified": True, "hd": "example.org"}, True),
        ("google", {"email_verified": True}, False),  # somebody else's domain: it only knows what once was true
        ("google", {"email_verified": True, "email": "Nina@GMail.com"}, True),
        ("google", {"email_verified": True, "email": "nina@notgmail.com"}, False),
        ("google", {"email_verified": False, "email": "nina@gmail.com"}, False),
        ("microsoft", {"email_verified": True}, False),  # it doesn't send that; somebody's directory might
        ("microsoft", {"xms_edov": True}, True),
        ("microsoft", {"xms_edov": "1"}, True),
        ("microsoft", {"xms_edov": 0}, False),
        ("microsoft", {}, False),
        ("oidc", {"email": "", "email_verified": True}, False),
        ("oidc", {"email": "no address", "email_verified": True}, False),
    ],
)
def test_who_vouches_for_an_address(provider, claims, verified):
    assert identities.read(provider, {"sub": "1", "email": NINA} | claims).verified is verified


@pytest.mark.parametrize(
    ("claims", "posted", "name"),
    [
        ({"name": "  Nina \n Simone "}, None, "Nina Simone"),
        ({"given_name": "Nina", "family_name": "Simone"}, None, "Nina Simone"),
        ({"given_name": "Nina"}, None, "Nina"),
        ({}, ("Nina", "Simone"), "Nina Simone"),
        ({}, ("Nina", None), "Nina"),
        ({}, None, "nina"),
        ({"name": "\x00\x07"}, None, "nina"),
        ({"name": "x" * 500}, None, "x" * 100),
        ({"name": {"odd": 1}}, None, "{'odd': 1}"),
    ],
)
def test_what_they_are_called(claims, posted, name):
    assert identities.read("oidc", {"sub": "1", "email": NINA} | claims, posted).name == name


@pytest.mark.parametrize("subject", [None, "", 7, "x" * 256, ["a"]])
def test_a_provider_must_say_who_came(subject):
    with pytest.raises(NotConnected, match="Google didn't say who you are"):
        identities.read("google", {"sub": subject, "email": NINA})


@pytest.mark.parametrize("email", [None, "", 7, "nina", "nina@example", "a@b.c, d@e.f", "x" * 300 + "@example.org"])
def test_an_address_that_is_none_is_no_address(email):
    assert identities.read("oidc", {"sub": "1", "email": email}).email == ""


TENANT = "11111111-2222-3333-4444-555555555555"
MICROSOFT = "https://login.microsoftonline.com"


@pytest.mark.parametrize(
    ("issuer", "said", "is_its"),
    [
        ("https://accounts.google.com", "https://accounts.google.com", True),
        ("https://login.example.org", "https://login.example.org/", True),
        ("https://login.example.org", "https://evil.example", False),
        ("https://login.example.org", None, False),
        (f"{MICROSOFT}/common/v2.0", MICROSOFT + "/{tenantid}/v2.0", True),
        (f"{MICROSOFT}/example.org/v2.0", f"{MICROSOFT}/{TENANT}/v2.0", True),
        (f"{MICROSOFT}/common/v2.0", f"https://evil.example/{TENANT}/v2.0", False),
        (f"{MICROSOFT}/common/v2.0", f"{MICROSOFT}/{TENANT}/v2.0/evil", False),
        ("https://login.example.org", f"{MICROSOFT}/{TENANT}/v2.0", False),
    ],
)
def test_a_discovery_document_is_the_issuers_own(issuer, said, is_its):
    assert identities.is_issuer(IdentityProvider("x", "X", issuer, "id"), said) is is_its


@pytest.mark.parametrize(
    ("said", "claims", "fits"),
    [
        ("https://a.example", {"iss": "https://a.example"}, True),
        ("https://a.example", {"iss": "https://a.example/"}, False),
        ("https://a.example", {}, False),
        (MICROSOFT + "/{tenantid}/v2.0", {"iss": f"{MICROSOFT}/{TENANT}/v2.0", "tid": TENANT}, True),
        (MICROSOFT + "/{tenantid}/v2.0", {"iss": f"{MICROSOFT}/{TENANT}/v2.0", "tid": TENANT[::-1]}, False),
        (MICROSOFT + "/{tenantid}/v2.0", {"iss": f"{MICROSOFT}/evil/v2.0", "tid": "evil"}, False),
        (MICROSOFT + "/{tenantid}/v2.0", {"iss": MICROSOFT + "/{tenantid}/v2.0", "tid": "{tenantid}"}, False),
        (MICROSOFT + "/{tenantid}/v2.0", {"iss": f"{MICROSOFT}/None/v2.0"}, False),
    ],
)
def test_claims_are_from_the_issuer_and_the_tenant_they_name(said, claims, fits):
    assert identities.issued_by(said, claims) is fits


def test_apples_secret_is_signed_anew_and_lives_five_minutes(clock):
    key = ECKey.generate_key("P-256")
    about = IdentityProvider(
        "apple", "Apple", "https://appleid.apple.com", "org.example.hall", "", "TEAM", "KEY", key.as_pem(True).decode()
    )
    said = jwt.decode(identities.secret_of(about), key, algorithms=["ES256"])
    moment = int(clock.moment.timestamp())
    assert said.header == {"alg": "ES256", "kid": "KEY", "typ": "JWT"}
    assert said.claims == {
        "iss": "TEAM",
        "sub": "org.example.hall",
        "aud": "https://appleid.apple.com",
        "iat": moment,
        "exp": moment + 300,
    }
    assert identities.secret_of(GOOGLE) == "secret"


def test_only_what_is_configured_is_offered():
    assert identities.provider("google") == GOOGLE
    with pytest.raises(NotFound, match="isn't set up"):
        identities.provider("apple")
    assert (identities.label("google"), identities.label("apple")) == ("Google", "Apple")


# --- somebody new --------------------------------------------------------------------------------------------


def test_a_proven_address_makes_an_account_and_the_same_one_is_met_again():
    user, token = identities.arrive(came())
    assert token is None
    assert (user.email, user.name, user.password_hash) == (NINA, "Nina Simone", None)
    assert user.email_verified_at
    assert connected(user) == [("google", "g-1")]
    assert identities.arrive(came(email="other@example.org", verified=False)) == (user, None)  # by its subject alone
    assert User.select().count() == Identity.select().count() == 1
    assert sent() == []
    assert AuditEvent.select().where(AuditEvent.action == "security.identity_connected").count() == 1


def test_the_same_subject_at_another_provider_is_somebody_else():
    first, _ = identities.arrive(came())
    second, _ = identities.arrive(came(provider="microsoft", email="other@example.org"))
    assert first != second


def test_an_address_that_nobody_vouches_for_makes_an_account_only_by_its_code():
    user, token = identities.arrive(came(verified=False), next_url="/notifications")
    assert user is None
    assert (User.select().count(), Identity.select().count()) == (0, 0)
    assert sent() == [("identity_code", NINA)]
    with pytest.raises(tokens.WrongCode):
        identities.confirm(token, "000000" if mailed() != "000000" else "000001")
    user, target = identities.confirm(token, mailed())
    assert (user.email, target) == (NINA, "/notifications")
    assert user.email_verified_at
    assert connected(user) == [("google", "g-1")]
    with pytest.raises(tokens.CodeExpired):
        identities.confirm(token, mailed())
    assert User.select().count() == 1


def test_the_code_is_kept_as_a_hash_alone():
    identities.arrive(came(verified=False))
    token = AuthToken.get(AuthToken.purpose == "identity")
    assert mailed() not in (token.secret_hash, token.salt, str(token.payload))
    assert token.secret_hash == tokens.hashed(mailed(), token.salt)


def test_without_an_address_there_is_no_account():
    with pytest.raises(NotConnected, match="didn't tell us your e-mail address"):
        identities.arrive(came(email="", verified=False))
    assert User.select().count() == 0


def test_while_sign_up_is_closed_nobody_new_comes_in(cast):
    settings.change("sign_up_open", "0", by=cast.stella)
    settings.forget()
    for verified in (True, False):
        with pytest.raises(Refused, match="closed"):
            identities.arrive(came(verified=verified))
    assert sent() == []
    assert User.one(User.email_norm == NINA) is None
    assert identities.arrive(came(email=cast.bob.email))[0] == cast.bob  # who is here comes in


def test_every_new_account_goes_through_the_one_gate(monkeypatch):
    """Issue 4 puts its condition on accounts.create: nobody may get round it."""

    def shut(*args, **kwargs):
        raise Refused("Not you.")

    monkeypatch.setattr(accounts, "create", shut)
    with pytest.raises(Refused, match="Not you"):
        identities.arrive(came())
    _, token = identities.arrive(came(verified=False))
    with pytest.raises(Refused, match="Not you"):
        identities.confirm(token, mailed())
    assert User.select().count() == 0


def test_two_answers_at_once_make_one_account_and_one_connection():
    outcomes = together(*[lambda: identities.arrive(came())] * 4)
    assert refused(outcomes) == []
    assert len({user.id for user, _ in outcomes}) == 1
    assert (User.select().count(), Identity.select().count()) == (1, 1)


def test_two_providers_at_once_with_one_address_make_one_account():
    works = [lambda p=p: identities.arrive(came(provider=p, subject=p)) for p in ("google", "microsoft", "oidc")]
    outcomes = together(*works)
    assert refused(outcomes) == []
    assert len({user.id for user, _ in outcomes}) == 1
    assert (User.select().count(), Identity.select().count()) == (1, 3)


def test_a_sign_up_by_mail_at_the_same_moment_makes_one_account_too(codes):
    began = accounts.sign_up(NINA, "Nina", None)
    outcomes = together(lambda: accounts.verify(began, "000001"), lambda: identities.arrive(came()))
    assert User.select().count() == 1
    assert connected(User.get()) == [("google", "g-1")]
    assert all(isinstance(one, tokens.CodeExpired) for one in refused(outcomes))


def test_an_account_that_was_made_in_between_is_connected(monkeypatch, cast):
    """PostgreSQL alone can come here: the sign-up by code doesn't stand in our line."""
    hidden = [None]
    by_email = accounts.by_email

    def create(*args, **kwargs):
        raise peewee.IntegrityError("unique")

    monkeypatch.setattr(accounts, "by_email", lambda email: hidden.pop() if hidden else by_email(email))
    monkeypatch.setattr(accounts, "create", create)
    assert identities.arrive(came(email=cast.bob.email))[0] == cast.bob
    assert connected(cast.bob) == [("google", "g-1")]


# --- somebody who has an account --------------------------------------------------------------------------------


def test_an_address_proven_on_both_sides_connects_and_its_owner_is_told(cast):
    assert identities.arrive(came(email="BOB@example.org")) == (cast.bob, None)
    assert connected(cast.bob) == [("google", "g-1")]
    assert sent() == [("identity_connected", cast.bob.email)]
    event = AuditEvent.get(AuditEvent.action == "security.identity_connected")
    assert (event.actor, event.metadata) == (cast.bob, {"provider": "google", "address": "BOB@example.org"})
    identities.arrive(came(email="BOB@example.org"))
    assert len(sent()) == 1  # met again: no news


def test_an_address_that_is_only_claimed_gets_nowhere_without_the_owners_code(cast):
    """An attacker's directory may say it is bob's address."""
    user, token = identities.arrive(came(email=cast.bob.email, verified=False, subject="attacker"))
    assert user is None
    assert connected(cast.bob) == []
    assert sent() == [("identity_code", cast.bob.email)]
    assert identities.confirm(token, mailed())[0] == cast.bob  # it was bob himself after all
    assert sent()[-1] == ("identity_connected", cast.bob.email)


def test_a_code_belongs_to_the_browser_that_asked(cast):
    _, attackers = identities.arrive(came(email=cast.bob.email, verified=False, subject="attacker"))
    _, bobs = identities.arrive(came(email=cast.bob.email, verified=False, subject="bob"))
    right = mailed()
    with pytest.raises(tokens.CodeExpired):  # bob's own arrival has voided it
        identities.confirm(attackers, right)
    assert identities.confirm(bobs, right)[0] == cast.bob
    assert connected(cast.bob) == [("google", "bob")]


def test_an_account_whose_own_address_is_not_proven_is_never_connected(cast):
    """Somebody may have made it with an address that isn't theirs, and wait for its owner to come."""
    change(cast.bob, email_verified_at=None)
    with pytest.raises(NotConnected, match="hasn't proven it"):
        identities.arrive(came(email=cast.bob.email))
    _, token = identities.arrive(came(email=cast.bob.email, verified=False))
    with pytest.raises(NotConnected, match="hasn't proven it"):
        identities.confirm(token, mailed())
    assert connected(cast.bob) == []


def test_a_sign_up_that_somebody_else_began_can_not_take_over_who_comes_by_google(codes):
    """Pre-hijack: the attacker begins with the victim's address and a password of their own."""
    attackers = accounts.sign_up(NINA, "Attacker", "Correct horse 1!")
    victim, _ = identities.arrive(came())
    assert victim.password_hash is None
    with pytest.raises(tokens.CodeExpired):
        accounts.verify(attackers, "000001")  # even with the code
    assert User.get_by_id(victim.id).password_hash is None
    assert victim.name == "Nina Simone"
    with pytest.raises(Refused):
        sign_ins.sign_in(NINA, "Correct horse 1!")


def test_and_in_the_other_order_neither(cast, codes):
    """The attacker comes first with a claim, the victim makes the account meanwhile."""
    _, attackers = identities.arrive(came(verified=False, subject="attacker"))
    right = mailed()
    victim, _ = accounts.verify(accounts.sign_up(NINA, "Nina", None), "000002")
    for guess in ("111111", "222222"):
        with pytest.raises(tokens.WrongCode):
            identities.confirm(attackers, guess)
    assert connected(victim) == []
    # Only who reads the victim's mail could go on, and the victim is told.
    assert identities.confirm(attackers, right)[0] == victim
    assert sent()[-1] == ("identity_connected", NINA)


@pytest.mark.parametrize("verified", [True, False])
def test_a_suspended_account_gets_neither_in_nor_a_code(cast, verified):
    identities.arrive(came(email=cast.vera.email, subject="known"))
    before = sent()
    change(cast.vera, status="suspended")
    for subject in ("known", "new"):
        with pytest.raises(accounts.Suspended):
            identities.arrive(came(email=cast.vera.email, subject=subject, verified=verified))
    assert connected(cast.vera) == [("google", "known")]
    assert sent() == before


def test_with_neutral_messages_nobody_learns_who_has_an_account(cast):
    settings.change("auth_neutral_messages", "1", by=cast.stella)
    settings.change("sign_up_open", "0", by=cast.stella)
    settings.forget()
    change(cast.vera, status="suspended")
    for email in (cast.vera.email, "nobody@example.org"):
        user, token = identities.arrive(came(email=email, verified=False, subject=email))
        assert (user, sent()) == (None, [])
        assert send_again(token, "identity")
        assert sent() == []
    assert identities.arrive(came(email=cast.bob.email, verified=False))[1]
    assert sent() == [("identity_code", cast.bob.email)]


# --- connecting, signed in ------------------------------------------------------------------------------------------


def test_who_is_signed_in_connects_another_proven_address(cast, proven):
    proven("bob", "security.connect", "google")
    identities.may_connect("google")
    assert identities.arrive(came(), cast.bob) == (cast.bob, None)
    assert connected(cast.bob) == [("google", "g-1")]
    assert sent() == [("identity_connected", cast.bob.email)]
    assert identities.arrive(came()) == (cast.bob, None)  # and comes in by it
    assert User.one(User.email_norm == NINA) is None


def test_ones_own_proven_address_needs_no_one_to_vouch_for_it(cast, proven):
    proven("bob", "security.connect", "google")
    assert identities.arrive(came(email="Bob@Example.org", verified=False), cast.bob) == (cast.bob, None)


def test_another_address_that_nobody_vouches_for_is_proven_by_code(cast, proven):
    proven("bob", "security.connect", "google")
    user, token = identities.arrive(came(verified=False), cast.bob)
    assert user is None
    assert connected(cast.bob) == []
    for other in (None, cast.alice):  # a token of bob's is nobody else's
        with pytest.raises(tokens.CodeExpired):
            identities.confirm(token, mailed(), other)
    assert identities.confirm(token, mailed(), cast.bob)[0] == cast.bob
    assert connected(cast.bob) == [("google", "g-1")]


def test_somebody_elses_is_never_connected(cast, proven):
    identities.arrive(came(email=cast.alice.email))
    proven("bob", "security.connect", "google")
    for verified in (True, False):
        with pytest.raises(NotConnected, match="belongs to another account"):
            identities.arrive(came(email=cast.alice.email, verified=verified), cast.bob)
    assert connected(cast.bob) == []
    assert connected(cast.alice) == [("google", "g-1")]


def test_who_comes_in_by_it_meanwhile_keeps_it(cast, proven):
    """bob waits for a code, and its owner connects the same account first."""
    proven("bob", "security.connect", "google")
    _, token = identities.arrive(came(verified=False), cast.bob)
    right = mailed()
    identities.arrive(came(email=cast.alice.email))
    with pytest.raises(NotConnected, match="belongs to another account"):
        identities.confirm(token, right, cast.bob)
    assert connected(cast.bob) == []


def test_two_who_connect_the_same_at_once_are_one_who_has_it(cast, proven):
    present = {name: proven(name, "security.connect", "google") for name in ("alice", "bob")}

    def connect(name):
        stepup.present.set(present[name])
        return identities.arrive(came(), getattr(cast, name))

    outcomes = together(lambda: connect("alice"), lambda: connect("bob"))
    assert len(refused(outcomes)) == 1
    assert Identity.select().count() == 1


def test_no_session_connects_without_proof_however_fresh(cast, signed_in_as):
    signed_in_as("bob")
    for act in (lambda: identities.may_connect("google"), lambda: identities.arrive(came(), cast.bob)):
        with pytest.raises(stepup.VerificationRequired):
            act()
    assert connected(cast.bob) == []
    stepup.present.set(None)
    with pytest.raises(stepup.VerificationRequired):
        identities.arrive(came(), cast.bob)


def test_there_is_room_for_ten(cast, proven):
    proven("bob", "security.connect", "google")
    for n in range(identities.MOST):
        identities.arrive(came(subject=f"s{n}"), cast.bob)
    with pytest.raises(NotConnected, match="10 connected"):
        identities.arrive(came(subject="one more"), cast.bob)


# --- disconnecting ------------------------------------------------------------------------------------------------


def the(user):
    return identities.of(user)[-1]


def test_a_connected_account_is_disconnected_after_proof_and_signs_nobody_in(cast, proven):
    proven("bob", "security.connect", "google")
    identities.arrive(came(), cast.bob)
    with pytest.raises(stepup.VerificationRequired):
        identities.disconnect(cast.bob, the(cast.bob).id)
    proven("bob", "security.disconnect", the(cast.bob).id)
    identities.disconnect(cast.bob, the(cast.bob).id)
    assert connected(cast.bob) == []
    event = AuditEvent.get(AuditEvent.action == "security.identity_disconnected")
    assert event.metadata == {"provider": "google", "address": NINA}
    assert identities.arrive(came())[0] != cast.bob  # an account of its own now


def test_nobody_disconnects_somebody_elses(cast, proven):
    identities.arrive(came(email=cast.bob.email))
    id = the(cast.bob).id
    proven("alice", "security.disconnect", id)
    with pytest.raises(NotFound):
        identities.disconnect(cast.alice, id)
    assert connected(cast.bob)


def test_a_code_to_ones_own_address_is_a_way_in_that_is_left(proven):
    user, _ = identities.arrive(came())
    proven(user, "security.disconnect", the(user).id)
    identities.disconnect(user, the(user).id)
    assert connected(user) == []


@pytest.fixture
def relayed(proven):
    """Somebody whose only address is Apple's relay."""
    user, _ = identities.arrive(came(email="x1@privaterelay.appleid.com", provider="apple"))
    proven(user, "security.disconnect", the(user).id)
    proven(user, "security.connect", "google")
    proven(user, "security.add_passkey")
    return user


def test_the_only_way_in_stays_where_the_address_dies_with_it(relayed):
    with pytest.raises(identities.LastWay, match="only way in"):
        identities.disconnect(relayed, the(relayed).id)
    assert connected(relayed)


def test_an_address_that_is_not_proven_is_no_way_in(proven):
    user, _ = identities.arrive(came())
    change(user, email_verified_at=None)
    proven(user, "security.disconnect", the(user).id)
    with pytest.raises(identities.LastWay):
        identities.disconnect(user, the(user).id)


def test_with_a_password_it_may_go(relayed):
    change(relayed, password_hash="x")
    identities.disconnect(relayed, the(relayed).id)


def test_with_a_passkey_it_may_go(relayed):
    phone = Authenticator()
    challenge, options = passkeys.creation(relayed)
    passkeys.keep(relayed, phone.create(options), challenge, "Phone")
    identities.disconnect(relayed, the(relayed).id)


def test_with_another_connected_account_it_may_go(relayed):
    first = the(relayed)
    identities.arrive(came(), relayed)
    identities.disconnect(relayed, first.id)
    assert connected(relayed) == [("google", "g-1")]


def test_the_last_two_can_not_both_go_at_once(relayed, proven, monkeypatch):
    look = identities._comes_in_without
    monkeypatch.setattr(identities, "_comes_in_without", lambda one: (look(one), time.sleep(0.2))[0])
    identities.arrive(came(), relayed)
    ids = [one.id for one in identities.of(relayed)]
    # Google's goes by its own proof; the address is Apple's relay, so mail counts only without Apple.
    change(relayed, email_verified_at=None)
    present = proven(relayed, "security.disconnect", ids[0])
    from database.clock import now
    from models import Proof

    write(
        Proof.create,
        user=relayed,
        session=present.session,
        action="security.disconnect",
        target=str(ids[1]),
        level=3,
        single_use=False,
        expires_at=now().replace(year=now().year + 1),
    )

    def go(id):
        stepup.present.set(present)
        return identities.disconnect(relayed, id)

    assert len(refused(together(lambda: go(ids[0]), lambda: go(ids[1])))) == 1
    assert len(connected(relayed)) == 1
