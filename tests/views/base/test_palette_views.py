import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings, rules
from domain.tasks import tasks


@pytest.fixture
def ask(browse):
    def asked(name, q):
        response = browse(name).get("/palette", query_string={"q": q})
        assert response.status_code == 200
        assert "<html" not in response.get_data(True)
        return response.get_data(True)

    return asked


def test_the_palette_finds_pages_within_reach(ask):
    assert 'href="/acme/tasks"' in ask("alice", "")
    assert 'href="/acme/tasks/new"' in ask("alice", "create")
    assert 'href="/admin/settings"' in ask("stella", "settings")
    for name in ("alice", "bob", "vera", "charlie"):
        assert "/admin" not in ask(name, ""), name
        assert "/admin" not in ask(name, "settings"), name


def test_it_finds_tasks_one_may_see_and_no_others(ask, at, cast):
    for name, slug in (("alice", "acme"), ("bob", "acme"), ("charlie", "globex")):
        by = at(name, slug)
        with inside(by.organization):
            rows.create(tasks.rules, {"title": f"Zebra of {name}"}, by=by)
    assert "Zebra of alice" in ask("alice", "zebra")
    assert "Zebra of bob" in ask("alice", "zebra")  # an owner sees all
    assert "Zebra of charlie" not in ask("alice", "zebra")
    charlie = ask("charlie", "zebra")
    assert "Zebra of charlie" in charlie
    assert "alice" not in charlie
    assert "Zebra" not in ask("bob", "zebra").replace("zebra", "")  # bob stands in his own organization


def test_tables_that_people_made_are_found_by_their_members_alone(ask, at, cast):
    with inside(cast.acme):
        collections.make("Zebra crossings", by=at("alice"))
    assert 'href="/acme/records/zebra-crossings"' in ask("alice", "crossings zebra")
    assert "crossings" not in ask("charlie", "zebra")


def test_beginnings_of_words_and_odd_characters_break_nothing(ask, at):
    with inside(at("alice").organization):
        rows.create(tasks.rules, {"title": "Zebra crossing"}, by=at("alice"))
    for q in ("zeb", "zebra cros", "CROSSING"):
        assert "Zebra crossing" in ask("alice", q), q
    for q in (
        '"',
        "'",
        "zeb*",
        "NEAR(",
        "a AND",
        "OR",
        "-",
        "\\",
        "%",
        "(",
        "zeb) OR (1",
        "&|!:*",
        "<b>",
        "🦓",
        "x" * 5000,
    ):
        ask("alice", q)


def test_it_takes_nothing_from_strangers(browse, hx):
    assert browse(None).get("/palette").status_code == 303
    assert browse(None).get("/palette", headers=hx()).status_code == 401


def test_people_organizations_and_actions_are_found(browse):
    alice = browse("alice")
    assert "/acme/members?q=Dora" in alice.get("/palette?q=dor").get_data(True)
    assert 'href="/acme"' in alice.get("/palette?q=acm").get_data(True)
    assert 'data-theme-choice="dark"' in alice.get("/palette?q=dark").get_data(True)
    assert "Security and sessions" in alice.get("/palette?q=passkey").get_data(True)
    assert "Dora" not in browse("charlie").get("/palette?q=dora").get_data(True)


def test_use_r8_staff_finds_people_organizations_and_settings_of_the_whole_site(ask, cast):
    found = ask("stella", "char")
    assert f'href="/admin/users/{cast.charlie.id}"' in found
    assert f'href="/admin/organizations/{cast.globex.id}"' in ask("stella", "globex")
    assert 'href="/admin/settings#setting_sign_up_open"' in ask("stella", "strangers account")
    for q in ("char", "globex", "strangers account"):
        assert "/admin/" not in ask("alice", q)


def test_it_finds_rows_of_tables_by_what_one_may_see_of_them(ask, at, cast):
    alice = at("alice")
    with inside(cast.acme):
        table = collections.make("Repairs", by=alice, fields=(("Name", "text"), ("Price", "text")))
        kept = listings.of(table, alice)
        first, price = (f.name for f in kept.listing.fields[:2])
        row = rows.create(kept, {first: "Zebra lamp", price: "quagga"}, by=alice)
        form = {"sees": "all", "changes": "all", "others": "change", f"field_{price[1:]}": "nothing"}
        rules.change("repairs", "role:viewer", MultiDict(form), by=alice)
    href = f'href="/acme/records/repairs/{row.id}"'
    assert href in ask("alice", "zeb")
    assert href in ask("alice", "quagga")
    with inside(cast.acme):
        assert at("vera").role == "viewer"
    found = ask("vera", "zeb")
    assert (href in found) == ('href="/acme/tasks"' in ask("vera", "tasks"))  # where she stands in Acme
    assert href not in ask("vera", "quagga")
    assert href not in ask("charlie", "zeb")
