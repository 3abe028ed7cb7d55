import logging
import uuid
from datetime import UTC, datetime, timedelta

import pytest

import models
from database.scope import everywhere, inside
from domain import Invalid, NotFound, Refused
from domain.backers import backer_codes, backer_desk, backers, tiers
from domain.backers.backers import (
    AlreadyThere,
    BackerAlreadyUsed,
    BackerInvalid,
    BackerNeeded,
    ClaimExpired,
    ClaimMismatch,
)
from domain.base import settings, stepup, tokens
from domain.entitlements import credit_standings, credits, grants
from domain.lists import lists
from domain.money import billing
from domain.organizations import invitations, organizations
from domain.people import accounts, admins, identities, sign_ins
from domain.people.codes import send_again
from models import AuditEvent, AuthToken, Backer, BackerTier, Grant, Notification, Organization, Outgoing, User
from tests.fixtures.threads import refused, together, write

CODE = "Ada-7Q2M"


@pytest.fixture
def tier(cast):
    form = {"key": "early", "name": "Early bird", "plan": "pro_yearly", "months": "12", "credits": "250"}
    return tiers.add(form, by=cast.stella)


@pytest.fixture
def ada(cast, tier):
    return backers.add("Ada", CODE, tier.id, by=cast.stella)[0]


@pytest.fixture
def campaign(cast, ada):
    """The flag is on, and Ada's code is unused."""
    settings.change("crowdfunding_active", "on", by=cast.stella)
    return ada


def verified(username="Ada", code=CODE):
    backer, token = backers.verify(username, code)
    return backers.claim((backer.id, token))


def came(email="nina@example.org", verified=True):
    return identities.Arrival("google", "g-1", email, verified, "Nina")


def mailed():
    return [row.payload["template"] for row in Outgoing.select().where(Outgoing.kind == "mail").order_by(Outgoing.id)]


def nobody_new(cast):
    return User.select().count() == 6 and Backer.select().where(Backer.used_at.is_null(False)).count() == 0


# --- verifying --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Ada", "ada", "ADA", "  aDa "])
def test_the_name_may_be_in_any_case_and_space_around_is_nothing(campaign, name):
    backer, token = backers.verify(name, f" {CODE}\n")
    assert backer.id == campaign.id
    assert str(uuid.UUID(token)) == token
    assert Backer.get().status == "pending"


@pytest.mark.parametrize(
    ("name", "code"),
    [("Ada", "ada-7q2m"), ("Ada", "Ada-7Q2"), ("Bea", CODE), ("", CODE), ("Ada", ""), ("Ada", "Ada 7Q2M"), ("%", "%")],
)
def test_the_code_must_be_exact(campaign, name, code):
    with pytest.raises(BackerInvalid) as caught:
        backers.verify(name, code)
    assert (caught.value.code, caught.value.status) == ("BACKER_INVALID", 409)
    assert Backer.get().status == "unused"


def test_the_limit_is_asked_before_anything_is_looked_up(campaign, monkeypatch):
    asked = []

    def allow(name):
        asked.append(name)
        raise Refused("Wait.", "RATE_LIMITED", 429)

    monkeypatch.setattr(backers, "_by_code", lambda *_: pytest.fail("it was looked up"))
    with pytest.raises(Refused, match="Wait"):
        backers.verify(" ADA ", "whatever", allow=allow)
    assert asked == ["ada"]


def test_a_used_code_says_so_but_only_with_the_right_code(campaign):
    accounts.create("nina@example.org", "Nina", None, backer=verified())
    with pytest.raises(BackerAlreadyUsed) as caught:
        backers.verify("ada", CODE)
    assert caught.value.code == "BACKER_ALREADY_USED"
    with pytest.raises(BackerInvalid):
        backers.verify("ada", "wrong")


def test_without_a_campaign_there_is_nothing_to_verify(ada):
    with pytest.raises(NotFound, match="no campaign"):
        backers.verify("Ada", CODE)


def test_a_later_verification_voids_the_earlier_claim(campaign):
    first = verified()
    second = verified("ada")
    assert backers.held(first) is None
    assert backers.held(second).id == campaign.id
    with pytest.raises(ClaimMismatch) as caught:
        accounts.create("nina@example.org", "Nina", None, backer=first)
    assert caught.value.code == "BACKER_CLAIM_MISMATCH"


