import contextlib
import itertools
import string
from datetime import timedelta

import pytest

from database.connections import database
from database.scope import everywhere, inside
from domain import Forbidden, Invalid
from domain.lists import asks, lists, rows
from domain.lists.asks import Ask, understand
from domain.lists.lists import counts, export, read
from domain.tasks import tasks
from models import Organization, Task, User
from tests.fixtures.threads import write

LISTING = tasks.listing
STATUS, PRIORITY = (LISTING.by_name[name].kind for name in ("status", "priority"))


def put(cast, **values):
    """A row as it is, without the rules; whoever is named `user` owns it."""
    return write(Task.create, **{"title": "T", "user": cast.alice} | values)


@pytest.fixture
def many(cast, clock, inside_acme):
    """60 tasks of Acme with few due dates (many ties and gaps), and as many of Globex that no one may see."""
    moment = clock()
    dues = [None, moment, moment - timedelta(days=1), moment + timedelta(days=3), moment + timedelta(days=30)]
    owners, assignees = (cast.alice, cast.bob), (None, cast.bob, cast.alice)
    write(_fill, cast, dues, owners, assignees)
    return list(Task.select())


def _fill(cast, dues, owners, assignees):
    for place in (cast.acme, cast.globex):
        with inside(place):
            for n in range(60):
                put(
                    cast,
                    title=f"Task {n} " + ("paper" if n % 2 else "ink"),
                    due_at=dues[n % 5],
                    user=owners[n % 2] if place == cast.acme else cast.charlie,
                    assigned_to=assignees[n % 3] if place == cast.acme else None,
                    status=LISTING.by_name["status"].kind.words[n % 4],
                    priority=("low", "medium", "high")[n % 3],
                    category=("general", "print")[n % 2],
                )


def pages(ask, by):
    """All rows of all pages; a page is never empty and never too long."""
    found = []
    for _ in range(200):
        answer = read(LISTING, ask, by)
        assert len(answer.rows) <= ask.rows
        assert answer.rows or not found
        found += answer.rows
        if not answer.more:
            return found
        assert len(answer.rows) == ask.rows
        ask = ask.but(after=answer.more)
    raise AssertionError("the pages don't end")


def expected(all_rows, ask, by, moment):
    def fits(row):
        if ask.tab == "mine" and (row.assigned_to_id or row.user_id) != by.user.id:
            return False
        if ask.tab == "made" and row.user_id != by.user.id:
            return False
        if any(row.__data__[name] != value for name, value in ask.filters):
            return False
        if ask.q and ask.q not in row.title:
            return False
        is_open = row.status in Task.OPEN
        if ask.due == "overdue":
            return is_open and row.due_at is not None and row.due_at < moment
        if ask.due == "week":
            return is_open and row.due_at is not None and moment <= row.due_at < moment + timedelta(days=7)
        return row.due_at is None if ask.due == "none" else True

    found = [row for row in all_rows if fits(row)]
    sort = "newest" if ask.q else ask.sort
    if ask.due:
        sort = "newest" if ask.due == "none" else "due"
    if sort == "due":
        last = moment + timedelta(days=9999)
        found.sort(key=lambda row: (row.due_at or last, row.id))
    else:
        found.sort(key=lambda row: row.id, reverse=sort == "newest")
    return [row.id for row in found]


def test_every_question_gives_each_row_once_and_in_order_over_all_pages(cast, at, clock, many):
    chosen = [(), (("status", "pending"),), (("priority", "low"), ("category", "general"))]
    chosen.append((("assigned_to", cast.bob.id),))
    asked = 0
    for tab, filters, q, due, sort, size in itertools.product(
        ("mine", "made", "all"), chosen, ("", "ink"), ("", *asks.DUE), ("newest", "oldest", "due"), (1, 3, 7)
    ):
        ask = Ask(tab=tab, filters=filters, q=q, due=due, sort=sort, rows=size)
        wanted = expected(many, ask, at("alice"), clock())
        if size == 1 and len(wanted) > 12:
            continue
        assert [row.id for row in pages(ask, at("alice"))] == wanted, ask
        asked += 1
    assert asked > 500


TITLES = ("zebra", "Ärger", "apple", "Apple", "Zebra", "_x", "éclair", "10", "9", "Apple", "日本", "😀")


