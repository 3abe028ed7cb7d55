"""What programs can ask of lists: conditions in an address and as JSON, counts, places, fields of linked rows."""

import pytest

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings
from tests.fixtures.keys import Program, a_key, pay
from tests.views.api.test_listings_views import problem


@pytest.fixture
def app(web, cast, at):
    pay(cast.acme)
    with inside(cast.acme):
        by = at("alice")
        people = collections.make("People", by=by, fields=(("Name", "text"), ("City", "text")))
        for name, city in (("Ada", "Bonn"), ("Ben", "Cologne")):
            rows.create(listings.of(people, by), {"f1": name, "f2": city}, by=by)
        links = {"table": str(people.id)}
        offers = collections.make(
            "Offers",
            by=by,
            fields=(
                *(("Name", "text"), ("Amount", "number"), ("State", "choice", ("New", "Done")), ("On", "day")),
                *(("Tags", "choices", ("Red", "Blue")), ("Sent", "yes_no"), ("Customer", "link", (), links)),
                ("Team", "links", (), links),
            ),
        )
        for number, state in enumerate(("New", "Done", "New", "")):
            texts = (
                ("name", f"Offer {number}"),
                ("amount", f"{number}.5"),
                ("state", state),
                ("on", f"2031-01-0{number + 1}"),
            )
            form = dict(texts) | {"tags": ["Red", "Blue"][:number], "sent": ("yes", "no")[number % 2]}
            form |= {"customer": ("Ada", "Ben")[number % 2]}
            own = {f.also[0]: f.name for f in listings.of(offers, by).listing.fields if f.also}
            rows.create(listings.of(offers, by), {own[name]: value for name, value in form.items()}, by=by)
    return Program(web, a_key(at("alice"), "records.read records.write tasks.read tasks.write")[1], "/api/v1/acme")


def found(app, asked):
    answer = app.get(f"/offers?sort=oldest&fields=name&{asked}")
    assert answer.status_code == 200, answer.data
    return "".join(row["name"][-1] for row in answer.json["items"])


CASES = {
    "name=offer 1": "1",
    "name.ne=offer 1": "023",
    "name.contains=FER 2": "2",
    "name.begins=offer": "0123",
    "amount.gte=1.5&amount.lt=3.5": "12",
    "amount.between=0.5,1.5": "01",
    "amount.gt=2.5": "3",
    "amount.lte=0.5": "0",
    "state=new": "02",
    "state.any=new,done": "012",
    "state.none=new": "13",
    "state.empty=true": "3",
    "state.empty=false": "012",
    "tags.has=red,blue": "23",
    "tags.any=blue": "23",
    "tags.none=red": "0",
    "on.on=2031-01-02": "1",
    "on.before=2031-01-02": "0",
    "on.after=2031-01-03": "3",
    "on.within=2031-01-02,2031-01-03": "12",
    "on.within=next-7-days&zone=Europe/Berlin": "",
    "sent=true": "02",
    "sent.ne=true": "13",
    "customer=1": "02",
    "customer.city=bonn": "02",
    "customer.city.begins=col": "13",
}


def test_each_condition_finds_what_it_says(app):
    assert {asked: found(app, asked) for asked in CASES} == CASES


def test_conditions_are_grouped_in_json(app):
    where = {
        "all": [
            {"field": "sent", "value": True},
            {"any": [{"field": "amount", "op": "gt", "value": 2}, {"field": "name", "value": "Offer 0"}]},
        ]
    }
    sent = {"where": where, "sort": ["-amount"], "fields": ["name", "customer.city"], "count": True, "limit": 1}
    first = app.post("/offers/query", sent).json
    assert first["items"] == [{"id": 5, "name": "Offer 2", "customer": {"id": 1, "title": "Ada", "city": "Bonn"}}]
    assert (first["count"], first["more"], first["partial"]) == (2, False, False)
    second = app.post("/offers/query", sent | {"after": first["next"]}).json
    assert ([row["name"] for row in second["items"]], second["next"]) == (["Offer 0"], None)
    for same in ({"field": "state", "op": "any_of", "value": ["new"]}, {"any": [{"field": "state", "value": "new"}]}):
        assert len(app.post("/offers/query", {"where": same}).json["items"]) == 2


