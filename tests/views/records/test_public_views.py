"""What strangers see of public links: the form by its address, without a cookie, and what becomes of an answer."""

import gzip
import html
import json
import re

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.base.allowances import limiter
from domain.lists import rows
from domain.moderation import desk, reports, subjects
from domain.records import field_changes, kind_changes, listings, rules
from domain.records.public import links, spam
from models import (
    AuditEvent,
    Change,
    Membership,
    ModerationItem,
    Organization,
    Outgoing,
    PublicAnswer,
    PublicLink,
    Record,
    User,
)
from tests.fixtures.public import form_of, opened, option, repairs, sent, stamp_on, token_of
from tests.fixtures.threads import write


@pytest.fixture
def made(at, cast):
    """A form that asks for five fields: Where only of who says Fetch. What comes in is New."""
    with inside(cast.acme):
        alice = at("alice")
        table, known = repairs(alice)
        form = form_of(known, "Name", "Mail", "Way", "Where", "Notes", **{"fixed_{State}": str(option("New"))})
        form[f"if_{known['Where'][1:]}"] = f"{known['Way'][1:]}~any_of~{option('Fetch')}"
        form[f"required_{known['Name'][1:]}"] = "1"
        form[f"required_{known['Where'][1:]}"] = "1"
        form[f"prefill_{known['Name'][1:]}"] = "1"
        link = opened(table.slug, form, by=alice)
        return link, table, known, {word: str(option(word)) for word in ("New", "Bring", "Fetch")}


def at_door(client, link):
    """(the form's address, its stamp)"""
    page = client.get(f"/p/{token_of(link)}")
    assert page.status_code == 200
    return f"/p/{token_of(link)}", stamp_on(page.text)


def records(cast):
    with inside(cast.acme):
        return [json.loads(row.cells) for row in Record.select().order_by(Record.id)]


def states(cast):
    with inside(cast.acme):
        return [(row.state, row.reasons) for row in PublicAnswer.select().order_by(PublicAnswer.id)]


def test_who_goes_back_and_writes_something_else_is_told_to_send_it_again(made, browse, cast, clock):
    link, _, known, _ = made
    client = browse()
    at, stamp = at_door(client, link)
    clock.forward(seconds=9)
    assert client.post(at, data=sent(stamp, **{known["Name"]: "Toaster"})).status_code == 303
    other = client.post(at, data=sent(stamp, **{known["Name"]: "Lamp"}))
    assert (other.status_code, "You sent this page before" in other.text, 'value="Lamp"' in other.text) == (422, 1, 1)
    clock.forward(seconds=9)
    assert client.post(at, data=sent(stamp_on(other.text), **{known["Name"]: "Lamp"})).status_code == 303
    assert sorted(next(iter(cells.values())) for cells in records(cast)) == ["Lamp", "Toaster"]
    assert states(cast) == [("in", "")] * 2


def test_an_answer_becomes_a_row_that_nobody_made(made, browse, cast, clock):
    link, table, known, words = made
    client = browse()
    at, stamp = at_door(client, link)
    clock.forward(seconds=9)
    form = sent(stamp, **{known["Name"]: "Toaster", known["Mail"]: "ada@example.org", known["Way"]: words["Bring"]})
    first, again = client.post(at, data=form), client.post(at, data=form)
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.location == again.location == f"{at}/thanks"
    assert "Thank you" in client.get(first.location).text
    (cells,) = records(cast)
    assert sorted(map(str, cells.values())) == sorted(["Toaster", "ada@example.org", words["Bring"], words["New"]])
    assert states(cast) == [("in", "")]
    with inside(cast.acme):
        record, (change,) = Record.get(), Change.select().where(Change.table == f"record:{table.id}")
        assert (record.created_by, change.by) == (None, None)
        event = AuditEvent.get(AuditEvent.action == "public_link.answered")
        assert (event.actor, event.target_id) == (None, str(record.id))
        news = Outgoing.get(Outgoing.kind == "notification")
        assert news.payload["title"] == "Intake: somebody answered"
        assert news.payload["link"] == f"/acme/records/repairs/{record.id}"
        page = browse("alice").get(news.payload["link"]).text
        assert "The form “Intake”" in page
        assert PublicLink.get().taken == 1