def test_rows_from_before_the_second_column_are_found_and_mended(campaign, tier):
    """The lookup order of A0.5-7: lower-cased name, name as typed, then the legacy rows."""
    for name, code in (("  Grace ", "G-1111"), ("Hedy", "H-2222")):
        write(Backer.create, username=name, code_hash=backer_codes.hashed(name, code), tier=tier)
    assert backers.verify("GRACE", "G-1111")[0].username == "Grace"
    assert backers.verify("Hedy", "H-2222")[0].username_lower == "hedy"
    assert {row.username_lower for row in Backer.select()} == {"ada", "grace", "hedy"}
    with pytest.raises(BackerInvalid):
        backers.verify("grace", "H-2222")


# --- claiming ---------------------------------------------------------------------------------------------


def test_a_claim_gives_the_dates_the_plan_and_the_credits_with_the_account(campaign, clock):
    user = accounts.create("nina@example.org", "Nina", None, backer=verified())
    user, backer = User.get_by_id(user.id), Backer.get()
    until = datetime(2027, 6, 15, 12, tzinfo=UTC)
    assert (backer.status, backer.used_by, backer.used_at) == ("used", user, clock.moment)
    assert (backer.claim_hash, backer.claim_expires_at) == (None, None)
    assert (backer.access_granted_at, backer.access_until) == (clock.moment, until)
    assert (user.backer_id, user.backer_access_granted_at, user.backer_access_until) == (backer.id, clock.moment, until)
    organization = organizations.home(user)
    with inside(organization):
        assert grants.plan().key == "pro_yearly"
        held = list(Grant.select())
    assert {(g.source, g.source_type, g.expires_at) for g in held} == {(f"backer:{backer.id}", "one_time", until)}
    assert credit_standings.balance(organization)[0] == 1000 + 250  # the plan's month, and the tier's own
    event = AuditEvent.get(AuditEvent.action == "backer.claimed")
    assert (event.actor, event.metadata["tier"], event.metadata["until"]) == (
        user,
        "Early bird",
        "2027-06-15T12:00:00Z",
    )
    clock.moment = until
    with inside(organization):
        assert grants.plan().key == "free"


def test_a_tier_for_life_has_no_end(campaign, cast, clock):
    forever = tiers.add({"key": "founder", "name": "Founder", "plan": "pro_monthly"}, by=cast.stella)
    backers.add("Bea", "Bea-1234", forever.id, by=cast.stella)
    user = accounts.create("bea@example.org", "Bea", None, backer=verified("bea", "Bea-1234"))
    user = User.get_by_id(user.id)
    assert user.backer_access_granted_at is not None
    assert user.backer_access_until is None
    clock.forward(days=9000)
    with inside(organizations.home(user)):
        assert grants.plan().key == "pro_monthly"
        assert all(grant.expires_at is None for grant in Grant.select())


def test_a_tier_may_give_only_the_dates(campaign, cast):
    only = tiers.add({"key": "dates", "name": "Thanks", "months": "1"}, by=cast.stella)
    backers.add("Bea", "Bea-1234", only.id, by=cast.stella)
    user = accounts.create("bea@example.org", "Bea", None, backer=verified("bea", "Bea-1234"))
    with inside(organizations.home(user)):
        assert Grant.select().count() == 0
    assert credit_standings.balance(organizations.home(user))[0] == 0
    assert User.get_by_id(user.id).backer_access_until is not None


