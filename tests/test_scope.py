import peewee
import psycopg
import pytest

import models
from database.compiled import Compiled
from database.connections import database
from database.parameters import parameter
from database.scope import EVERYWHERE, OutOfScope, everywhere, inside, scope
from database.tables import Owned
from domain.base import configuration
from domain.lists import rows
from domain.tasks import tasks
from models import (
    Change,
    Customer,
    Grant,
    OrderItem,
    Organization,
    Pass,
    Presence,
    Record,
    Task,
    TicketOrder,
    TicketRefund,
)
from tests.fixtures.threads import refused, together, write


@pytest.fixture
def hers(cast, at):
    """A task of alice in Acme."""
    with inside(cast.acme):
        made = rows.create(tasks.rules, {"title": "Acme's secret"}, by=at("alice"))
        return Task.get_by_id(made.id)


@pytest.fixture
def his(cast, at):
    """A task of charlie in Globex."""
    with inside(cast.globex):
        made = rows.create(tasks.rules, {"title": "Globex' secret"}, by=at("charlie", "globex"))
        return Task.get_by_id(made.id)


def titles():
    with everywhere("the test looks at all"):
        return sorted(title for (title,) in Task.select(Task.title).tuples())


UNSCOPED = {
    "select": lambda task: list(Task.select()),
    "update": lambda task: Task.update(title="x").execute(),
    "delete": lambda task: Task.delete().execute(),
    "save": lambda task: task.save(),
    "create": lambda task: Task.create(organization=task.organization_id, user=task.user_id, title="x"),
    "insert": lambda task: Task.insert(organization=task.organization_id, user=task.user_id, title="x").execute(),
    "backref": lambda task: list(Organization.get_by_id(task.organization_id).task_set),
    "foreign key step": lambda task: models.CreditEntry(account=1).account,
    "join": lambda task: list(Organization.select().join(Task, on=(Task.organization == Organization.id))),
    "join along a key": lambda task: list(Organization.select().join(Task)),
    "outer join": lambda task: list(Organization.select().join(Task, peewee.JOIN.LEFT_OUTER)),
    "from": lambda task: list(Organization.select(Task.title).from_(Task)),
    "get_by_id": lambda task: Task.get_by_id(task.id),
    "get_or_none": lambda task: Task.get_or_none(Task.id == task.id),
    "get_or_create": lambda task: Task.get_or_create(title="x"),
    "delete_instance": lambda task: task.delete_instance(),
    "subquery": lambda task: list(Organization.select().where(Organization.id.in_(Task.select(Task.organization)))),
    "one": lambda task: Task.one(Task.id == task.id),
}


@pytest.mark.parametrize("kind", UNSCOPED)
def test_untouchable_outside_of_any_scope(kind, hers):
    with pytest.raises(OutOfScope):
        write(UNSCOPED[kind], hers)
    assert titles() == ["Acme's secret"]


ESCAPES = {
    "alias": lambda task: Task.alias(),
    "raw": lambda task: Task.raw("SELECT * FROM task"),
    "insert_many": lambda task: Task.insert_many([{"title": "x"}]),
    "insert_from": lambda task: Task.insert_from(Task.select(), [Task.title]),
    "replace": lambda task: Task.replace(title="x"),
    "replace_many": lambda task: Task.replace_many([{"title": "x"}]),
    "bulk_create": lambda task: Task.bulk_create([task]),
    "bulk_update": lambda task: Task.bulk_update([task], [Task.title]),
    "truncate_table": lambda task: Task.truncate_table(),
    "selecting from": lambda task: Organization.select().from_(Task),
}


@pytest.mark.parametrize("kind", ESCAPES)
def test_what_cannot_be_kept_in_scope_is_refused_inside_too(kind, cast, hers):
    with inside(cast.acme), pytest.raises(OutOfScope):
        ESCAPES[kind](hers)


def test_inside_another_organization_the_row_is_not_there(cast, hers, his):
    with inside(cast.globex):
        assert [t.title for t in Task.select()] == ["Globex' secret"]
        assert Task.select().where(Task.id == hers.id).count() == 0
        assert Task.one(Task.id == hers.id) is None
        assert Task.get_or_none(Task.id == hers.id) is None
        with pytest.raises(Task.DoesNotExist):
            Task.get_by_id(hers.id)
        assert list(Organization.get_by_id(cast.acme.id).task_set) == []
        joined = Organization.select(Organization.name, Task.title).join(Task).tuples()
        assert list(joined) == [("Globex", "Globex' secret")]