def test_texts_and_choices_are_ordered_over_all_pages_alike_in_both_databases(cast, at, clock, inside_acme):
    for n, title in enumerate(TITLES * 2):
        state = {"status": STATUS.words[n % 4], "priority": PRIORITY.words[n % 3]}
        put(cast, title=title, category=title, user=cast.alice if n % 3 else cast.bob, **state)
    rows = list(Task.select())
    small = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
    keys = {
        "title": lambda row: row.title.translate(small).encode(),
        "category": lambda row: row.category.translate(small).encode(),
        "status": lambda row: STATUS.words.index(row.status),
        "priority": lambda row: PRIORITY.words.index(row.priority),
    }
    for (name, key), down, tab, size in itertools.product(keys.items(), (False, True), ("mine", "all"), (1, 5)):
        ask = Ask(tab=tab, sort=f"{name}-down" if down else name, rows=size)
        mine = [row for row in rows if tab == "all" or (row.assigned_to_id or row.user_id) == cast.alice.id]
        wanted = sorted(mine, key=lambda row, key=key: (key(row), row.id), reverse=down)
        assert [row.id for row in pages(ask, at("alice"))] == [row.id for row in wanted], ask
    narrowed = Ask(tab="all", sort="status", filters=(("priority", "low"),), rows=2)
    wanted = sorted((row for row in rows if row.priority == "low"), key=lambda row: (keys["status"](row), row.id))
    assert [row.id for row in pages(narrowed, at("alice"))] == [row.id for row in wanted]


@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize("sort", ["title", "title-down", "category"])
def test_an_order_by_letters_walks_its_index(cast, at, inside_acme, sort):
    shape = lists.shape_of(LISTING, Ask(tab="all", sort=sort), at("alice"), LISTING.sort(sort), None)
    text, _ = lists._build(LISTING, shape).bind(database.obj).sql()
    values = [0] * text.count("?")
    plan = str(database.execute_sql(f"EXPLAIN QUERY PLAN {text}", values).fetchall())
    assert f"task_by_{sort.removesuffix('-down')}" in plan
    assert "TEMP B-TREE" not in plan


def test_each_role_sees_its_own_tabs(cast, at, many):
    def ids(tab, by):
        return {row.id for row in pages(Ask(tab=tab, rows=50), by)}

    assert ids("mine", at("bob")) == {t.id for t in many if (t.assigned_to_id or t.user_id) == cast.bob.id}
    assert ids("made", at("bob")) == {t.id for t in many if t.user_id == cast.bob.id}
    for name in ("alice", "bob", "vera"):
        assert ids("all", at(name)) == {t.id for t in many}
    write(Organization.update(own_tasks_only=True).where(Organization.id == cast.acme.id).execute)
    assert ids("all", at("alice")) == {t.id for t in many}
    for name in ("bob", "vera", "dora"):
        with pytest.raises(Forbidden):
            read(LISTING, Ask(tab="all"), at(name))
        with pytest.raises(Forbidden):
            counts(LISTING, Ask(tab="all"), at(name))
    assert ids("mine", at("vera")) == set()


def test_a_row_made_while_one_reads_on_disturbs_no_page(cast, at, many):
    first = read(LISTING, Ask(tab="all", sort="newest", rows=10), at("alice"))
    put(cast, title="New")
    write(Task.delete_by_id, first.rows[-1].id)
    second = read(LISTING, Ask(tab="all", sort="newest", rows=10, after=first.more), at("alice"))
    assert not {r.id for r in first.rows} & {r.id for r in second.rows}
    assert second.rows[0].id == first.rows[-1].id - 1


def test_the_page_names_its_people_also_those_who_left(cast, at, inside_acme):
    put(cast, user=cast.alice, assigned_to=cast.charlie)
    answer = read(LISTING, Ask(tab="all"), at("alice"))
    assert answer.people[cast.charlie.id] == "Charlie"
    assert answer.people[cast.bob.id] == "Bob"


# --- cursors and arguments from outside ---------------------------------------------------------------------


DATES = [
    "2026~5",
    "2026-06-151~5",
    "2026-06-15T00:00:00~5",
    "9999-12-31T23:59:59-23:00~5",
    "0001-01-01T00:00:00+23:00~5",
]
NONSENSE = ["x", "~", "~x", "-5", "~-5", "²", "~²", "1.5", "x~5", "' OR 1=1~5", "9" * 40, "\x00~5", "5\x00"]


def test_a_broken_cursor_is_refused(at, many):
    for sort, after in [
        *itertools.product(["newest", "oldest", "due", "status", "priority-down"], NONSENSE),
        *itertools.product(["due"], [*DATES, "5~"]),
    ]:
        with pytest.raises(Invalid):
            read(LISTING, Ask(tab="all", sort=sort, after=after), at("alice"))