def test_no_cookie_no_index_no_referrer_and_a_policy_of_its_own(made, browse, clock):
    link, *_ = made
    client = browse()
    for answer in (
        client.get(f"/p/{token_of(link)}"),
        client.get("/p/nothing"),
        client.get(f"/p/{token_of(link)}/thanks"),
    ):
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_only_named_origins_may_frame_it(made, browse, cast):
    link, *_ = made
    becomes(cast, link, settings=link.settings | {"embed": "https://www.example.org"})
    answer = browse().get(f"/p/{token_of(link)}")
    assert "frame-ancestors https://www.example.org" in answer.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer.headers


def becomes(cast, link, **values):
    with inside(cast.acme):
        write(PublicLink.update(**values).where(PublicLink.id == link.id).execute)


def test_the_form_and_all_it_needs_is_light(made, browse):
    link, *_ = made
    client = browse()
    page = client.get(f"/p/{token_of(link)}").text
    parts = []
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        with client.get(path) as part:
            parts.append(part.data)
    assert len(parts) == 4
    assert sum(len(gzip.compress(part)) for part in (page.encode(), *parts)) < 40_000


def test_what_isnt_asked_in_the_light_of_the_rest_is_neither_needed_nor_kept(made, browse, cast, clock):
    link, _, known, words = made
    client = browse()
    at, stamp = at_door(client, link)
    clock.forward(seconds=9)
    common = {known["Name"]: "Lamp", known["Where"]: ""}
    refused = client.post(at, data=sent(stamp, **common, **{known["Way"]: words["Fetch"]}))
    assert refused.status_code == 422
    assert "Where can’t be empty" in refused.text.replace("'", "’").replace("&#39;", "’")
    assert 'value="Lamp"' in refused.text
    assert stamp_on(refused.text) == stamp  # it is the same form still
    answer = client.post(
        at, data=sent(stamp, **{known["Name"]: "Lamp", known["Where"]: "Oak 1", known["Way"]: words["Bring"]})
    )
    assert answer.status_code == 303
    (cells,) = records(cast)
    assert "Oak 1" not in cells.values()


def test_only_fields_that_may_be_are_filled_in_by_the_address(made, browse):
    link, _, known, _ = made
    page = browse().get(f"/p/{token_of(link)}?{known['Name']}=Kettle&{known['Notes']}=Hello").text
    assert 'value="Kettle"' in page
    assert "Hello" not in page


def test_fields_that_arent_asked_can_not_be_sent(made, browse, cast, clock):
    link, _, known, words = made
    client = browse()
    at, stamp = at_door(client, link)
    clock.forward(seconds=9)
    client.post(at, data=sent(stamp, **{known["Name"]: "Lamp", known["Secret"]: "mine", "created_by": "1"}))
    (cells,) = records(cast)
    assert sorted(cells.values(), key=str) == sorted([int(words["New"]), "Lamp"], key=str)


@pytest.mark.parametrize(
    ("what", "reason"),
    [("no script", "proof"), ("trap", "trap"), ("no page", "stamp"), ("at once", "fast"), ("advertising", "words")],
)
def test_what_looks_bad_waits_and_its_sender_is_told_the_same(what, reason, made, browse, cast, clock):
    link, _, known, _ = made
    client = browse()
    at, stamp = at_door(client, link)
    clock.forward(seconds=1 if what == "at once" else 9)
    form = sent(stamp, **{known["Name"]: "Lamp"})
    form |= {
        "no script": {"proof": ""},
        "trap": {spam.TRAP: "x"},
        "no page": {"stamp": "made up"},
        "at once": {},
        "advertising": {known["Notes"]: "http://a.example http://b.example http://c.example"},
    }[what]
    answer = client.post(at, data=form)
    assert (answer.status_code, answer.location) == (303, f"{at}/thanks")
    ((state, reasons),) = states(cast)
    assert (state, reasons) == ("held", reason)
    assert records(cast) == []