def test_inside_another_organization_the_row_cannot_be_changed(cast, hers, his):
    with inside(cast.globex):
        assert write(Task.update(title="taken").where(Task.id == hers.id).execute) == 0
        assert write(Task.delete().where(Task.id == hers.id).execute) == 0
        assert write(Task.delete_by_id, hers.id) == 0
        assert write(Task.set_by_id, hers.id, {"title": "taken"}) == 0
        hers.title = "taken"
        with pytest.raises(OutOfScope):
            write(hers.save)
    assert titles() == ["Acme's secret", "Globex' secret"]


def test_a_condition_said_with_or_stays_in_scope(cast, hers, his):
    def seen(query):
        try:
            return [task.title for task in query().execute()]
        except OutOfScope:  # refused is as good
            return ["Globex' secret"]

    with inside(cast.globex):
        assert seen(lambda: Task.select().where((Task.id == hers.id) | (Task.id == his.id))) == ["Globex' secret"]
        assert seen(lambda: Task.select().orwhere(Task.id == hers.id)) == ["Globex' secret"]


def test_a_change_or_removal_said_with_or_stays_in_scope(cast, hers, his):
    with inside(cast.globex):
        for query in (lambda: Task.update(title="taken"), Task.delete):
            try:
                write(query().where(Task.id == his.id + 1000).orwhere(Task.id == hers.id).execute)
            except OutOfScope:
                continue
    assert titles() == ["Acme's secret", "Globex' secret"]


def test_a_row_cannot_be_given_to_another_organization(cast, hers):
    with inside(cast.acme):
        task = Task.get_by_id(hers.id)
        task.organization = cast.globex
        with pytest.raises(OutOfScope):
            write(task.save)
        with pytest.raises(OutOfScope):
            write(Task.create, organization=cast.globex, user=cast.alice, title="x")
        with pytest.raises(OutOfScope):
            Task.insert({Task.organization: cast.globex, Task.title: "x"})
        with pytest.raises(OutOfScope):
            Task.insert(organization_id=cast.globex.id, title="x")
    with inside(cast.globex):
        assert Task.select().where(Task.title == "Acme's secret").count() == 0


def test_an_update_cannot_give_rows_to_another_organization(cast, hers):
    with inside(cast.acme), pytest.raises((OutOfScope, peewee.PeeweeException)):
        write(Task.update(organization=cast.globex).where(Task.id == hers.id).execute)
    with inside(cast.globex):
        assert Task.select().count() == 0


def test_an_upsert_cannot_overwrite_a_row_of_another_organization(cast, hers):
    with inside(cast.globex), pytest.raises((OutOfScope, peewee.PeeweeException)):
        write(
            Task.insert(id=hers.id, user=cast.charlie, title="taken")
            .on_conflict(conflict_target=[Task.id], update={Task.title: "taken"})
            .execute
        )
    assert titles() == ["Acme's secret"]


def test_a_replacing_insert_cannot_take_the_place_of_a_row_of_another_organization(cast, hers):
    with inside(cast.globex), pytest.raises((OutOfScope, ValueError)):
        write(Task.insert(id=hers.id, user=cast.charlie, title="taken").on_conflict_replace().execute)
    assert titles() == ["Acme's secret"]


def test_a_new_row_belongs_to_where_one_stands(cast):
    with inside(cast.acme):
        made = write(Task.create, user=cast.alice, title="Here")
        assert made.organization_id == cast.acme.id
        assert Task.get_by_id(made.id).organization_id == cast.acme.id


def test_everywhere_sees_all_and_says_why(cast, hers, his):
    assert titles() == ["Acme's secret", "Globex' secret"]
    with pytest.raises(AssertionError), everywhere(""):
        pass


def test_scopes_nest_and_end(cast, hers, his):
    with inside(cast.acme):
        with inside(cast.globex):
            assert scope() == cast.globex.id
        with pytest.raises(ValueError), everywhere("to fail in it"):
            raise ValueError
        assert scope() == cast.acme.id
    with pytest.raises(OutOfScope):
        scope()


def test_the_scope_does_not_leak_to_another_thread(cast, hers):
    with inside(cast.acme):
        assert Task.select().count() == 1
        (outcome,) = together(lambda: Task.select().count())
    assert isinstance(outcome, OutOfScope)


