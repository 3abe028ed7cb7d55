"""Listings of other things than tasks: joined, within a parent, of the platform, with acts."""

import pytest

from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Refused
from domain.fields.choice import Choice
from domain.fields.email import Email
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.money import Money
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists import lists, rows, totals
from domain.lists.listing import NEWEST, Act, Listing, both
from domain.lists.lists import Ask
from domain.lists.searches import Parts
from domain.people.admins import Staff
from models import Membership, Payment, Profile, Session, Task, User
from tests.fixtures.threads import write

ROLE = Choice(tuple((word, word.capitalize(), "quiet") for word in ("owner", "admin", "member", "viewer")))
STATUS = Choice(tuple((word, word.capitalize(), "quiet") for word in ("open", "failed", "paid", "void")))
done = []


def note(id, *, by):
    done.append(id)
    return f"Noted {id}."


def refuse(id, *, by):
    raise Refused("Never.")


PEOPLE = Listing(
    "somebody",
    "person",
    "people",
    Membership,
    (Field("name", "Name", Text()), Field("email", "E-mail", Email()), Field("role", "Role", ROLE, acted=True)),
    (*NEWEST, *both("name", "A to Z", "Z to A"), *both("role", "By role", "By role, backwards")),
    reads="members.read",
    writes="members.change_role",
    joins=lambda query: query.join(User).join(Profile, on=(Profile.user == User.id)),
    elsewhere=(("name", Profile.full_name, None), ("email", User.email, None)),
    search=Parts((Profile.full_name, User.email)),
    within=Membership.organization,
    acts=(
        Act("note", "Note", note, "members.read", when=lambda row: row.role != "owner", bulk=True),
        Act("refusal", "Refuse", refuse, "members.read", bulk=True),
        Act("crown", "Crown", note, "organization.delete"),
    ),
)
OPEN = rows.Rules(PEOPLE, may_change=lambda *_: True, may_remove=lambda *_: True)

SESSIONS = Listing(
    "sessions_of_one",
    "session",
    "sessions",
    Session,
    (Field("device", "Device", Text(120)), Field("last_seen_at", "Seen", Moment())),
    (*NEWEST, *both("device", "A to Z", "Z to A")),
    reads="users.read",
    parent=Session.user,
)


def everything(listing, ask, by):
    found, ask = [], ask.but(rows=2)
    for _ in range(100):
        answer = lists.read(listing, ask, by)
        found += answer.rows
        if not answer.more:
            return found
        ask = ask.but(after=answer.more)
    raise AssertionError("the pages don't end")


@pytest.fixture
def staff(cast):
    return Staff(cast.stella, frozenset({"users.read", "organizations.read"}))


def test_a_joined_column_is_read_ordered_and_searched(cast, at, inside_acme):
    by = at("alice")
    for sort, wanted in (("name", False), ("name-down", True)):
        names = [row.name for row in everything(PEOPLE, Ask(sort=sort), by)]
        assert names == sorted(names, reverse=wanted)
        assert {"Alice", "Bob", "Vera"} <= set(names)
    assert [row.email for row in everything(PEOPLE, Ask(q="ob@EXAMP"), by)] == ["bob@example.org"]


def test_rows_without_a_value_come_last_in_both_directions_and_each_once(cast, at, inside_acme):
    write(Profile.update(full_name=None).where(Profile.user.in_([cast.bob, cast.dora])).execute)
    write(Profile.update(full_name="").where(Profile.user == cast.vera).execute)
    for sort in ("name", "name-down"):
        names = [row.name for row in everything(PEOPLE, Ask(sort=sort), at("alice"))]
        known = [name for name in names if name is not None]
        assert names[len(known) :] == [None, None]
        assert sorted(known, reverse=sort.endswith("down")) == known
        assert len(names) == Membership.select().where(Membership.organization == cast.acme).count()


