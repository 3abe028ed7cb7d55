"""A statement whose text is kept says what Peewee would say, whatever its values."""

from datetime import timedelta

import pytest
from peewee import SQL, fn

from database import statements
from database.clock import now
from database.columns import spelled
from database.connections import database
from database.scope import OutOfScope, inside
from database.transactions import writes
from models import CreditAccount, Membership, Organization, Setting, Task, User, WebhookEvent

pytestmark = pytest.mark.usefixtures("house")


def plain(n, user):
    """Statements of every plain shape, told apart by their values."""
    later, words = now() + timedelta(days=n), [f"a{n}", "b", f"c{n}"]
    event = {"status": f"s{n}", "history": [{"n": n}], "facts": None, "next_attempt_at": later}
    yield User.select().where(User.email == f"{n}@example.org")
    yield (
        User.select(User.id, User.email).where(User.id > n, User.email.is_null(False)).order_by(User.id.desc()).limit(n)
    )
    yield User.select().where((User.id < n) | (User.id >= 2 * n)).order_by(User.email, User.id).paginate(n, 7)
    yield User.select().where(User.status.in_(words), User.email_verified_at.is_null(), User.id.not_in((n, n + 1)))
    yield Membership.select().where(Membership.user == user)
    yield Task.select().where(Task.due_at <= later, Task.title != f"t{n}").limit(1)
    yield WebhookEvent.select().where(spelled("status IN ('received', 'failed')"), WebhookEvent.subject.in_(words))
    yield Task.select(Task, User).join(User, on=(User.id == Task.assigned_to)).where(User.email == f"{n}", Task.id == n)
    members = (
        Membership.select(Membership.role, User.email, Organization).join(User).switch(Membership).join(Organization)
    )
    yield members.where(User.id > n).order_by(Organization.id.desc(), User.id).limit(n)
    yield User.update(status=f"s{n}")
    yield WebhookEvent.update(**event).where(WebhookEvent.id == n, WebhookEvent.status.in_(words))
    yield Task.update(assigned_to=user, title=f"t{n}").where(Task.id == n)
    yield CreditAccount.update(balance=CreditAccount.balance + n, held=CreditAccount.held - n).where(
        CreditAccount.id == n
    )
    yield User.select().where(User.email == User.email_norm, User.created_at < User.updated_at, User.id < n)
    yield User.select(User.status, fn.COUNT(User.id).alias("many")).where(User.id < n).group_by(User.status)
    net = fn.COALESCE(fn.SUM(CreditAccount.balance - CreditAccount.held), n)
    yield (
        CreditAccount.select(net, fn.MAX(User.id)).join(User, on=User.id > CreditAccount.id).where(User.status << words)
    )
    yield User.select(fn.COALESCE(User.email, f"w{n}"), SQL("1")).order_by(fn.LOWER(User.email).desc()).limit(n)
    yield Membership.delete().where(Membership.user == user)
    yield User.delete().where((User.id == n) | User.email.in_(words))
    yield User.delete()


def test_a_kept_text_is_peewees_own(cast):
    with inside(cast.acme):
        for n, user in ((3, cast.bob), (5, cast.alice.id), (8, cast.bob)):
            for query in plain(n, user):
                text, params = database.obj.get_sql_context().sql(query).query()
                kept = statements._kept(database.obj, query)
                if kept is None:  # psycopg's JSON can't be compared
                    assert (database.dialect, "history" in text) == ("postgres", True)
                else:
                    assert (kept[0], list(kept[1])) == (text, list(params))


def test_one_row_is_found_by_a_kept_text_and_only_where_one_stands(cast):
    with inside(cast.acme):
        made = writes(Task.create)(title="Chairs", user=cast.bob)
        for _ in range(2):
            assert Task.one(Task.title == "Chairs", Task.user == cast.bob).id == made.id
            assert Task.get_by_id(made.id).title == "Chairs"
            assert Task.one(Task.title == "Tables") is Task.one(fn.LOWER(Task.title) == "tables") is None
            assert Task.one(fn.LOWER(Task.title) == "chairs").id == made.id  # not plain: Peewee's way
    with inside(cast.globex):
        assert Task.one(Task.id == made.id) is None
        with pytest.raises(Task.DoesNotExist):
            Task.get_by_id(made.id)
    with pytest.raises(OutOfScope):
        Task.one(Task.id == made.id)


def test_what_is_written_over_is_part_of_a_kept_insert(cast):
    """Each of these conflicts has a text of its own."""
    for n in (1, 2):
        row = {"key": f"k{n}", "value": n, "updated_by": cast.bob}
        writes(Setting.insert(row).on_conflict_ignore().execute)()
        for other, written, by in ((10, n + 10, "bob"), (20, n + 10, "alice")):
            changed = [Setting.value] if other == 10 else [Setting.updated_by]
            again = Setting.insert(row | {"value": n + other, "updated_by": cast.alice})
            writes(again.on_conflict(conflict_target=[Setting.key], preserve=changed).execute)()
            held = Setting.get(Setting.key == f"k{n}")
            assert (held.value, held.updated_by) == (written, getattr(cast, by))