def test_threads_in_different_scopes_see_their_own(cast, hers, his):
    def look(organization):
        found = set()
        with inside(organization):
            for _ in range(50):
                found |= {t.title for t in Task.select()}
        return found

    outcomes = together(*[lambda o=o: look(o) for o in (cast.acme, cast.globex) * 4])
    assert refused(outcomes) == []
    assert outcomes == [{"Acme's secret"}, {"Globex' secret"}] * 4


# --- compiled queries -------------------------------------------------------------------------------


def compiled():
    return Compiled(lambda: Task.select(Task.title).where(Task.title != parameter("not")).order_by(Task.id))


def ask(query):
    return [title for (title,) in query(**{"not": "x"})]


PLACES = {
    "acme": (lambda cast: inside(cast.acme), ["Acme's secret"]),
    "globex": (lambda cast: inside(cast.globex), ["Globex' secret"]),
    "everywhere": (lambda cast: everywhere("a test"), ["Acme's secret", "Globex' secret"]),
}


@pytest.mark.parametrize("first", PLACES)
def test_a_compiled_query_asks_the_scope_at_each_call(first, cast, hers, his):
    query = compiled()
    for name in (first, *PLACES, first):
        place, expected = PLACES[name]
        with place(cast):
            assert ask(query) == expected, f"in {name}, built in {first}"


@pytest.mark.parametrize("first", PLACES)
def test_a_compiled_query_is_refused_outside_wherever_it_was_built(first, cast, hers, his):
    query = compiled()
    with pytest.raises(OutOfScope):
        ask(query)
    with PLACES[first][0](cast):
        ask(query)
    with pytest.raises(OutOfScope):
        ask(query)


def test_a_compiled_join_obeys_the_scope(cast, hers, his):
    query = Compiled(lambda: Organization.select(Organization.name, Task.title).join(Task))
    with inside(cast.acme):
        assert query() == [("Acme", "Acme's secret")]
    with inside(cast.globex):
        assert query() == [("Globex", "Globex' secret")]


# --- the second net, on PostgreSQL -------------------------------------------------------------------


@pytest.fixture
def postgres(house):
    """Row security, which SQLite has not."""


def raw(sql, *params):
    return database.execute_sql(sql, params or None).fetchall()


def test_raw_sql_inside_an_organization_sees_nothing_of_another(postgres, cast, hers, his):
    with inside(cast.acme):
        assert raw("SELECT title FROM task") == [("Acme's secret",)]
    with inside(cast.globex):
        assert raw("SELECT title FROM task") == [("Globex' secret",)]
        assert raw("UPDATE task SET title = 'taken' WHERE id = %s RETURNING id", hers.id) == []
        assert raw("DELETE FROM task WHERE id = %s RETURNING id", hers.id) == []
    with everywhere("the test looks at all"):
        assert len(raw("SELECT title FROM task")) == 2


def test_raw_sql_outside_of_any_scope_sees_nothing_at_all(postgres, cast, hers, his):
    for table in models.OWNED:
        assert raw(f'SELECT * FROM "{table._meta.table_name}"') == []
    with inside(cast.acme):
        raw("SELECT 1 FROM task")
    assert raw("SELECT title FROM task") == []  # nor on a connection that just stood inside


def test_a_connection_that_comes_back_out_of_the_pool_stands_nowhere(postgres, cast, hers, his):
    database.close_idle()
    with inside(cast.acme):
        assert raw("SELECT title FROM task") == [("Acme's secret",)]
        held = database.connection()
        database.close()
    database.connect()
    assert database.connection() is held
    assert raw("SELECT title FROM task") == []


def test_what_was_open_when_a_connection_was_given_back_is_told_anew(postgres, cast, hers, his):
    with inside(cast.acme):
        assert raw("SELECT title FROM task") == [("Acme's secret",)]
    database.connection().execute("BEGIN")
    assert raw("SELECT title FROM task") == []
    database.close()
    assert raw("SELECT title FROM task") == []


def test_a_connection_that_the_server_ended_is_not_lent_out(postgres, house):
    database.close_idle()
    number = database.connection().info.backend_pid
    database.close()
    with psycopg.connect(configuration.active.database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (number,))
    assert raw("SELECT 1") == [(1,)]


