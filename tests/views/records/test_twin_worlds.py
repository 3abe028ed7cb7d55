"""Two worlds that differ only in what somebody must not see: every route answers both with the same bytes.

Whatever way something hidden took would make a difference, and nobody had to think of that way.
"""

import io
import json
import os
import random
import re
import zipfile

import pytest
from werkzeug.datastructures import MultiDict

import jobs
from database.scope import inside
from domain.base import notices
from domain.charts import figures, saved_charts
from domain.files.press import press
from domain.imports import file_links
from domain.lists import attachments, comments, rows
from domain.people import feeds
from domain.records import collections, documents, field_changes, kind_changes, listings, rules
from domain.records.computed import dependents, formulas
from models import Change, Notification, Outgoing, PublicAnswer, Record, RecordOption
from tests.conftest import application
from tests.fixtures.keys import Program, a_key, pay
from tests.fixtures.public import form_of, opened, sent, stamp_on, token_of
from tests.fixtures.threads import write
from tests.test_access import ROUTES

PAGE = "/acme/records/offers"
OURS = ("/<organization>/records", "/<organization>/dashboard")
# Besides routes of these rooms, which are asked below. A route of another room fails the test until it is said here
# whether rows of people's tables stand there.
ASKED = {"records", "archives", "record_fields", "record_rules", "record_links", "record_formulas", "dashboards"}
ASKED |= {"record_buttons", "record_papers"}
ASKED_TOO = {
    "home",
    "palette",
    "notices",
    "feeds",
    "file_links",
    "live",
    "tasks",
    "organizations",
    "listings",
    "automations",
    "automation_runs",
}
WITHOUT_ROWS = {
    *("static", "front", "dev", "health", "offline", "address", "sandbox", "settings", "pricing", "tiers", "plans"),
    *("sign_in", "sign_up", "reset", "factors", "passkeys", "identities", "account", "preferences"),
    *("members", "invitations", "invitation_links", "workspaces", "permissions", "labels", "logos", "faces"),
    *("billing", "payments", "credits", "subscriptions", "reconciliations", "inbox", "backers", "alerts"),
    *("jobs", "backups", "mail", "moderation", "outages", "releases", "metrics", "status", "cron"),
    *("admin", "admins", "people", "organization_desk"),
    *("newsletter", "news", "articles", "article_desk", "feedback", "verifications", "demo"),
    *(
        "api",
        "keys",
        "mobile",
        "departures",
        "arrivals",
        "personal_files",
        "reports",
        "reporting",
        "public",  # asked in tests/views/records/test_public_views.py
        "public_links",  # who makes links sees all: owners and admins
        "public_answers",
    ),  # a key's lists are asked below
    "automation_webhooks",  # owners and admins see it
    "audit",  # who builds reads it: owners and admins
}
BUILDERS = ("records.fields", "record_rules.index")  # doors that this member doesn't pass: refused in both worlds


@pytest.fixture
def world(cast, at):
    """Offers, of which bob sees those that he holds, without Budget and Stage."""
    with inside(cast.acme):
        alice = at("alice")
        fields = (("Name", "text"), ("State", "choice", ("Open", "Shut")), ("Owner", "person"), ("Until", "day"))
        fields += (("Budget", "text"), ("Stage", "choice", ("Cold", "Warm")))
        table = collections.make("Offers", by=alice, fields=fields)
        found = listings.of(table, alice)
        makers = linked(table, cast, at)
        found = listings.of(collections.found("offers"), alice)
        known = {f.label: f.name for f in found.listing.fields}
        word = {option.label: option.id for option in RecordOption.select()}
        ids = []
        for number in range(6):
            form = {
                known["Name"]: f"Offer {number}",
                known["State"]: str(word["Open"]),
                known["Owner"]: str(cast.bob.id) if number % 2 else "",
                known["Until"]: f"2026-03-0{number + 1}",
                known["Budget"]: f"secret {number}",
                known["Stage"]: str(word["Cold"]),
                known["Maker"]: f"#{makers['unseen']}",
                known["Helpers"]: f"#{makers['unseen']}; #{makers['seen']}",
            }
            ids.append(rows.create(found, form, by=alice).id)
            rows.change(found, ids[-1], {known["Budget"]: f"hidden {number}"}, by=alice)
        worked_out(table, makers, at)
        rule = [*{"sees": "some", "changes": "all", "adds": "1", "shares": "1", "others": "change"}.items()]
        rule += [("where", f"or~{known['Owner'][1:]}~any_of~me")]
        rule += [(f"field_{known[label][1:]}", "nothing") for label in ("Budget", "Stage")]
        rules.change(table.slug, "role:member", MultiDict(rule), by=alice)
        while rules.move_words():
            pass
        for label, query in (("State", ""), ("Stage", ""), ("Until", f"&chart_of={known['Budget']}")):
            by_field = f"chart_by={known[label]}{query}"
            saved = saved_charts.save(found.listing, f"By {len(query)}", by_field, by=alice, shared=True)
            saved_charts.change(saved.id, saved.name, by=alice, shared=True, home=True)
        links = led_to(table, ids, known, cast, at)
        known |= {f.label: f.name for f in listings.of(collections.found("offers"), alice).listing.fields}
        return {"ids": ids, "known": known, "word": word, "table": table, "makers": makers, "links": links}