def test_ties_are_ordered_by_the_row_over_all_pages(cast, at, inside_acme):
    for sort in ("role", "role-down"):
        words = PEOPLE.by_name["role"].kind.words
        found = [(words.index(row.role), row.id) for row in everything(PEOPLE, Ask(sort=sort), at("alice"))]
        assert found == sorted(found, reverse=sort.endswith("down"))


def test_a_broken_cursor_of_a_text_is_refused(at, inside_acme):
    for after in ["Ann~5", ".a\x00b~5", "~", ".x", ".x~0", "..~²"]:
        with pytest.raises(Invalid):
            lists.read(PEOPLE, Ask(sort="name", after=after), at("alice"))


@pytest.mark.parametrize("text", ["9" * 19, "-" + "9" * 30, "x", "", "1.5", ".5"])
def test_a_cursor_of_a_number_beyond_what_is_stored_is_refused(house, text):
    counted = Listing("counted", "x", "x", Session, (Field("staff_id", "N", Number()),), both("staff_id", "a", "b"))
    with pytest.raises(ValueError, match=r".*"):
        counted.column("staff_id").after(text)


# --- whose rows -------------------------------------------------------------------------------------------------


def test_a_table_that_is_not_owned_is_kept_to_its_organization(cast, at, inside_acme):
    charlie = Membership.get(organization=cast.globex, user=cast.charlie)
    assert charlie.id not in {row.id for row in everything(PEOPLE, Ask(), at("alice"))}
    assert lists.find(PEOPLE, charlie.id, at("alice")) is None
    for ask in (
        lambda: rows.get(OPEN, charlie.id, at("alice")),
        lambda: rows.remove(OPEN, charlie.id, by=at("alice")),
        lambda: rows.act(OPEN, "note", [charlie.id], by=at("alice")),
    ):
        with pytest.raises(NotFound):
            ask()
    assert rows.get(OPEN, Membership.get(organization=cast.acme, user=cast.bob).id, at("alice")).user == cast.bob


def test_a_list_within_a_row_has_only_its_own(cast, staff):
    for number, user in enumerate((cast.bob, cast.bob, cast.vera)):
        write(Session.create, user=user, token_hash=f"hash {number}", expires_at=cast.bob.created_at, device="Phone")
    (his, other), hers = Session.select().where(Session.user == cast.bob), Session.get(Session.user == cast.vera)
    seen = {row.id for row in everything(SESSIONS, Ask(parent=cast.bob.id, sort="device"), staff)}
    assert seen == {his.id, other.id}
    assert everything(SESSIONS, Ask(), staff) == []  # nowhere is nothing, not everything
    assert lists.find(SESSIONS, hers.id, staff, cast.bob.id) is None
    rules = rows.Rules(SESSIONS)
    assert rows.get(rules, his.id, staff, cast.bob.id) == his
    with pytest.raises(NotFound):
        rows.get(rules, hers.id, staff, cast.bob.id)


def test_the_platform_sees_owned_rows_of_all_organizations_and_only_within_its_list(cast, staff):
    for place in (cast.acme, cast.globex):
        with inside(place):
            write(Task.create, title=f"Of {place.name}", user=cast.alice)
    tasks = Listing(
        "all_tasks", "task", "tasks", Task, (Field("title", "Title", Text()),), NEWEST, reads="organizations.read"
    )
    assert {row.title for row in everything(tasks, Ask(), staff)} == {"Of Acme", "Of Globex"}
    with pytest.raises(Exception, match="inside"):
        list(Task.select())


# --- rights -----------------------------------------------------------------------------------------------------


def test_a_right_may_be_asked_of_whoever_asks(cast, at, inside_acme):
    asked = Listing(
        "asked", "task", "tasks", Task, (Field("title", "Title", Text()),), reads=lambda by: by.role == "owner"
    )
    assert lists.read(asked, Ask(), at("alice")).rows == []
    with pytest.raises(Forbidden):
        lists.read(asked, Ask(), at("bob"))


def test_staff_without_the_capability_is_refused(cast):
    with pytest.raises(Forbidden):
        lists.read(SESSIONS, Ask(parent=1), Staff(cast.stella, frozenset()))