def test_the_scope_is_a_value_and_no_part_of_the_text(cast):
    found = []
    for place in (cast.acme, cast.globex):
        with inside(place):
            found.append(statements._kept(database.obj, Task.select().where(Task.id == 1)))
    (one, first), (other, second) = found
    assert one == other
    assert (set(first) ^ set(second)) == {cast.acme.id, cast.globex.id}


def test_rows_are_counted_and_looked_for_as_they_are_selected_and_only_where_one_stands(cast):
    with inside(cast.acme):
        for n in range(3):
            writes(Task.create)(title=f"Chair {n % 2}", user=cast.bob)
        mine = Task.select().where(Task.user == cast.bob).order_by(Task.id)
        for query, many in (
            (mine, 3),
            (mine.where(Task.title == "Chair 1"), 1),
            (mine.where(Task.title == "Table"), 0),
            (mine.limit(2), 2),
            (mine.limit(2).offset(2), 1),
            (mine.offset(4), 0),
            (mine.select(Task.title).order_by().distinct(), 2),
            (mine.select(Task.title).order_by().group_by(Task.title), 2),
            (Task.select(Task, User).join(User, on=Task.user).where(User.id == cast.bob.id), 3),
            (Task.select().where(Task.title == "Chair 1") | Task.select().where(Task.title == "Chair 0"), 3),
        ):
            for _ in range(2):
                assert (query.count(), query.exists(), len(query)) == (many, many > 0, many)
        assert mine.limit(1).count(clear_limit=True) == 3
    with inside(cast.globex):
        assert (Task.select().count(), Task.select().exists()) == (0, False)


def test_columns_are_known_by_themselves_and_not_by_what_they_were_joined_with(cast):
    """The same columns are plain or not by what is selected from; what only looks like a column is none."""
    with inside(cast.acme):
        for query in (
            Task.select(Task.id, Task.title, User.email).join(User, on=Task.user),
            Task.select(Task.id, Task.title),
            Task.select(Task.id, User.email),
        ):
            built = tuple(database.obj.get_sql_context().sql(query).query())
            assert statements._kept(database.obj, query) in (None, built)
        other = User.alias()
        assert statements.plain_columns((Task.id, other.id)) is None
        assert statements.plain_columns((Task.id, fn.COUNT(Task.id))) is None
        shape, models = statements.plain_columns((Task.id, User.email))
        assert (shape, models) == (((Task, "id"), (User, "email")), {Task, User})


@pytest.mark.parametrize(
    "made",
    [
        lambda: User.select(fn.COUNT(User.id.distinct())),
        lambda: User.select(fn.COUNT(User.id).filter(User.id > 1)),
        lambda: User.select(fn.MAX(now())),
        lambda: User.select(User.id + 1),
        lambda: User.delete().returning(User.id),
        lambda: User.delete().where(User.id.in_(Membership.select(Membership.user))),
        lambda: Membership.select().where(Membership.user == User.id),
        lambda: User.select().where(User.id.in_(Membership.select(Membership.user))),
        lambda: User.select().where(~(User.id == 1)),
        lambda: User.select().where(fn.LOWER(User.email) == "a"),
        lambda: User.select().where(User.id.in_([])),
        lambda: User.select().where(User.email.contains("a")),
        lambda: User.select().distinct(),
        lambda: User.select().group_by(User.id).having(fn.COUNT(User.id) > 1),
        lambda: User.select().order_by(User.id == 1),
        lambda: User.alias().select(),
        lambda: User.select().join(Membership, on=Membership.user == User.id),
        lambda: User.select().alias("some"),
        lambda: User.update(email=User.email_norm),
        lambda: User.update(status="active").returning(User.id),
        lambda: Organization.update(name=fn.LOWER(Organization.name)),
    ],
)
def test_what_is_not_plain_goes_peewees_way(cast, made):
    with inside(cast.acme):
        query = made()
        built = database.obj.get_sql_context().sql(query).query()
        assert statements._kept(database.obj, query) in (None, tuple(built))


def test_the_number_of_kept_texts_is_bounded(monkeypatch):
    monkeypatch.setattr(statements, "MOST_TEXTS", 3)
    monkeypatch.setattr(statements, "_texts", {})
    for names in ("key", "value", "updated_at", "created_at", "id"):
        list(Setting.select(getattr(Setting, names)).limit(1))
    assert 0 < len(statements._texts) <= 3