def worked_out(table, makers, at):
    """Fields that tell what bob doesn't see, if they were shown: of hidden fields, through links, and back."""
    alice = at("alice")
    for label, formula in (
        *(("Cost", '"cost " & {Budget}'), ("Twice", '{Cost} & "!"'), ("Stage said", '"stage " & {Stage}')),
        *(
            ("Maker said", '"by " & {Maker.Name}'),
            ("Who all", "join({Helpers.Name})"),
            ("How many", "count({Helpers})"),
        ),
        ("Open said", '"fine " & {Name}'),
    ):
        formulas.add("offers", label, "formula", {"formula": formula}, by=alice)
    for label, formula in (("Offered", "join({Offers: Maker.Budget})"), ("Count", "count({Offers: Helpers})")):
        formulas.add("makers", label, "formula", {"formula": formula}, by=alice)
    while kind_changes.work() or dependents.work():
        pass


def led_to(table, ids, known, cast, at):
    """Addresses by which bob is shown rows elsewhere: two calendars, one of them asking for what is hidden, and a file
    each on a row that is his and, by alice, on one that isn't."""
    alice, bob = at("alice"), at("bob")
    theirs, all_ = listings.of(collections.found(table.slug), bob), listings.of(collections.found(table.slug), alice)
    found = []
    for query in ("", f"sort={known['Budget']}&{known['Stage']}_from=x&where=and~{known['Budget']}~begins~s"):
        _, secret = feeds.make(theirs.listing, query, "/records/offers", by=bob)
        found.append(f"/calendars/{secret}.ics")
    for rules_, id, by in ((theirs, ids[1], bob), (all_, ids[0], alice)):
        file = attachments.add(rules_, id, io.BytesIO(b"content"), "Plan.txt", by=by)
        found.append(f"/acme/records/offers/{id}/files/{file.id}")
        if by is bob:
            found.append("/files/" + file_links.make(rules_, id, file.id, by=by)[0].rpartition("/")[2])
    return found


def linked(table, cast, at):
    """Makers, of which bob sees those that he made, and two links to them; returns three of their numbers."""
    alice, bob = at("alice"), at("bob")
    makers = collections.make("Makers", by=alice, fields=(("Name", "text"), ("Size", "number")))
    for label, kind in (("Maker", "link"), ("Helpers", "links")):
        collections.add_field(table.slug, label, kind, by=alice, options={"table": str(makers.id)})
    called = {"unseen": ("Concealed", alice), "other": ("Veiled", alice), "seen": ("Visible", bob)}
    ids = {}
    for name, (title, by) in called.items():
        known = listings.of(makers, by)
        ids[name] = rows.create(known, {known.listing.first: title}, by=by).id
    rules.change(
        makers.slug,
        "role:member",
        MultiDict({"sees": "some", "where": "or~made~any_of~me", "changes": "all", "others": "change"}),
        by=alice,
    )
    return ids