def test_when_the_account_fails_the_code_stays_unused(campaign, monkeypatch):
    claim = verified()
    monkeypatch.setattr(credits, "give", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        accounts.create("nina@example.org", "Nina", None, backer=claim)
    assert Backer.get().status == "pending"
    assert User.one(User.email_norm == "nina@example.org") is None


def test_a_claim_made_while_the_campaign_ran_is_still_honoured_and_a_bad_one_ignored(campaign, cast):
    good, bad = verified(), backers.Claim(campaign.id, "x" * 64)
    settings.change("crowdfunding_active", "off", by=cast.stella)
    accounts.create("ole@example.org", "Ole", None, backer=bad)
    assert Backer.get().status == "pending"
    user = accounts.create("nina@example.org", "Nina", None, backer=good)
    assert Backer.get().used_by == user


# --- specification, check 2 -------------------------------------------------------------------------------


def test_check_2_without_a_claim_no_way_makes_an_account(campaign, cast):
    attempts = {
        "the seam itself": lambda: accounts.create("n@example.org", "N", None),
        "password": lambda: accounts.sign_up("n@example.org", "Nina", "Correct horse 1!"),
        "code": lambda: accounts.sign_up("n@example.org", "Nina", None),
        "provider": lambda: identities.arrive(came()),
        "provider, address not vouched for": lambda: identities.arrive(came(verified=False)),
    }
    for name, attempt in attempts.items():
        with pytest.raises(BackerNeeded):
            attempt()
        assert nobody_new(cast), name
    assert mailed() == []
    assert AuthToken.select().count() == 0


def test_check_2_a_sign_up_begun_before_the_campaign_is_refused_at_its_end(ada, cast, codes):
    by_mail = accounts.sign_up("n@example.org", "Nina", None)
    _, by_provider = identities.arrive(came(verified=False))
    settings.change("crowdfunding_active", "on", by=cast.stella)
    with pytest.raises(BackerNeeded):
        accounts.verify(by_mail, "000001")
    with pytest.raises(BackerNeeded):
        identities.confirm(by_provider, "000002")
    assert nobody_new(cast)
    claim = verified()
    assert accounts.verify(by_mail, "000001", claim)[0].email == "n@example.org"  # the mailed code was not used up


def test_check_2_who_has_an_account_comes_in_as_before(campaign, cast):
    assert sign_ins.sign_in("bob@example.org", "Correct horse 1!") == cast.bob
    assert identities.arrive(came(cast.bob.email))[0] == cast.bob
    assert sign_ins.ask_code("bob@example.org")


def test_check_2_an_expired_claim_is_refused_everywhere(campaign, cast, clock, codes):
    claim = verified()
    began = accounts.sign_up("n@example.org", "Nina", None, backer=claim)
    clock.forward(minutes=9, seconds=59)
    assert backers.held(claim)
    clock.forward(seconds=1)
    assert backers.held(claim) is None
    assert Backer.get().status == "unused"
    for attempt in (
        lambda: accounts.create("n@example.org", "N", None, backer=claim),
        lambda: accounts.sign_up("n@example.org", "Nina", None, backer=claim),
        lambda: identities.arrive(came(), backer=claim),
    ):
        with pytest.raises(ClaimExpired) as caught:
            attempt()
        assert caught.value.code == "BACKER_CLAIM_EXPIRED"
    with pytest.raises((ClaimExpired, tokens.CodeExpired)):
        accounts.verify(began, "000001")
    assert nobody_new(cast)


def test_check_2_two_people_with_one_code_make_one_account(campaign):
    first = verified()
    accounts.create("nina@example.org", "Nina", None, backer=first)
    with pytest.raises(BackerAlreadyUsed):
        accounts.create("ole@example.org", "Ole", None, backer=first)
    with pytest.raises(BackerAlreadyUsed):
        verified()
    assert User.select().count() == 7


def test_check_2_an_unknown_backer_is_refused(campaign, cast):
    for claim in (backers.Claim(99_999, "x" * 64), backers.claim((99_999, "x"))):
        with pytest.raises(BackerInvalid):
            accounts.create("n@example.org", "N", None, backer=claim)
    assert nobody_new(cast)


def test_check_2_the_claim_lives_through_the_mailed_code(campaign, codes):
    """In the code's own row: the browser's cookie may be gone."""
    began = accounts.sign_up("nina@example.org", "Nina", "Correct horse 1!", backer=verified())
    again = send_again(began, "verify_email")
    user, _ = accounts.verify(again, "000002")
    assert Backer.get().used_by == user


def test_check_2_the_claim_lives_through_a_provider_that_vouches_for_nothing(campaign, codes):
    _, token = identities.arrive(came(verified=False), backer=verified())
    again = send_again(token, "identity")
    user, _ = identities.confirm(again, "000002")
    assert Backer.get().used_by == user


def test_check_2_a_claim_that_was_voided_meanwhile_can_be_replaced(campaign, codes):
    began = accounts.sign_up("nina@example.org", "Nina", None, backer=verified())
    fresh = verified()
    with pytest.raises(ClaimMismatch):
        accounts.verify(began, "000001")
    user, _ = accounts.verify(began, "000001", fresh)
    assert Backer.get().used_by == user


def test_check_2_the_account_that_sets_the_site_up_needs_none(house):
    write(models.Setting.create, key="crowdfunding_active", value=True)
    secret = accounts.setup_secret()
    user = accounts.set_up(secret, "ida@example.org", "Ida", "Correct horse 1!")
    assert user.backer_id is None
    with pytest.raises(BackerNeeded):
        accounts.create("two@example.org", "Two", None)


def test_check_2_an_invitation_is_enough_only_where_the_site_says_so(campaign, cast, at, codes):
    for capability in ("workspace.members.invite", "workspace.members.limit.10"):
        with inside(cast.acme):
            write(Grant.create, plan_key="pro_monthly", capability=capability, source="s", source_type="manual")
    with inside(cast.acme):
        invitation = invitations.invite("nina@example.org", "member", by=at("alice"))
    with pytest.raises(BackerNeeded):
        accounts.sign_up("nina@example.org", "Nina", None)
    settings.change("crowdfunding_invite_bypass", "on", by=cast.stella)
    with pytest.raises(BackerNeeded):
        accounts.create("ole@example.org", "Ole", None)  # it is for one address
    began = accounts.sign_up("Nina@Example.org", "Nina", None)
    with inside(cast.acme):
        write(models.Invitation.update(status="cancelled").where(models.Invitation.id == invitation.id).execute)
    with pytest.raises(BackerNeeded):
        accounts.verify(began, "000001")
    with inside(cast.acme):
        write(models.Invitation.update(status="pending").where(models.Invitation.id == invitation.id).execute)
    user, _ = accounts.verify(began, "000001")
    assert user.backer_id is None


def test_check_2_eight_claimers_of_one_code_make_one_account(campaign):
    claim = verified()
    works = [lambda n=n: accounts.create(f"n{n}@example.org", f"N{n}", None, backer=claim) for n in range(8)]
    outcomes = together(*works)
    assert len(refused(outcomes)) == 7
    assert {type(one) for one in refused(outcomes)} == {BackerAlreadyUsed}
    assert User.select().count() == 6 + 1
    assert AuditEvent.select().where(AuditEvent.action == "backer.claimed").count() == 1
    assert Organization.select().where(Organization.is_personal).count() == 7


def test_check_2_eight_browsers_that_verify_and_claim_at_once_make_one_account(campaign):
    def whole_way(n):
        return accounts.create(f"n{n}@example.org", f"N{n}", None, backer=verified())

    outcomes = together(*[lambda n=n: whole_way(n) for n in range(8)])
    wrong = refused(outcomes)
    assert len(wrong) <= 7
    assert all(isinstance(one, BackerAlreadyUsed | ClaimMismatch) for one in wrong), wrong
    assert User.select().count() == 6 + 8 - len(wrong) <= 7
    assert Backer.select().where(Backer.used_at.is_null(False)).count() == 8 - len(wrong)


# --- a leaked database ------------------------------------------------------------------------------------


def test_no_column_and_no_log_line_holds_a_code_or_a_token(campaign, cast, caplog, codes):
    caplog.set_level(logging.DEBUG)
    _, made = backers.add("Bea", "", campaign.tier_id, by=cast.stella)
    backer, token = backers.verify("Ada", CODE)
    began = accounts.sign_up("n@example.org", "Nina", None, backer=backers.claim((backer.id, token)))
    for secret in (CODE, made, token):
        found = everything_stored()
        assert len(found) > 5000
        assert secret not in found
        assert secret.lower() not in found.lower()
        assert secret not in caplog.text
    accounts.verify(began, "000001")
    assert CODE not in everything_stored()
    assert CODE not in caplog.text


def everything_stored():
    with everywhere("a test reads every column of all rows"):
        return "\n".join(repr(row) for table in models.TABLES for row in table.select().tuples())


# --- adding -----------------------------------------------------------------------------------------------


def test_a_code_that_is_made_is_good_and_told_once(campaign, cast):
    backer, code = backers.add("  Bea  Lu ", "", campaign.tier_id, by=cast.stella)
    assert (backer.username, backer.username_lower) == ("Bea Lu", "bea lu")
    assert len(code.replace("-", "")) == 16
    assert set(code) <= set(backer_codes.ALPHABET) | {"-"}
    assert backers.verify("bea lu", code)[0] == backer
    event = AuditEvent.get(AuditEvent.action == "backer.added", AuditEvent.target_id == str(backer.id))
    assert event.metadata == {"username": "Bea Lu", "tier": "Early bird"}
    assert len({backers.add(f"B{n}", "", campaign.tier_id, by=cast.stella)[1] for n in range(20)}) == 20


def test_the_same_name_and_code_is_there_already(ada, cast):
    with pytest.raises(AlreadyThere, match="this code already"):
        backers.add("ADA", CODE, ada.tier_id, by=cast.stella)
    with pytest.raises(AlreadyThere, match="has a code already"):
        backers.add("ada", "", ada.tier_id, by=cast.stella)
    backers.add("ada", "Second-pledge", ada.tier_id, by=cast.stella)
    assert Backer.select().count() == 2


def test_eight_admins_adding_one_backer_at_once_add_one(ada, cast):
    works = [lambda: backers.add("Bea", "", ada.tier_id, by=cast.stella)] * 8
    outcomes = together(*works)
    assert {type(one) for one in refused(outcomes)} == {AlreadyThere}
    assert Backer.select().count() == 2


@pytest.mark.parametrize(
    ("username", "code", "known", "field"),
    [
        ("", "Good-code", True, "username"),
        ("x" * 81, "Good-code", True, "username"),
        ("Bea", "abc", True, "code"),
        ("Bea", "two words", True, "code"),
        ("Bea", "x" * 81, True, "code"),
        ("Bea", "Good-code", False, "tier"),
    ],
)
def test_what_can_not_be_added_is_told_beside_its_field(tier, cast, username, code, known, field):
    with pytest.raises(Invalid) as caught:
        backers.add(username, code, tier.id if known else None, by=cast.stella)
    assert list(caught.value.fields) == [field]
    assert Backer.select().count() == 0


# --- releasing --------------------------------------------------------------------------------------------


def test_a_released_code_takes_back_what_it_gave_and_makes_another_account(campaign, cast, proven):
    nina = accounts.create("nina@example.org", "Nina", None, backer=verified())
    proven("stella", "admin.release_backer", campaign.id)
    backers.release(campaign.id, by=cast.stella)
    nina = User.get_by_id(nina.id)
    assert (nina.backer_id, nina.backer_access_granted_at, nina.backer_access_until) == (None, None, None)
    with inside(organizations.home(nina)):
        assert grants.plan().key == "free"
        assert Grant.active().count() == 0
    assert credit_standings.balance(organizations.home(nina))[0] == 1250  # credits stay
    event = AuditEvent.get(AuditEvent.action == "backer.released")
    assert event.actor == cast.stella
    assert event.metadata["before"]["used_by"] == nina.email
    assert event.metadata["after"] == {"used_by": None, "until": None}
    ole = accounts.create("ole@example.org", "Ole", None, backer=verified())
    assert Backer.get().used_by == ole
    assert Outgoing.select().where(Outgoing.kind == "notification").count() == 1


def test_releasing_wants_a_proof_and_a_used_code(campaign, cast, proven, signed_in_as):
    accounts.create("nina@example.org", "Nina", None, backer=verified())
    signed_in_as("stella")
    with pytest.raises(stepup.VerificationRequired) as caught:
        backers.release(campaign.id, by=cast.stella)
    assert caught.value.details["level"] == 3
    assert Backer.get().status == "used"
    proven("stella", "admin.release_backer", campaign.id)
    backers.release(campaign.id, by=cast.stella)
    with pytest.raises(Refused, match="isn't used") as twice:
        backers.release(campaign.id, by=cast.stella)
    assert twice.value.code == "INVALID_TRANSITION"
    assert AuditEvent.select().where(AuditEvent.action == "backer.released").count() == 1
    with pytest.raises(stepup.VerificationRequired):
        backers.release(99_999, by=cast.stella)


def test_deleting_the_account_frees_nothing(campaign, proven):
    nina = accounts.create("nina@example.org", "Nina", None, backer=verified())
    proven(nina, "account.delete", nina.id)
    accounts.delete(nina)
    with pytest.raises(BackerAlreadyUsed):
        verified()


def test_a_deleted_accounts_code_can_be_released(campaign, cast, proven):
    nina = accounts.create("nina@example.org", "Nina", None, backer=verified())
    proven(nina, "account.delete", nina.id)
    accounts.delete(nina)
    proven("stella", "admin.release_backer", campaign.id)
    backers.release(campaign.id, by=cast.stella)
    assert Backer.get().status == "unused"
    assert Notification.select().where(Notification.recipient == nina).count() == 0
    assert Outgoing.select().where(Outgoing.kind == "notification").count() == 0


# --- tiers ------------------------------------------------------------------------------------------------


def test_a_changed_tier_counts_for_later_claims_only(campaign, cast):
    nina = accounts.create("nina@example.org", "Nina", None, backer=verified())
    until = User.get_by_id(nina.id).backer_access_until
    tiers.change(campaign.tier_id, {"name": "Early birds", "months": ""}, by=cast.stella)
    tier = BackerTier.get()
    assert (tier.key, tier.name, tier.months, tier.plan_key, tier.credits) == ("early", "Early birds", None, None, 0)
    assert User.get_by_id(nina.id).backer_access_until == until
    event = AuditEvent.get(AuditEvent.action == "backer_tier.changed")
    assert (event.metadata["before"]["months"], event.metadata["after"]["months"]) == (12, None)
    tiers.change(campaign.tier_id, {"name": "Early birds"}, by=cast.stella)
    assert AuditEvent.select().where(AuditEvent.action == "backer_tier.changed").count() == 1


def test_there_is_no_such_tier_and_no_such_backer(cast):
    with pytest.raises(NotFound):
        tiers.change(9, {"name": "X1"}, by=cast.stella)
    with pytest.raises(NotFound):
        backers.one(9)


# --- the list ---------------------------------------------------------------------------------------------


def test_the_list_filters_by_state_name_and_account(campaign, cast, clock, listed):
    for name in ("Bea", "Cleo", "50%_off"):
        backers.add(name, f"{name}-1234", campaign.tier_id, by=cast.stella)
    verified("bea", "Bea-1234")
    accounts.create("nina@example.org", "Nina", None, backer=verified())
    by = admins.staff(cast.stella)

    def names(**asked):
        return [one.username for one in listed(backer_desk.listing, **asked)]

    def counts():
        return lists.counts(backer_desk.listing, lists.Ask(), by)

    assert names() == ["50%_off", "Cleo", "Bea", "Ada"]
    assert [names(status=state) for state in ("unused", "pending", "used")] == [["50%_off", "Cleo"], ["Bea"], ["Ada"]]
    assert counts() == {"unused": 2, "pending": 1, "used": 1}
    assert names(q="E") == ["Cleo", "Bea", "Ada"]  # whose account is nina@example.org
    assert (names(q="nina@example.org"), names(q="nobody@example.org")) == (["Ada"], [])
    assert names(sort="username") == ["50%_off", "Ada", "Bea", "Cleo"]
    clock.forward(minutes=11)
    assert counts() == {"unused": 3, "pending": 0, "used": 1}


# --- what else the flag does ------------------------------------------------------------------------------


def test_nothing_can_be_bought_while_the_campaign_runs(campaign, at):
    with inside(at("alice").organization), pytest.raises(Refused, match="campaign"):
        billing.checkout("pro_monthly", by=at("alice"))


def test_a_claim_out_of_a_cookie_may_be_anything(campaign):
    for told in (None, "", 7, [1], ["x", "y"], [1, 2, 3], {"a": 1}, [True]):
        assert backers.claim(told) is None
    assert backers.held(backers.claim([campaign.id, None])) is None
    assert timedelta(minutes=10) == backers.LIFE