def test_records_37_of_a_thousand_posts_by_script_none_reaches_the_table(made, browse, cast, clock):
    """From many networks, with and without a stamp of the page, each with other words."""
    link, _, known, _ = made
    limiter.enabled = True
    try:
        client, posts = browse(), 0
        at, stamp = at_door(client, link)
        for number in range(1000):
            form = {"stamp": stamp if number % 2 else "", known["Name"]: f"Buy {number}", known["Mail"]: "a@b.example"}
            where = {"REMOTE_ADDR": f"198.51.100.{number % 2}"}
            posts += client.post(at, data=form, environ_base=where).status_code in (303, 422, 429)
        assert posts == 1000
    finally:
        limiter.enabled = False
        limiter.reset()
    assert records(cast) == []
    assert {state for state, _ in states(cast)} == {"held"}


def test_who_sends_very_many_that_look_good_waits_too(made, browse, cast, clock):
    link, _, known, _ = made
    client = browse()
    limiter.enabled = True
    try:
        for number in range(7):
            at, stamp = at_door(client, link)
            clock.forward(seconds=5)
            client.post(at, data=sent(stamp, **{known["Name"]: f"Lamp {number}"}))
    finally:
        limiter.enabled = False
        limiter.reset()
    assert [reasons for _, reasons in states(cast)] == [""] * 5 + ["often"] * 2


def test_a_page_that_was_open_for_too_long_comes_back_with_what_was_typed(made, browse, cast, clock):
    link, _, known, _ = made
    client = browse()
    at, stamp = at_door(client, link)
    clock.forward(hours=25)
    answer = client.post(at, data=sent(stamp, **{known["Name"]: "Lamp"}))
    assert answer.status_code == 422
    assert 'value="Lamp"' in answer.text
    assert stamp_on(answer.text) != stamp
    assert client.post(at, data=sent(stamp_on(answer.text), **{known["Name"]: "Lamp"})).status_code == 303


def test_a_link_says_in_words_that_it_is_over(made, browse, cast, clock, at):
    link, *_ = made
    client, address = browse(), f"/p/{token_of(link)}"

    def after(**values):
        becomes(cast, link, **values)
        return client.get(address)

    with inside(cast.acme):
        links.stop(link.id, by=at("alice"))
    stopped = client.get(address)
    assert (stopped.status_code, "This form was stopped" in stopped.text) == (410, True)
    answer = after(stopped_at=None, ends_at=clock.moment)
    assert (answer.status_code, "it ended on 15 June 2026" in answer.text) == (410, True)
    answer = after(ends_at=None, opens_at=clock.forward(days=2))
    clock.forward(days=-1)
    assert (answer.status_code, client.get(address).status_code) == (200, 410)
    assert "opens on 17 June 2026" in client.get(address).text
    answer = after(opens_at=None, most=1, taken=1)
    assert (answer.status_code, "it has its one answer" in answer.text) == (410, True)
    assert after(most=None).status_code == 200
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    assert client.get(address).status_code == 404


def test_a_form_takes_no_more_than_it_may(made, browse, cast, clock):
    link, _, known, _ = made
    becomes(cast, link, most=1)
    client = browse()
    at, one = at_door(client, link)
    _, two = at_door(client, link)
    clock.forward(seconds=5)
    assert client.post(at, data=sent(one, **{known["Name"]: "Lamp"})).status_code == 303
    refused = client.post(at, data=sent(two, **{known["Name"]: "Kettle"}))
    assert (refused.status_code, "is full" in refused.text) == (410, True)
    assert len(records(cast)) == 1
    assert client.post(at, data=sent(one, **{known["Name"]: "Lamp"})).status_code == 303  # a repeat is none more


def test_a_password_is_asked_for_and_opens_without_a_cookie(made, browse, cast, at, clock):
    _, table, known, _ = made
    with inside(cast.acme):
        form = form_of(known, "Name", "Mail", name="Locked", password="open sesame")
        locked = opened(table.slug, form, by=at("alice"))
    client, address = browse(), f"/p/{token_of(locked)}"
    page = client.get(address)
    assert (page.status_code, f'name="{known["Name"]}"' in page.text) == (403, False)
    wrong = client.post(f"{address}/password", data={"password": "guess"})
    assert (wrong.status_code, "isn" in wrong.text) == (422, True)
    right = client.post(f"{address}/password", data={"password": "open sesame"})
    assert (right.status_code, "Set-Cookie" in right.headers) == (303, False)
    page = client.get(right.location)
    assert page.status_code == 200
    clock.forward(seconds=5)
    key = right.location.partition("key=")[2]
    answer = client.post(f"{address}?key={key}", data=sent(stamp_on(page.text), **{known["Name"]: "Lamp"}))
    assert answer.status_code == 303
    assert client.post(address, data=sent(stamp_on(page.text), **{known["Name"]: "Lamp"})).status_code == 403
    clock.forward(hours=13)
    assert client.get(right.location).status_code == 403