def other_world(world, cast, at):
    """The same with other values in what bob doesn't see, in the rows, the keys, the words and the history."""
    with inside(cast.acme):
        shape = listings.of(collections.found("offers"), at("alice")).listing.source.shape
        hidden = {world["known"][label] for label in ("Budget", "Stage")}

        def paint():
            for number, id in enumerate(world["ids"]):
                record = Record.get_by_id(id)
                document = json.loads(record.cells)
                changed = {
                    world["known"]["Budget"]: f"elsewise {number}",
                    world["known"]["Stage"]: world["word"]["Warm"],
                }
                makers = world["makers"]
                changed |= {world["known"]["Maker"]: None}
                changed |= {world["known"]["Helpers"]: (makers["seen"], makers["other"])[:: number % 3 - 1 or 1]}
                if not number % 2:  # not bob's: all of it is another
                    changed |= {
                        world["known"]["Name"]: f"Zebra {number}",
                        world["known"]["State"]: world["word"]["Shut"],
                    }
                made = documents.put(shape, document, changed, id)
                Record.update(cells=documents.dumped(shape, made), **documents.words(shape, made)).where(
                    Record.id == id
                ).execute()
                dependents.place(shape, id, document, made)
                for noted in Change.select().where(Change.table == f"record:{world['table'].id}", Change.row_id == id):
                    fields = {n: (["x", "y"] if n in hidden else pair) for n, pair in noted.fields.items()}
                    fields = {n: pair for n, pair in fields.items() if n != world["known"]["Maker"]}
                    Change.update(fields=fields).where(Change.id == noted.id).execute()

        write(paint)
        assert dependents.work()
        while dependents.work():
            pass


def asked(world):
    """Addresses of every route of records, with what is hidden in every place where something can be named."""
    known, ids, word = world["known"], world["ids"], world["word"]
    names = [*known.values(), "created_by", "changed_at", "f999"]
    queries = ["", "?view=board", "?tab=mine"]
    said = (
        "secret",
        "hidden",
        "elsewise",
        "Zebra",
        "Offer",
        "warm",
        "cold",
        "Concealed",
        "Veiled",
        "Visible",
        "cost",
        "stage",
        "fine",
    )
    queries += [f"?q={text}" for text in said]
    queries += [f"?view=calendar&cal={scale}" for scale in ("", "week", "agenda", "day")]
    for name in names:
        queries += [f"?view=calendar&cal_on={name}&cal_until={other}" for other in names]
        queries += [f"?sort={name}", f"?sort={name}-down", f"?{name}_from=2026-01-01", f"?{name}_to=2026-12-31"]
        queries += [f"?{name}={value}" for value in (*word.values(), "x", "2")]
        queries += [f"?view=chart&chart_by={name}", f"?view=chart&chart_by={known['Until']}&chart_of={name}"]
        queries += [f"?sort={name}&after=1~1", f"?sort={name}&after=1secret~2"]
    queries += [f"?view=board&{known['Stage']}={word['Warm']}", f"?q=offer&{known['State']}={word['Shut']}"]
    queries += [f"?{known[name]}=%23{id}" for name in ("Maker", "Helpers") for id in world["makers"].values()]
    beyond = f"and~{known['Maker']}.f7~begins~Conc"
    queries += [f"?where={beyond}", f"?where=and~{known['Maker']}~empty", f"?where=and~{known['Helpers']}~not_empty"]
    yield from (*world["links"], "/acme", "/acme/tasks", "/acme/news", "/acme/settings", "/settings/calendars")
    yield from ("/acme/automations", "/acme/automations/runs", "/acme/automations/new")
    yield from (f"/acme/automations/new?source=record:{table}" for table in (1, 2, 3))
    yield from ("/notifications", "/notifications/bell", *(f"/palette?q={text}" for text in said))
    yield from ("/acme/records/makers", *(f"/acme/records/makers/{id}" for id in world["makers"].values()))
    for method, rule, endpoint, _ in ROUTES:
        if not rule.startswith(OURS) or method != "GET":
            continue
        base = rule.replace("<organization>", "acme").replace("<table>", "offers")
        for id in ids if "<id:id>" in base else (0,):
            for name in names if "<name>" in base else ("",):
                address = base.replace("<id:id>", str(id)).replace("<name>", name).replace("<id:chart>", "2")
                address = re.sub(r"<int:\w+>", "0", address)
                address = re.sub(r"<\w+>", "nothing", address)
                whole_list = endpoint == "records.index" or "export" in rule
                yield from (address + query for query in (queries if whole_list else ("",)))


NOISE = re.compile(
    r'(nonce|data-mark|request[-_]id|form_key" value)="?[^"\s>]*"?|name="form_key" value="[^"]*"|Change \d+|'
    r'[0-9a-f]{16}|data-since="[^"]*"'
)


def text_of(answer):
    """The answer as text; of a workbook what stands in it, without the moment at which it was made."""
    data = answer.get_data()
    if not data.startswith(b"PK"):
        return data.decode()
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "".join(book.read(name).decode() for name in sorted(book.namelist()) if "docProps" not in name)


SHARE = 70  # addresses in the suite; `make twins` asks all of them