def test_a_cursor_of_another_order_is_refused_or_read_and_never_breaks(at, many):
    for sort, after in [("due", "5"), ("newest", "~5"), *itertools.product(["newest", "oldest"], DATES)]:
        with contextlib.suppress(Invalid):
            read(LISTING, Ask(tab="all", sort=sort, after=after), at("alice"))


def test_what_cannot_be_meant_is_left_out(cast, at, inside_acme):
    args = {
        "tab": "nonsense",
        "sort": "nonsense",
        "due": "nonsense",
        "status": "nonsense",
        "priority": "high",
        "assigned_to": "x",
        "rows": "-3",
        "q": "  a \u202e b ",
        "after": "7",
        "title": "no filter",
    }
    assert understand(LISTING, args) == Ask(
        tab="mine", filters=(("priority", "high"),), q="a b", due="", sort="newest", after="7", rows=asks.PAGE
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 50), ("0", 50), ("10", 10), ("2001", 2000), ("99999", 2000), ("9" * 9, 2000), ("²", 50), ("x", 50)],
)
def test_the_size_of_a_page_is_bounded(house, text, size):
    assert understand(LISTING, {"rows": text}).rows == size


def test_a_person_that_is_no_number_is_no_filter(cast, at, inside_acme):
    for text in ["²", "-1", "1e3", "9" * 20, "\x00", ""]:
        assert understand(LISTING, {"assigned_to": text}).filters == (), text


def test_only_a_member_is_a_filter(cast, at, inside_acme):
    assert understand(LISTING, {"assigned_to": str(cast.charlie.id)}).filters == ()
    assert understand(LISTING, {"assigned_to": str(cast.bob.id)}).filters == (("assigned_to", cast.bob.id),)


# --- search ---------------------------------------------------------------------------------------------------


def search(q, by, **ask):
    return sorted(row.title for row in pages(Ask(q=q, tab="mine", rows=50, **ask), by))


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("bookbinder", True),
        ("book", True),
        ("BOOKB", True),
        ("binder", False),
        ("call bookb", True),
        ("bookb call", False),
        ("bookbinder call", True),
        ("call printer", False),
        ("glue", True),  # in the description
        ("call glue", True),
        ("7", True),
        ("co op", True),
        ("co-op", True),
        ("o'brien", True),
        ("snake_case", True),
    ],
)
def test_words_find_titles_and_descriptions_by_their_beginnings(cast, at, inside_acme, q, found):
    text = "Call the Bookbinder at 7 about the co-op of O'Brien, snake_case"
    put(cast, title=text, description="She needs glue.")
    put(cast, title="Something else")
    assert search(q, at("alice")) == ([text] if found else [])


@pytest.mark.parametrize("q", ["ada@example.org", "example", "example.org", "shop.example.org/path", "3.14", "1,500"])
def test_addresses_and_numbers_are_found_by_their_parts(cast, at, inside_acme, q):
    text = "Mail ada@example.org about shop.example.org/path and 3.14 or 1,500"
    put(cast, title=text)
    assert search(q, at("alice")) == [text]


def test_accents_make_no_difference_on_sqlite(cast, at, inside_acme):
    put(cast, title="Résumé für Łódź")
    assert search("Résumé", at("alice")) == ["Résumé für Łódź"]
    if database.dialect == "sqlite":
        assert search("resum", at("alice")) == ["Résumé für Łódź"]
        assert search("rèsümé", at("alice")) == ["Résumé für Łódź"]


HOSTILE = [
    '"',
    "'",
    "''",
    '""',
    '"ink',
    "ink OR paper",
    "ink NOT paper",
    "ink AND",
    "NEAR(ink paper)",
    "ink*",
    "*",
    "^ink",
    "title:ink",
    "place:o1",
    "place : o1",
    "-ink",
    "+ink",
    "(",
    ")",
    "ink) OR (paper",
    "{ink}",
    "ink & paper",
    "!ink",
    "ink <-> paper",
    "ink:*",
    "\\",
    "\\'",
    "%",
    "_",
    "__",
    "ink\x00paper",
    "; DROP TABLE task",
    "😀",
    "²",
    "x" * 5000,
    " ".join(["ink"] * 500),
    "\u0301",
    "OR",
    "AND NOT",
]


def test_hostile_words_break_nothing_and_find_no_other_organizations_rows(cast, at, many):
    for q in HOSTILE:
        ask = understand(LISTING, {"q": q, "tab": "all"})
        mine = {row.id for row in many}
        assert {row.id for row in pages(ask.but(rows=50), at("alice"))} <= mine, q
        with inside(cast.globex):
            theirs = {row.id for row in pages(ask.but(rows=50), at("charlie", "globex"))}
        assert not theirs & mine, q