def test_a_link_shows_no_more_than_its_maker_may_now(made, browse, cast, at, clock):
    """Its maker becomes a member who doesn't see Mail, then one who adds nothing, then nobody."""
    link, _, known, _ = made
    client, address = browse(), f"/p/{token_of(link)}"
    member = {"sees": "all", "changes": "all", "adds": "1", "shares": "1", "others": "change"}

    def asked():
        page = client.get(address)
        return page.status_code, {label for label in ("Name", "Mail") if f'name="{known[label]}"' in page.text}

    with inside(cast.acme):
        owner = at("alice")
        rule = lambda **more: rules.change("repairs", "role:member", MultiDict(member | more), by=owner)  # noqa: E731
    assert asked() == (200, {"Name", "Mail"})
    write(Membership.update(role="member").where(Membership.user == cast.alice).execute)
    assert asked() == (200, {"Name", "Mail"})
    for more, found in (
        ({f"field_{known['Mail'][1:]}": "nothing"}, (200, {"Name"})),
        ({f"field_{known['Mail'][1:]}": "see"}, (200, {"Name"})),
        ({"adds": ""}, (410, set())),
        ({"shares": ""}, (410, set())),
        ({}, (200, {"Name", "Mail"})),
    ):
        with inside(cast.acme):
            rule(**more)
        assert asked() == found, more
    write(User.update(status="suspended").where(User.id == cast.alice.id).execute)
    assert asked() == (410, set())


def test_what_the_table_refuses_waits_without_a_word(made, browse, cast, at, clock):
    """That a value is taken is nothing a stranger learns."""
    link, _, known, _ = made
    with inside(cast.acme):
        field_changes.rule("repairs", int(known["Mail"][1:]), by=at("alice"), is_required=False, is_unique=True)
        rows.create(listings.find("repairs", at("alice")), {known["Mail"]: "ada@example.org"}, by=at("alice"))
    client, answers = browse(), []
    for mail in ("ada@example.org", "bo@example.org"):
        address, stamp = at_door(client, link)
        clock.forward(seconds=5)
        answers.append(client.post(address, data=sent(stamp, **{known["Name"]: "A", known["Mail"]: mail})))
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, f"{address}/thanks")] * 2
    assert states(cast) == [("held", "refused"), ("in", "")]


def test_ones_own_answer_is_seen_and_changed_for_as_long_as_the_form_says(made, browse, cast, at, clock):
    _, table, known, words = made
    with inside(cast.acme):
        form = form_of(known, "Name", "Mail", "Way", own="change", own_days="7")
        link = opened(table.slug, form, by=at("alice"))
    client = browse()
    address, stamp = at_door(client, link)
    clock.forward(seconds=5)
    form = sent(stamp, **{known["Name"]: "Toaster", known["Way"]: words["Bring"]})
    mine = client.post(address, data=form).location
    assert client.post(address, data=form).location == mine  # a double tap leads to the same
    page = client.get(mine)
    assert 'value="Toaster"' in page.text
    was = dict(re.findall(r'name="(was_f\d+)" value="([^"]*)"', page.text))
    mine = mine.partition("?")[0]
    change = was | {known["Name"]: "Old toaster", known["Way"]: words["Fetch"], known["Mail"]: ""}
    assert client.post(mine, data=change).status_code == 303
    assert "Old toaster" in records(cast)[0].values()
    stale = client.post(mine, data=was | {known["Name"]: "Third"})
    assert stale.status_code == 409
    assert "Old toaster" in records(cast)[0].values()
    assert client.get(mine[:-1] + ("0" if mine[-1] != "0" else "1")).status_code == 404
    clock.forward(days=7)
    assert client.get(mine).status_code == 404


