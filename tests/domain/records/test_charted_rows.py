"""Keys of a table tell a chart the same as its rows do."""

import random

from domain.charts import charts, tallies
from domain.records.rows import charted_rows
from models import RecordOption


def test_keys_and_rows_tell_the_same(offers, at, cast, monkeypatch):
    chance = random.Random(5)
    words = [str(option.id) for option in RecordOption.select().where(RecordOption.label << ["New", "Won"])]
    for number in range(40):
        given = {"State": chance.choice(words), "Owner": str(cast.bob.id), "Sure": chance.choice(("yes", "no"))}
        given |= {"Until": f"2026-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}", "Stars": str(chance.randint(1, 5))}
        given |= {"Met": f"2026-03-{chance.randint(10, 28)}T{chance.randint(10, 23)}:30:00+00:00"}
        offers.add(Name=f"A{number}", **{label: text for label, text in given.items() if chance.random() < 0.8})
    wanted = [("State", ""), ("Owner", ""), ("Sure", ""), ("Stars", "")]
    wanted += [(label, per) for label in ("Until", "Met") for per in ("day", "week", "month", "year")]
    narrowed = (
        "",
        f"&{offers.field('State')}={words[0]}",
        "&tab=mine",
        f"&{offers.field('State')}={words[0]}&{offers.field('Sure')}=True",
    )
    for label, per in wanted:
        for more in narrowed:
            query = offers.query(chart_by=label, chart_per=per) + more
            by_keys = offers.totals(query)
            with monkeypatch.context() as patch:
                patch.setattr(charted_rows, "_length", lambda kind, per: None)
                assert offers.totals(query) == by_keys, query
    assert tallies.count(charts.read(offers.listing(), "chart_as=number"), at("alice")).totals == {("", ""): 40}
