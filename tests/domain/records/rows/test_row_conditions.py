"""What a rule asks of rows: the same in lists, counts, searches, by number and of linked rows, and by what a filter says."""

import pytest
from werkzeug.datastructures import MultiDict

from domain import Invalid, NotFound
from domain.lists import asks, conditions, lists, rows, totals
from domain.records import collections, field_changes, kind_changes, listings, rules
from models import RecordOption

FIELDS = (("Name", "text"), ("State", "choice", ("Open", "Shut", "Late")), ("Owner", "person"), ("Until", "day"))
FIELDS += (("Count", "number"), ("Paid", "yes_no"))


@pytest.fixture
def offers(at, inside_acme, cast):
    """Twelve rows with every third cell empty, and makers to which two of three link."""
    by = at("alice")
    makers = collections.make("Makers", by=by, fields=(("Name", "text"), ("Land", "choice", ("Here", "There"))))
    table = collections.make("Offers", by=by, fields=FIELDS)
    collections.add_field(table.slug, "Maker", "link", by=by, options={"table": str(makers.id)})
    theirs = [add(makers.slug, by, Name=f"M{n}", Land=("Here", "There", "")[n]) for n in range(3)]
    for n in range(12):
        add(
            "offers",
            by if n % 4 else at("bob"),
            Name=f"Offer {n}",
            State=("Open", "Shut", "", "Late")[n % 4],
            Owner=("", str(cast.bob.id), str(cast.alice.id))[n % 3],
            Until=("", f"2026-06-{n + 10}", f"2026-0{1 + n % 9}-01")[n % 3],
            Count=("", str(n), str(-n))[n % 3],
            Paid=("", "yes", "no")[n % 3],
            Maker="" if n % 3 == 0 else f"#{theirs[n % 3]}",
        )
    return table


def add(slug, by, **cells):
    found = listings.find(slug, by)
    known = {f.label: f.name for f in found.listing.fields}
    return rows.create(found, {known[label]: text for label, text in cells.items()}, by=by).id


def fields(by):
    return {f.label: f.name for f in listings.find("offers", by).listing.fields}


def words(text):
    """A condition's options by their labels."""
    return str(RecordOption.get(RecordOption.label == text).id)


def rule(at, *where, **more):
    form = [("sees", "some"), ("changes", "all"), ("shares", "1"), ("others", "change"), *more.items()]
    return rules.change("offers", "role:member", MultiDict([*form, *(("where", one) for one in where)]), by=at("alice"))


def seen(by, **asked):
    found = listings.find("offers", by).listing
    answer = lists.read(found, asks.understand(found, MultiDict({"tab": "all", "rows": "100"} | asked)), by)
    return {row.f3 if hasattr(row, "f3") else getattr(row, found.first) for row in answer.rows}


ASKED = [
    ("State", "any_of", ("Open",)),
    ("State", "any_of", ("Open", "Late")),
    ("State", "none_of", ("Open",)),
    ("State", "none_of", ("Open", "Shut")),
    ("State", "empty", ()),
    ("Owner", "any_of", ("me",)),
    ("Owner", "none_of", ("me",)),
    ("Owner", "not_empty", ()),
    ("Until", "before", ("2026-06-15",)),
    ("Until", "after", ("2026-06-15",)),
    ("Until", "today", ()),
    ("Until", "this_year", ()),
    ("Until", "empty", ()),
    ("Count", "less", ("0",)),
    ("Count", "between", ("-3", "7")),
    ("Count", "is_not", ("7",)),
    ("Paid", "is", ("yes",)),
    ("Name", "is_not", ("offer 3",)),
    ("Maker → Land", "any_of", ("There",)),
    ("Maker → Land", "empty", ()),
]


@pytest.mark.parametrize(("label", "operator", "texts"), ASKED)
def test_a_rule_shows_what_a_filter_of_the_same_words_finds(offers, at, cast, label, operator, texts):
    by, bob, me = at("alice"), at("bob"), str(cast.bob.id)
    listing = listings.find("offers", by).listing
    field = next(f for f in conditions.offered(listing) if f.label == label)
    texts = [words(text) if text in ("Open", "Late", "Shut", "There") else text for text in texts]
    filtered = conditions.Condition(field.name, operator, tuple(me if text == "me" else text for text in texts))
    wanted = seen(by, where=filtered.written())
    if label == "Maker → Land" and operator == "empty":
        wanted -= seen(by, where=conditions.Condition(field.name.partition(".")[0], "empty").written())
    name = field.name.replace("f", "")
    rule(at, conditions.Condition(name, operator, tuple(texts)).written())
    assert seen(bob) == wanted
    assert 0 < len(wanted) < 12 or operator == "today"
    found = listings.find("offers", bob).listing
    assert totals.total(found, asks.understand(found, {"tab": "all"}), bob) == len(wanted)
    for sort in (fields(bob)["Until"], fields(bob)["Count"]):
        assert seen(bob, sort=sort) == wanted
    assert seen(bob, q="offer") == wanted
    by_name = {getattr(row, listing.first): row.id for row in lists.read(listing, lists.Ask(rows=100), by).rows}
    for called, id in by_name.items():
        row = found.source.get(found, id, bob, None, None)
        assert (row is not None) == (called in wanted), called
    assert set(found.source.get_many(list(by_name.values()))) == {by_name[one] for one in wanted}