def test_ones_own_answer_can_not_ask_what_others_have(made, browse, cast, at, clock):
    """What must not occur twice is shown and can't be changed."""
    _, table, known, _ = made
    with inside(cast.acme):
        alice = at("alice")
        link = opened(table.slug, form_of(known, "Name", "Mail", own="change"), by=alice)
        field_changes.rule(table.slug, int(known["Mail"][1:]), by=alice, is_required=True, is_unique=True)
        rows.create(listings.find("repairs", alice), {known["Mail"]: "ada@example.org"}, by=alice)
    client = browse()
    address, stamp = at_door(client, link)
    clock.forward(seconds=5)
    mine = client.post(address, data=sent(stamp, **{known["Name"]: "A", known["Mail"]: "me@example.org"})).location
    page = client.get(mine).text
    assert f'name="{known["Mail"]}"' not in page
    assert "me@example.org" in page
    for guess in ("ada@example.org", "bo@example.org"):
        saved = client.post(mine.partition("?")[0], data={known["Name"]: "B", known["Mail"]: guess})
        assert saved.status_code == 303
    assert "me@example.org" in records(cast)[1].values()


def test_ones_own_answer_is_there_when_a_word_has_gone(made, browse, cast, at):
    with inside(cast.acme):
        alice = at("alice")
        table, known = repairs(alice, "Tagged", (("Name", "text"), ("Tags", "choices", ("Red", "Blue"))))
        link = opened(table.slug, form_of(known, "Name", "Tags", own="change"), by=alice)
        red = option("Red")
    client = browse()
    address, stamp = at_door(client, link)
    mine = client.post(address, data=sent(stamp, **{known["Name"]: "A", known["Tags"]: str(red)})).location
    with inside(cast.acme):
        field_changes.offer_word(table.slug, int(known["Tags"][1:]), red, False, by=alice)
    assert client.get(mine).status_code == 200


def locked_form(at, cast):
    """(a form with a password and its link)"""
    with inside(cast.acme):
        table, known = repairs(at("alice"), "Locked", (("Name", "text"), ("When", "moment")))
        form = form_of(known, "Name", "When", password="open sesame", own="change", own_days="30")
        return opened(table.slug, form, by=at("alice")), known


def unlocked(client, address, **more):
    return client.post(f"{address}/password", data={"password": "open sesame"} | more).location


def test_the_password_leads_back_to_the_page_that_was_asked_for_and_to_no_other(at, cast, browse):
    link, known = locked_form(at, cast)
    client, address = browse(), f"/p/{token_of(link)}"
    page = client.get(f"{address}?{known['Name']}=A%20%26%20B&key=old").text
    back = html.unescape(re.search(r'name="back" value="([^"]*)"', page)[1])
    wrong = client.post(f"{address}/password", data={"password": "guess", "back": back}).text
    assert html.unescape(re.search(r'name="back" value="([^"]*)"', wrong)[1]) == back
    there = unlocked(client, address, back=back)
    assert there.startswith(f"{address}?{known['Name']}=A+%26+B&key=")
    assert client.get(there).status_code == 200
    for elsewhere in (
        "https://evil.example/",
        "//evil.example",
        "/login",
        f"{address}/../x",
        f"{address}x",
        "/\\x",
        "[",
    ):
        assert unlocked(client, address, back=elsewhere).startswith(f"{address}?key="), elsewhere


def test_what_was_written_before_the_key_lapsed_arrives_and_ones_own_needs_none(at, cast, browse, clock):
    link, known = locked_form(at, cast)
    client = browse()
    there = unlocked(client, f"/p/{token_of(link)}")
    clock.forward(hours=11, minutes=59)
    stamp = stamp_on(client.get(there).text)
    clock.forward(minutes=2)
    assert client.get(there).status_code == 403
    answer = client.post(there, data=sent(stamp, **{known["Name"]: "A long letter"}))
    assert answer.status_code == 303
    assert "A long letter" in client.get(answer.location).text
    assert "A long letter" in client.get(answer.location.partition("?")[0]).text
    clock.forward(hours=25)
    late = client.post(there, data=sent(stamp, **{known["Name"]: "Later"}))
    assert (late.status_code, len(records(cast))) == (403, 1)


def answered(at, cast, browse, clock, when, zone):
    """(a browser, the form's fields by name, where one's own answer lies) of somebody in a zone."""
    link, known = locked_form(at, cast)
    client = browse()
    there = unlocked(client, f"/p/{token_of(link)}")
    stamp = stamp_on(client.get(there).text)
    clock.forward(seconds=9)
    form = sent(stamp, **{known["Name"]: "A", known["When"]: when}) | {"zone": zone}
    return client, known, client.post(there, data=form).location