def chosen(world):
    """A fixed share of the addresses, of each route at least the plain one, and the charts."""
    every = list(asked(world))
    if os.environ.get("TWINS"):
        return every
    plain = {address for address in every if "?" not in address and not address.endswith(tuple("2345"))}
    charted = {address for address in every if "chart_by" in address and "export" not in address}
    return sorted(plain | charted | set(random.Random(3).sample(every, SHARE)))


def answers(client, world):
    found = {}
    for address in chosen(world):
        for headers in ({}, {"HX-Request": "true", "HX-Target": "list_area"})[: 2 if "?" in address else 1]:
            answer = client.get(address, headers=headers)
            found[address, bool(headers)] = (answer.status_code, NOISE.sub("", text_of(answer)))
    return found


def test_records_33_34_every_route_answers_two_worlds_with_the_same_bytes(world, cast, at, browse, clock, monkeypatch):
    monkeypatch.setattr(figures, "KEPT_AT_ONCE", 0)  # the other world is painted without a Change
    monkeypatch.setattr(press, "ask", lambda task, **given: json.dumps(given).encode())  # what goes on paper
    bob = browse("bob")
    first = answers(bob, world)
    assert {status for status, _ in first.values()} <= {200, 303, 403, 404, 422}
    other_world(world, cast, at)
    second = answers(bob, world)
    different = {key for key in first if first[key] != second[key]}
    assert different == set()
    text = "".join(text for _, text in second.values())
    assert "Offer 1" in text
    assert "fine Offer 1" in text
    for hidden in (
        "elsewise",
        "Zebra",
        "secret 1",
        "Budget",
        "Warm",
        "Concealed",
        "Veiled",
        "Cost",
        "Stage said",
        "Maker said",
        "How many",
    ):
        assert hidden not in re.sub(r'(value|href|data-url|content|hx-get|hx-post)="[^"]*"', "", text), hidden


def test_every_room_is_asked_or_shows_no_rows():
    made = application().blueprints
    theirs = ("views.events.", "views.flyers.")
    events = {room for room in made if made[room].import_name.startswith(theirs)}
    rooms = {endpoint.partition(".")[0] for method, _, endpoint, _ in ROUTES if method == "GET"}
    assert rooms - ASKED - ASKED_TOO - events == WITHOUT_ROWS  # events have listings of their own


def test_a_public_form_answers_strangers_of_two_worlds_with_the_same_bytes(world, cast, at, browse, clock):
    """Also to a name that must not occur twice, which a row of the first world has and none of the second."""
    known = world["known"]
    with inside(cast.acme):
        alice = at("alice")
        field_changes.rule("offers", int(known["Name"][1:]), by=alice, is_required=True, is_unique=True)
        form = form_of(known, "Name", "Until", own="change")
        link = opened("offers", form, by=alice)
    stranger, address = browse(), "/p/" + token_of(link)

    def told():
        pages = [stranger.get(address).text]
        clock.forward(seconds=5)
        for given in ({"Until": "soon"}, {"Until": "2026-03-01"}, {"Name": "Offer 0", "Until": "2026-03-01"}):
            stamp = stamp_on(stranger.get(address).text)
            clock.forward(seconds=5)
            texts = {known[label]: text for label, text in given.items()}
            answer = stranger.post(address, data=sent(stamp, **texts), follow_redirects=True)
            pages += [answer.status_code, answer.text]
        own = answer.request.path  # the page of one's own answer
        pages += [stranger.get(own).text, stranger.post(own, data={known["Name"]: "Offer 2"}).text]
        with inside(cast.acme):
            state = PublicAnswer.select().order_by(PublicAnswer.id.desc()).first().state
        return [NOISE.sub("", str(page)) for page in pages], state

    first, state = told()
    assert state == "held"
    other_world(world, cast, at)
    clock.moment = clock.NOON
    second, state = told()
    assert state == "in"
    assert second == first
    assert "Offer 0" in "".join(second)
    for hidden in ("Budget", "Zebra", "elsewise", "Stage"):
        assert hidden not in "".join(second), hidden