def test_groups_must_all_hold_and_of_each_one_is_enough(offers, at, cast):
    known = {label: name[1:] for label, name in fields(at("alice")).items()}
    mine = f"and~{known['Owner']}~any_of~me"
    rule(at, "and~made~any_of~me", f"or~{known['Owner']}~any_of~me", f"and~{known['State']}~none_of~{words('Open')}")
    both = seen(at("bob"))
    rule(at, "and~made~any_of~me", f"or~{known['Owner']}~any_of~me")
    either = seen(at("bob"))
    rule(at, mine)
    assert both < either
    assert seen(at("bob")) < either
    made = rule(at, mine, f"and~{known['Until']}~before~2026-07-01", f"or~{known['Paid']}~is~yes")
    shape = listings.find("offers", at("alice")).listing.source.shape
    assert rules.sentence(made, shape, {}).startswith(
        "Members see rows where Owner is themselves, and Until is before 2026-07-01 or Paid is yes, with all fields."
    )


def test_a_word_that_was_merged_is_the_one_that_it_became(offers, at):
    by, known = at("alice"), fields(at("alice"))
    open_, late = words("Open"), words("Late")
    rule(at, f"and~{known['State'][1:]}~any_of~{open_}")
    before = seen(at("bob"))
    field_changes.merge_words("offers", int(known["State"][1:]), int(late), int(open_), by=by)
    assert len(seen(at("bob"))) == 2 * len(before)


def test_a_field_of_another_kind_or_a_table_that_is_gone_lets_nobody_through(offers, at):
    by, known = at("alice"), fields(at("alice"))
    rule(at, f"and~{known['Count'][1:]}~is~7")
    kind_changes.begin("offers", int(known["Count"][1:]), "text", by=by)
    while kind_changes.work():
        pass
    with pytest.raises(NotFound):
        listings.find("offers", at("bob"))
    land = next(f for f in conditions.offered(listings.find("offers", by).listing) if f.label == "Maker → Land")
    rule(at, f"and~{land.name.replace('f', '')}~any_of~{words('There')}")
    assert seen(at("bob"))
    field_changes.put_table_away("makers", by=by)
    with pytest.raises(NotFound):
        listings.find("offers", at("bob"))


def test_what_no_rule_can_ask_is_refused(offers, at):
    for where in [
        *("", "and", "and~999~is~x", "and~made~none_of~me", "and~{Owner}~any_of~Bob", "and~{Owner}~any_of"),
        *("and~{Count}~is~x", "and~{Name}~contains~x", "and~{Name}~begins~1", "and~{State}~any_of~999"),
        *("and~{Until}~before~soon", "and~{Maker}~empty", "and~1.2.3~is~x", "or~{Count}~between~1"),
    ]:
        known = {label: name[1:] for label, name in fields(at("alice")).items()}
        with pytest.raises(Invalid):
            rule(at, where.format(**known))
        assert len(seen(at("bob"))) == 12, where


def test_a_rule_has_few_conditions(offers, at):
    known = {label: name[1:] for label, name in fields(at("alice")).items()}
    with pytest.raises(Invalid):
        rule(at, *[f"or~{known['Count']}~is~{n}" for n in range(11)])
    with pytest.raises(Invalid):
        rule(at, "~".join(["or", known["Owner"], "any_of", *(str(n) for n in range(1, 200))]))


@pytest.mark.parametrize("text", ["BÉ", "be", "Ber", "x", "Äpfel & ", "𝓑"])
def test_the_beginning_of_a_text_is_told_as_a_filter_tells_it(offers, at, text):
    alice, bob = at("alice"), at("bob")
    for name in ("Berlin", "béta", "BE", "Ab", "be 12", "ÄPFEL & more", "𝓑old", "x" * 200, "  Beŕlin", ""):
        add("offers", alice, Name=name)
    about = fields(alice)["Name"]
    wanted = seen(alice, where=f"and~{about}~begins~{text}")
    rule(at, f"and~{about[1:]}~begins~{text}")
    assert seen(bob) == wanted
    assert "begins with" in rules.sentence(
        rules.of(offers)["role:member"], listings.find("offers", alice).listing.source.shape, {}
    )


@pytest.mark.parametrize(
    ("field", "operator", "text", "said"),
    [
        ("Name", "contains", "x", "can't ask Name for that"),
        ("Name", "lacks", "x", "can't ask Name for that"),
        ("Name", "begins", "A1", "without figures"),
        ("Name", "begins", "x" * 61, "60 characters"),
        ("Name", "begins", "½", "without figures"),
        ("Name", "begins", "ß" * 40, "60 characters"),
        ("Note", "is", "x", "Note has no order of its own"),
    ],
)
def test_what_no_key_tells_is_refused_with_why(offers, at, field, operator, text, said):
    collections.add_field("offers", "Note", by=at("alice"))
    about = fields(at("alice"))[field]
    with pytest.raises(Invalid) as refused:
        rule(at, f"and~{about[1:]}~{operator}~{text}")
    assert said in refused.value.fields["where"]