# --- sums ----------------------------------------------------------------------------------------------------


PAID = Listing(
    "paid",
    "payment",
    "payments",
    Payment,
    (Field("status", "Status", STATUS), Field("amount", "Amount", Money())),
    also=("currency",),
    reads="organizations.read",
    sums=("amount",),
)


@pytest.fixture
def payments(cast):
    for n, (place, cents, currency, status) in enumerate(
        (
            (cast.acme, 1200, "USD", "paid"),
            (cast.acme, 300, "USD", "failed"),
            (cast.globex, 500, "EUR", "paid"),
            (cast.globex, 40, "USD", "paid"),
        )
    ):
        with inside(place):
            values = {"amount": cents, "currency": currency, "status": status, "reason": "once"}
            write(Payment.create, provider="stripe", provider_payment_id=f"in_{n}", **values)


def test_what_is_asked_for_is_added_up_in_each_currency(payments, staff):
    found = totals.sums(PAID, Ask(), staff)
    assert (found.count, found.totals) == (4, {("amount", "EUR"): 500, ("amount", "USD"): 1540})
    found = totals.sums(PAID, Ask(filters=(("status", "paid"),), after="1"), staff)
    assert (found.count, found.totals) == (3, {("amount", "EUR"): 500, ("amount", "USD"): 1240})
    assert totals.sums(PAID, Ask(filters=(("status", "void"),)), staff) == totals.Sums(0, {})
    with pytest.raises(Forbidden):
        totals.sums(PAID, Ask(), Staff(staff.user, frozenset()))


def test_of_too_many_rows_nothing_is_added_up(payments, staff, monkeypatch):
    monkeypatch.setattr(totals, "SUMMED", 3)
    totals._summing.cache_clear()
    found = totals.sums(PAID, Ask(), staff)
    assert (found.is_whole, found.totals) == (False, {})
    totals._summing.cache_clear()


# --- acts -------------------------------------------------------------------------------------------------------


@pytest.fixture
def member(cast, at, inside_acme):
    done.clear()
    return lambda name: Membership.get(organization=cast.acme, user=getattr(cast, name)).id


def test_what_acts_move_no_form_sets(at, member, cast):
    with pytest.raises(Refused):  # nothing else could be changed either: the others are of joined tables
        rows.create(OPEN, {"role": "owner"}, by=at("bob"))
    assert [f.name for f in PEOPLE.written] == []
    _row, change = rows.change(OPEN, member("bob"), {"role": "owner", "name": "X"}, by=at("alice"))
    assert change is None
    assert Membership.get_by_id(member("bob")).role == "member"


def test_an_act_is_done_where_it_is_possible_and_says_so(at, member):
    assert rows.act(OPEN, "note", [member("bob")], by=at("alice")) == (1, [], f"Noted {member('bob')}.")
    with pytest.raises(Refused, match="isn't possible"):
        rows.act(OPEN, "note", [member("alice")], by=at("bob"))
    assert done == [member("bob")]


def test_of_many_rows_the_refused_ones_are_counted_and_the_others_done(at, member):
    ids = [member(name) for name in ("alice", "bob", "vera")]
    count, refusals, _ = rows.act(OPEN, "note", [*ids, 10**6], by=at("alice"))
    assert (count, len(refusals), done) == (2, 2, ids[1:])
    count, refusals, _ = rows.act(OPEN, "refusal", ids, by=at("alice"))
    assert (count, len(refusals)) == (0, 3)
    with pytest.raises(NotFound):
        rows.act(OPEN, "crown", ids, by=at("alice"))  # not in bulk
    with pytest.raises(Refused, match="200"):
        rows.act(OPEN, "note", list(range(1, 202)), by=at("alice"))


def test_an_act_asks_for_its_own_right(at, member):
    with pytest.raises(Forbidden):
        rows.act(OPEN, "crown", [member("bob")], by=at("bob"))
    with pytest.raises(NotFound):
        rows.act(OPEN, "nothing", [member("bob")], by=at("alice"))
    assert done == []