def test_raw_sql_cannot_write_into_another_organization(postgres, cast, hers):
    columns = "created_at, updated_at, organization_id, user_id, title, status, priority, category"
    insert = f"INSERT INTO task ({columns}) VALUES (now(), now(), %s, %s, 'x', 'pending', 'low', 'general')"
    for place in (inside(cast.globex), everywhere("a test")):
        with place:
            if scope() == EVERYWHERE:
                database.execute_sql(insert, (cast.acme.id, cast.alice.id))
                continue
            with pytest.raises(peewee.PeeweeException, match="row-level security"):
                database.execute_sql(insert, (cast.acme.id, cast.alice.id))
    assert len(titles()) == 2


def test_a_rolled_back_scope_is_told_again(postgres, cast, hers, his):
    with inside(cast.acme):
        assert raw("SELECT title FROM task") == [("Acme's secret",)]
    with inside(cast.globex):
        with pytest.raises(ValueError):
            write(lambda: raw("SELECT title FROM task") and (_ for _ in ()).throw(ValueError))
        assert raw("SELECT title FROM task") == [("Globex' secret",)]
    with inside(cast.acme):
        assert raw("SELECT title FROM task") == [("Acme's secret",)]


def test_a_savepoint_taken_back_leaves_the_scope_as_it_is(postgres, cast, hers, his):
    def fails():
        with inside(cast.globex):
            raw("SELECT 1 FROM task")
            raise ValueError

    def outer():
        with inside(cast.acme):
            with pytest.raises(ValueError):
                write(fails)
            return raw("SELECT title FROM task")

    assert write(outer) == [("Acme's secret",)]


def test_every_owned_table_has_row_security_that_binds_its_owner_too(postgres):
    with_it = raw(
        "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
        "WHERE c.relrowsecurity AND c.relforcerowsecurity"
    )
    assert {name for (name,) in with_it} == {table._meta.table_name for table in models.OWNED}
    assert raw("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]


def test_the_tables_of_an_organization_are_owned():
    # Read across organizations by their person, the log or staff, or written many at once for all.
    shared = {"Membership", "Notification", "AuditEvent", "FlyerEvent", "Verification"}
    for table in models.TABLES:
        if "organization" in table._meta.fields and table.__name__ not in shared:
            assert issubclass(table, Owned), table
    assert {Change, Customer, Grant, Task} <= set(models.OWNED)


# --- rows of one parent -----------------------------------------------------------------------------------


def _plan(query):
    """How SQLite would find the rows of a query, a step a line."""
    text, params = database.obj.get_sql_context().sql(query).query()
    return "\n".join(step[3] for step in database.obj.execute_sql(f"EXPLAIN QUERY PLAN {text}", params).fetchall())


BY_PARENT = {
    "a parent": (lambda: Pass.select(Pass.seq).where(Pass.item == 3), "pass_item_id_seq"),
    "some parents": (lambda: Presence.select().where(Presence.ticket << [3, 4]), "presence_pass_id"),
    "a parent, of rows that a partial index has": (
        lambda: Record.select().where(Record.collection == 3, Record.archived_at.is_null()).order_by(Record.id.desc()),
        "record_live",
    ),
    "a parent's parent": (
        lambda: Pass.select(Pass).join(OrderItem).where(OrderItem.order == 3),
        "order_item_order_id",
    ),
    "what hangs on a row": (
        lambda: TicketOrder.select().join(OrderItem, on=OrderItem.order == TicketOrder.id).where(TicketOrder.id == 3),
        "order_item_order_id",
    ),
    "what is changed": (lambda: TicketRefund.update(reason="x").where(TicketRefund.order == 3), "ticket_refund_order"),
    "what is deleted": (lambda: TicketRefund.delete().where(TicketRefund.order == 3), "ticket_refund_order"),
}


@pytest.mark.parametrize("kind", BY_PARENT)
def test_rows_of_a_parent_are_found_by_it_whatever_their_organization_has(house, sqlite, kind):
    make, index = BY_PARENT[kind]
    with inside(1):
        plan = _plan(make())
    assert f" {index}" in plan
    assert "_organization_id (" not in plan


def test_without_a_parent_or_an_index_by_it_rows_are_found_by_their_organization(house, sqlite):
    with inside(1):
        for query in (
            Pass.select(),
            Pass.select().where(Pass.state == "active"),
            Record.select().where(Record.collection == 3),  # each index by it leaves some out
            Pass.select().where((Pass.item == 3) | (Pass.state == "active")),
            Pass.select(Pass)
            .join(OrderItem, peewee.JOIN.LEFT_OUTER, on=Pass.item == OrderItem.id)
            .where(OrderItem.order == 3),
        ):
            assert "organization_id (organization_id=?)" in _plan(query)