def test_records_33_a_program_is_answered_alike_in_two_worlds(world, web, cast, at):
    pay(cast.acme)
    program = Program(web, a_key(at("bob"), "records.read")[1], "/api/v1/acme")
    names = (
        "name",
        "state",
        "owner",
        "until",
        "budget",
        "stage",
        "maker",
        "helpers",
        "cost",
        "created_at",
        "f5",
        "nothing",
    )
    addresses = ["/offers", "/offers/shape", "/makers", "/makers/shape", "/offers?q=secret", "/offers?q=Zebra"]
    addresses += [f"/offers/{id}" for id in world["ids"]] + [f"/makers/{id}" for id in world["makers"].values()]
    for name in names:
        addresses += [
            f"/offers?sort={name}",
            f"/offers?fields={name}",
            f"/offers?{name}=warm",
            f"/offers?{name}_from=2",
        ]

    def told():
        found = {}
        for address in addresses:
            answer = program.get(address)
            found[address] = answer.status_code, answer.headers.get("ETag"), NOISE.sub("", answer.text)
        return found

    first = told()
    assert {status for status, *_ in first.values()} == {200, 404, 422}
    assert "Offer 1" in first["/offers"][2]
    other_world(world, cast, at)
    assert told() == first
    assert first["/offers?sort=budget"][::2] == (422, first["/offers?sort=nothing"][2].replace("nothing", "budget"))


def test_records_34_news_and_letters_tell_two_worlds_alike(world, cast, at):
    """Somebody comments on a row that bob sees and on one that he doesn't, and names him in both."""

    def heard():
        with inside(cast.acme):
            alice = at("alice")
            for id in world["ids"][:2]:
                found = listings.of(collections.found("offers"), alice)
                comments.add(found, id, {"text": "Look, @Bob"}, by=alice, page="/acme/records/offers")
        jobs.work_off()
        told = [(n.title, n.body, n.link) for n in notices.newest(cast.bob, limit=50)]
        mails = Outgoing.select().where(Outgoing.kind == "mail", Outgoing.recipient == cast.bob.email)
        told += [(mail.subject, json.dumps(mail.payload, sort_keys=True)) for mail in mails]
        write(Notification.delete().execute)
        write(Outgoing.delete().execute)
        return [tuple(re.sub(r"comment[:_=]\d+", "", part or "") for part in one) for one in told]

    first = heard()
    assert len(first) == 2  # of the one that he sees
    other_world(world, cast, at)
    assert heard() == first


def test_news_and_letters_that_wait_name_nothing_that_their_reader_may_not_see_any_more(world, cast, at):
    """A rule comes after the comment: the notice that was read in time is covered, the letter isn't sent."""
    with inside(cast.acme):
        alice, seen = at("alice"), world["ids"][1]
        comments.add(listings.of(collections.found("offers"), alice), seen, {"text": "Look, @Bob"}, by=alice, page=PAGE)
        jobs.work_off()
        comments.add(listings.of(collections.found("offers"), alice), seen, {"text": "And, @Bob"}, by=alice, page=PAGE)
    (before,) = notices.newest(cast.bob)
    assert (before.body, before.link) == ("Look, @Bob", f"{PAGE}/{seen}")
    with inside(cast.acme):
        rules.change("offers", "role:member", MultiDict({"sees": "none", "changes": "none", "others": "see"}), by=alice)
    jobs.work_off()
    told = [(one.title, one.body, one.link) for one in notices.newest(cast.bob)]
    assert told == [(notices.UNSEEN, None, None)]
    with inside(cast.acme):
        rules.remove("offers", "role:member", by=alice)
    assert [one.body for one in notices.newest(cast.bob)] == ["Look, @Bob"]


def test_the_owner_sees_the_difference(world, cast, at, browse):
    """The same comparison is no formality: whoever sees everything is answered differently."""
    alice = browse("alice")
    before = alice.get("/acme/records/offers").text
    other_world(world, cast, at)
    assert alice.get("/acme/records/offers").text != before


def test_what_is_hidden_cannot_be_written_either(world, cast, at, browse):
    bob, known = browse("bob"), world["known"]
    mine, other = world["ids"][1], world["ids"][0]
    with inside(cast.acme):
        before = {row.id: row.cells for row in Record.select()}
    for id, name, status in ((other, known["Name"], 404), (mine, known["Budget"], 404), (mine, "f999", 404)):
        answer = bob.post(f"/acme/records/offers/{id}/cells/{name}", data={name: "x"})
        assert answer.status_code == status, (id, name)
    bulk = {"ids": [str(other)], "act": known["Name"], f"to_{known['Name']}": "x"}
    bob.post("/acme/records/offers/bulk", data=bulk)
    bob.post("/acme/records/offers/bulk", data={"ids": [str(mine)], "act": known["Stage"], f"to_{known['Stage']}": "1"})
    assert bob.post(f"/acme/records/offers/{other}/removal").status_code == 404
    with inside(cast.acme):
        assert {row.id: row.cells for row in Record.select()} == before