WRONG = {
    "amont.gte=1": ("amont.gte", "amount.gte"),
    "amount.contains=1": ("amount.contains", "amount.lt"),
    "amount.gte=much": ("amount.gte", ""),
    "state.any=open": ("state.any", "New, Done"),
    "on.within=next-7-days": ("zone", "Europe/Berlin"),
    "on.within=soon&zone=Europe/Berlin": ("on.within", "next-7-days"),
    "zone=Nowhere/City": ("zone", ""),
    "state.empty=perhaps": ("state.empty", ""),
    "fields=customer.salary": ("fields", ""),
    "fields=name.city": ("fields", ""),
    "customer.salary=1": ("customer.salary", ""),
    "count=yes": ("count", ""),
    "after=bm90aGluZw": ("after", ""),
    "sort=-nothing": ("sort", "name"),
}


def test_what_is_not_known_is_refused_with_the_nearest_name(app):
    for asked, (name, says) in WRONG.items():
        wrong = problem(app.get(f"/offers?{asked}"), 422)
        assert list(wrong) == [name], asked
        assert says in wrong[name], wrong


def test_json_that_is_no_question_is_refused(app):
    for sent in [
        *({"where": {"any": []}}, {"where": {"all": []}}, {"where": {"all": [{"any": []}]}}),
        *({"where": []}, {"where": {"all": [{"all": []}]}}, {"where": {"field": "name"}}, {"where": {"field": 5}}),
        *({"where": {"field": "name", "op": ["is"], "value": "x"}}, {"where": {"any": "x"}}, {"sort": {"x": 1}}),
        *({"where": {"field": "amount", "value": {"x": []}}}, {"limit": 10**30}, {"after": [1]}, {"fields": [5]}),
        *(
            {"where": {"field": "name", "value": "\0"}},
            {"where\0": []},
            {"where": {"all": [{"field": "name", "value": "x"}] * 21}},
        ),
    ]:
        assert problem(app.post("/offers/query", sent), 422), sent


def test_a_place_is_good_in_its_order_alone(app):
    first = app.get("/offers?sort=name&limit=1").json["next"]
    assert len(app.get(first.partition("/acme")[2]).json["items"]) == 1
    assert problem(app.get(first.partition("/acme")[2].replace("sort=name", "sort=amount")), 422).keys() == {"after"}


def test_lists_of_the_house_take_the_same(app):
    for title in ("Paper", "Chairs"):
        app.post("/tasks", {"title": title, "priority": "high"})
    assert [row["title"] for row in app.get("/tasks?title.contains=pap").json["items"]] == ["Paper"]
    counted = app.get("/tasks?count=true&limit=1").json
    assert (counted["count"], counted["more"], len(counted["items"])) == (2, False, 1)


def test_rows_are_added_to_a_link_and_taken_out_of_it(app):
    made = app.post("/offers", {"name": "Team", "team": [1]}).json
    added = app.patch(f"/offers/{made['id']}", {"team": {"add": [2]}}).json
    assert [one["title"] for one in added["team"]] == ["Ada", "Ben"]
    left = app.patch(f"/offers/{made['id']}", {"team": {"add": [2], "remove": [1]}}).json
    assert [one["title"] for one in left["team"]] == ["Ben"]
    for wrong in ({"team": {"add": ["x"]}}, {"team": {"add": 5}}, {"customer": {"add": [1]}}, {"team": {"add": [99]}}):
        assert problem(app.patch(f"/offers/{made['id']}", wrong), 422)


HALF = '{"name": "a\\ud800"}'


def test_odd_json_is_refused_or_cleaned(app):
    for path in ["/offers", "/offers/query", "/offers/batch", "/tasks", "/nothing\0", "/off\0ers"]:
        for body in [
            HALF,
            HALF.replace("\\ud800", "\\u0000"),
            "[" * 2000,
            "[]",
            "1e999",
            '{"name": NaN}',
            b"\xff",
            f"1e{9**30}",
        ]:
            assert app.post(path, body).status_code in (201, 400, 404, 422), (path, body)