def test_operators_are_words(cast, at, inside_acme):
    put(cast, title="ink or paper")
    put(cast, title="ink")
    assert search("ink OR paper", at("alice")) == ["ink or paper"]
    put(cast, title="paper near ink")
    assert search("NEAR ink", at("alice")) == ["paper near ink"]


def test_a_search_finds_only_what_the_tab_shows(cast, at, inside_acme):
    put(cast, title="ink of alice")
    put(cast, title="ink of bob", user=cast.bob, assigned_to=cast.alice)
    with inside(cast.globex):
        put(cast, title="ink of charlie", user=cast.charlie)
        put(cast, title="ink of alice elsewhere")
    found = {tab: [r.title for r in pages(Ask(q="ink", tab=tab), at("alice"))] for tab in ("mine", "made", "all")}
    assert found == {
        "mine": ["ink of bob", "ink of alice"],
        "made": ["ink of alice"],
        "all": ["ink of bob", "ink of alice"],
    }


def test_the_words_follow_every_change(cast, at, inside_acme):
    task = rows.create(tasks.rules, {"title": "ink", "description": "blue"}, by=at("alice"))
    rows.change(tasks.rules, task.id, {"title": "paper"}, by=at("alice"))
    assert (search("ink", at("alice")), search("paper", at("alice")), search("blue", at("alice"))) == (
        [],
        ["paper"],
        ["paper"],
    )
    rows.change(tasks.rules, task.id, {"description": ""}, by=at("alice"))
    assert search("blue", at("alice")) == []
    rows.remove(tasks.rules, task.id, by=at("alice"))
    assert search("paper", at("alice")) == []
    put(cast, title="paper again")
    assert search("paper", at("alice")) == ["paper again"]


def test_the_words_of_a_task_stay_when_its_assignee_is_removed(cast, at, inside_acme):
    guest = write(User.create, email="guest@example.org", email_norm="guest@example.org")
    put(cast, title="ink", assigned_to=guest)
    with everywhere("the test removes a person"):
        write(User.delete().where(User.id == guest.id).execute)
    assert Task.get().assigned_to is None
    assert search("ink", at("alice")) == ["ink"]
    write(Task.delete().execute)
    put(cast, title="paper")
    assert search("ink", at("alice")) == []


# --- counts and export ------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_tab_and_bounded(cast, at, many, monkeypatch):
    found = counts(LISTING, Ask(tab="all"), at("alice"))
    assert found == {"pending": 15, "in progress": 15, "completed": 15, "cancelled": 15}
    mine = counts(LISTING, Ask(tab="mine"), at("bob"))
    assert sum(mine.values()) == 30
    monkeypatch.setattr(lists, "COUNTED", 10)
    lists._counting.cache_clear()
    assert set(counts(LISTING, Ask(tab="all"), at("alice")).values()) == {11}
    lists._counting.cache_clear()


def test_an_export_gives_every_row_once_in_chunks(cast, at, many, monkeypatch):
    monkeypatch.setattr(lists, "EXPORTED", 7)
    chunks = export(LISTING, Ask(tab="all", sort="due", after="nonsense", rows=1), at("alice"))
    sizes, seen = [], []
    for chunk in chunks:
        sizes.append(len(chunk.rows))
        seen += [row.id for row in chunk.rows]
    assert sorted(seen) == sorted(row.id for row in many)
    assert sizes == [7] * 8 + [4]


def test_an_export_needs_the_tabs_right_and_no_scope_around_it(cast, at, many):
    write(Organization.update(own_tasks_only=True).where(Organization.id == cast.acme.id).execute)
    with pytest.raises(Forbidden):
        list(export(LISTING, Ask(tab="all"), at("bob")))
    chunks = export(LISTING, Ask(tab="all"), at("alice"))
    with inside(cast.globex):  # a stream is read wherever the server stands by then
        assert sorted(row.id for chunk in chunks for row in chunk.rows) == sorted(row.id for row in many)


def test_a_searchs_counts_are_of_its_newest_rows_in_one_pass(many, at, monkeypatch):
    ask, by = Ask(tab="all", q="paper"), at("alice")
    whole = counts(LISTING, ask, by)
    found = pages(ask, by)
    assert whole == {word: [row.status for row in found].count(word) for word in STATUS.words}
    lists._counting.cache_clear()
    monkeypatch.setattr(lists, "FOUND", 10)
    assert sum(counts(LISTING, ask, by).values()) == 10
    lists._counting.cache_clear()