def test_saving_ones_own_answer_again_moves_no_moment(at, cast, browse, clock):
    client, _, mine = answered(at, cast, browse, clock, "2026-12-24T18:00", "America/New_York")
    (before,) = records(cast)
    assert "2026-12-24T23:00:00+00:00" in before.values()
    for _ in range(2):
        page = client.get(mine).text
        fields = dict(re.findall(r'name="(zone|was_f\d+|f\d+)"[^>]* value="([^"]*)"', page))
        assert fields["zone"]
        assert f"<span data-zone>{fields['zone']}</span>" in page
        assert client.post(mine.partition("?")[0], data=fields).status_code == 303
    assert records(cast) == [before]


def test_words_left_over_of_a_view_are_no_link(at, cast, browse):
    with inside(cast.acme):
        alice = at("alice")
        table, known = repairs(alice, "Pages", (("Name", "text"), ("Page", "text")))
        for page in ("javascript:alert(1)", "https://www.example.org/a"):
            rows.create(listings.of(table, alice), {known["Name"]: "A", known["Page"]: page}, by=alice)
        kind_changes.begin(table.slug, int(known["Page"][1:]), "url", by=alice)
        while kind_changes.work():
            pass
        form = MultiDict({"name": "View", "look": "list"} | {f"use_{name[1:]}": "1" for name in known.values()})
        link = opened(table.slug, form, by=alice, purpose="view")
    page = browse().get(f"/p/{token_of(link)}").text
    assert re.findall(r'<td[^>]*><a href="([^"]*)"', page) == ["https://www.example.org/a"]
    assert "javascript:alert(1)" in page


def test_a_reported_page_is_hidden_and_the_staff_sees_it(made, browse, cast, clock):
    link, *_ = made
    client, address = browse(), f"/p/{token_of(link)}"
    report = re.search(r'href="(/report/[^"]+)"', client.get(address).text)[1]
    assert client.get(report).status_code == 200
    for number in range(3):  # different people
        client.post(report, data={"reason": "fraud"}, environ_base={"REMOTE_ADDR": f"198.51.100.{number}"})
    assert client.get(address).status_code == 404
    stella = browse("stella")
    assert "Intake" in stella.get("/admin/reports").text
    assert known_in(stella.get(f"/admin/public-links/{link.public_id}").text)
    assert client.get(f"/admin/public-links/{link.public_id}").status_code == 404


def known_in(page):
    return 'name="stamp"' in page


def test_changing_another_word_leaves_a_moment_in_the_doubled_hour_where_it_was(at, cast, browse, clock):
    client, known, mine = answered(at, cast, browse, clock, "2026-10-25T01:30:00+00:00", "Europe/Berlin")
    page = client.get(mine + "&zone=Europe/Berlin").text
    fields = dict(re.findall(r'name="(zone|was_f\d+|f\d+)"[^>]* value="([^"]*)"', page))
    fields[known["Name"]] = "B"
    assert client.post(mine.partition("?")[0], data=fields).status_code == 303
    assert "2026-10-25T01:30:00+00:00" in records(cast)[0].values()


def test_a_view_that_was_approved_is_so_with_the_rows_it_shows(at, cast, browse):
    with inside(cast.acme):
        alice = at("alice")
        table, known = repairs(alice, "Pages", (("Name", "text"),))
        form = MultiDict({"name": "View", "look": "list"} | {f"use_{name[1:]}": "1" for name in known.values()})
        link = opened(table.slug, form, by=alice, purpose="view")
        rows.create(listings.of(table, alice), {known["Name"]: "Kind words"}, by=alice)
    say = lambda: [  # noqa: E731
        reports.report(subjects.find("record", link.public_id), {"reason": "fraud"}, by=one) for one in "abc"
    ]
    assert say()[-1]
    with inside(cast.acme):
        (item,) = ModerationItem.select()
    desk.approve(item.id, by=cast.stella)
    assert not say()[-1]
    with inside(cast.acme):
        rows.create(listings.of(table, alice), {known["Name"]: "Buy here"}, by=alice)
    assert say()[-1]
