"""The only door to the rows of tables that people make: what of one table one person may see, and how it is found.

A Sight is a Listing's `source`, and that Listing has the fields which are seen and no others: a query is made of a
Listing's fields, so what is hidden can be named nowhere. Why rows are kept so: docs/decisions/records.md
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice
from typing import Any

from database.clock import now
from database.connections import database
from domain.fields.kinds import comparable
from domain.fields.records.leftover import plain_cell, stored_cell
from domain.lists import asks, conditions, lists
from domain.lists.asks import AtLeast
from domain.lists.sources import Source
from domain.records import batches, documents, links, plans, questions, shapes
from domain.records.computed import dependents
from domain.records.rows import board_rows, charted_rows, numbers
from domain.records.shapes import EMPTY
from domain.records.stored_rows import Row
from models import Record

LOOKED = 5000  # rows that are looked at for one page
CHUNKS = (100, 400, 1000)  # how many rows are read at once where not all will do
END = "3"  # behind all keys


@dataclass(frozen=True, eq=False)
class CellColumn:
    """What lists ask of a value in a document; see domain/lists/columns.py."""

    name: str

    def of(self, row):
        return row.value(self.name)


@dataclass(frozen=True, eq=False)
class Sight(Source):
    """A table by its shape, as far as some rights go. Made and kept by domain/records/listings.py.

    `stale_words` is whether words of hidden fields may still stand among those that all may search.
    """

    shape: Any
    rights: Any
    stale_words: bool = False
    named = re.compile(r"f\d+")

    # --- what a list asks ------------------------------------------------------------------------------------

    def column(self, name):
        return CellColumn(name)

    def page(self, listing, ask, by):
        plan, sort = self._plan(listing, ask, by), self._order(listing, ask)
        found: list = []
        looked, last, most = 0, ("", None), ask.bound(LOOKED)
        for key, row in self.walk(listing, plan, sort, ask):
            looked, last = looked + 1, (key, row)
            if plan.passes(row):
                found.append((key, row))
            if len(found) > ask.rows or looked >= most:
                break
        ask.looked(looked)
        shown = [row.listed(listing) for row in self._seen(plan, [row for _, row in found[: ask.rows]])]
        if len(found) > ask.rows:
            return shown, plans.cursor(sort, *found[ask.rows - 1]), 0
        return (shown, plans.cursor(sort, *last), looked) if looked >= most else (shown, "", 0)

    @cached_property
    def _readers(self):
        """(name, who reads what its cells name) of all links of the table, and of all fields of files."""
        cells = self.shape.of_kind("link", "links", "files")
        return [(cell.name, links.reader(self.rights, cell, self.shape)) for cell in cells]

    def _seen(self, plan, rows):
        """Rows with what is seen of the rows they point to; where a condition asks for it that was done before."""
        return rows if plan.tests else links.seen(self._readers, rows)

    def find(self, listing, id, by):
        row = self.get(listing, id, by, None, None)
        return row.listed(listing) if row else None

    def counts(self, listing, ask, by):
        return board_rows.counts(self, listing, self._plan(listing, ask.without(listing.counted.name), by))

    def total(self, listing, ask, by, most=None):
        plan = self._plan(listing, ask, by)
        if plan.tests:
            rows, is_whole = self.matching(listing, plan)
            return AtLeast.unless(is_whole, min(len(rows), lists.COUNTED + 1))
        most = most or (lists.FOUND if plan.match else lists.COUNTED + 1)  # for `records_growth`
        found = self.found(plan, plan.probes, most)
        return AtLeast.unless(found < most or most > lists.COUNTED, found)

    def pairs(self, listing, ask, by, chart, most):
        return charted_rows.pairs(self, listing, self._plan(listing, ask, by), chart, most)

    # --- how rows are found ----------------------------------------------------------------------------------

    def _plan(self, listing, ask, by):
        plan = plans.Plan(ask=ask)
        tab = listing.tab(ask.tab)
        if tab.column == "created_by":
            plan.made_by = by.user.id
        for name, value in ask.filters:
            self._narrow(plan, name, value)
        for name, end, value in ask.ranges:
            kind = listing.by_name[name].kind
            plan.tests.append(plans.on_side(name, kind, end, value))
            cell = self.shape.by_name.get(name)
            if cell and cell.is_keyed:
                key = cell.key(value)
                plan.spans.append((cell.slot, key, EMPTY) if end == "from" else (cell.slot, "1", key + "\x01"))
        for name, first, end in ask.spans:
            self._stand_on(plan, listing, ask, name, first, end)
        for group in conditions.groups(listing, ask.where):
            self._ask(plan, group)
        if ask.words:
            places = [f"o{by.organization.id}", f"c{self.shape.collection}"]
            plan.match = database.match(ask.words, places, more=not self.rights.hidden)
            if self.rights.hidden and self.stale_words:
                plan.tests.append(self._holds_words(ask.words))
        return plan

    def _holds_words(self, words):
        """(row) → whether each word begins one of the fields that are seen."""
        cells = [cell for cell in self.shape.cells if self.rights.sees_field(cell.name)]

        def test(row):
            said = " ".join(plain_cell(cell.kind, row.value(cell.name)) for cell in cells)
            found = re.findall(r"[^\W_]+", comparable(said))
            return all(any(one.startswith(comparable(word)) for one in found) for word in words)

        return test

    def _stand_on(self, plan, listing, ask, name, first, end):
        """Rows of some days of a field: where they are walked in its order their keys tell, else each is looked at."""
        cell = self.shape.by_name[name]
        if cell.is_keyed:
            plan.spans.append((cell.slot, "1" + cell.kind.day_key(first), "1" + cell.kind.day_key(end)))
        if not cell.is_keyed or self._order(listing, ask).column != name:
            plan.tests.append(lambda row: first <= (plans.day_in(cell, row) or plans.NEVER) < end)

    def _ask(self, plan, group):
        """A group of conditions of which one must hold; one alone may narrow the keys."""
        plan.tests.append(lambda row: any(one.meets(row.asked(one.field.name)) for one in group))
        cell = self.shape.by_name.get(group[0].field.name)
        if len(group) == 1 and cell and cell.is_keyed and (span := group[0].span):
            plan.spans.append((cell.slot, "1" + span[0], "1" + span[1]))
        elif len(group) == 1 and cell is None:
            plan.whose += links.spans(self.rights, self.shape, group[0])

    def _narrow(self, plan, name, value):
        cell = self.shape.by_name.get(name)
        if cell and cell.kind.pointing:
            plan.links += [(cell.slot, int(id)) for id in value]
        elif cell and value is not None and (operator := cell.narrows):
            operand = value if isinstance(value, tuple) else (value,)
            plan.tests.append(lambda row: cell.meets(operator, row.value(name), operand))
        elif cell and cell.is_keyed:
            plan.exact.append((cell.slot, cell.key(value)))
        elif name == "created_by":
            plan.made_by = value if plan.made_by in (None, value) else -1
        else:
            plan.tests.append(lambda row: row.value(name) == value)

    def _order(self, listing, ask):
        if ask.words:
            return listing.sorts[0]
        sort = listing.sort(ask.sort)
        cell = self.shape.by_name.get(sort.column)
        return sort if sort.column == "id" or (cell and cell.is_ordered) else listing.sorts[0]

    def walk(self, listing, plan, sort, ask):
        """(key, row) of candidates in their order, from where one goes on: those that pass are the list."""
        after = plans.after(ask.after, sort)
        if plan.match is not None:
            return self._walk_ids("search", plan, sort, after, {"match": plan.match}, plan.probes)
        by_id, cell = sort.column == "id", self.shape.by_name.get(sort.column)
        if cell and not cell.is_keyed:
            rows = islice(self.walk(listing, plan, listing.sorts[0], lists.Ask()), questions.GATHERED + 1)
            order = partial(links.by_title, self._readers) if cell.kind.pointing else plans.by_value
            keyed = order([row for _, row in rows], cell, questions.GATHERED)
            return plans.following(keyed, self._place(cell, sort), after)
        within = None if by_id else plans.span_of(plan, self.shape.by_name[sort.column].slot)
        if within:
            return self._walk_keys(plan, sort, after, ask.rows, within)
        few = self._few(plan, by_id)
        if few:
            return self._gathered(plan, sort, after, few)
        if not by_id:
            return self._walk_keys(plan, sort, after, ask.rows)
        if plan.probes:
            (way, slot, key), *probes = plan.probes
            return self._walk_ids(way, plan, sort, after, {"slot": slot, "key": key}, probes)
        return self._walk_ids("all", plan, sort, after, {}, ())

    def _few(self, plan, by_id):
        """A link or a span of keys that holds few rows, where going another way would look at very many; or None."""
        for slot, of, start, end in plan.whose:
            given = {"slot": slot, "of": of, "start": start, "end": end}
            if questions.whose()(**given)[0][0] <= questions.GATHERED:
                return "whose", given
        for slot, to in () if by_id else plan.links:
            ((count,),) = questions.linked()(slot=slot, key=to)
            if count <= questions.GATHERED:
                return "link", {"slot": slot, "key": to}
        spans = [*((slot, key, key + "\x01") for slot, key in plan.exact), *plan.spans]
        if by_id and not plan.spans and len(plan.exact) < 2:
            return None
        for slot, start, end in spans:
            ((count,),) = questions.held()(slot=slot, start=start, end=end)
            if count <= questions.GATHERED:
                return "span", {"slot": slot, "start": start, "end": end}
        return None

    def _gathered(self, plan, sort, after, few):
        way, given = few
        rows = list(self._rows(way, plan, False, True, given | {"limit": questions.GATHERED + 1}, plan.probes))
        cell = self.shape.by_name.get(sort.column)
        rows = list({row.id: row for row in rows}.values())  # one that links to several of them comes but once
        keyed = [(cell.key(row.value(cell.name)) if cell else "", row) for row in rows]
        return plans.following(keyed, self._place(cell, sort), after)

    def _place(self, cell, sort):
        """(key, row) → what is ordered by: empty ones behind, ids as the sort goes."""
        turn = -1 if sort.descending else 1
        if cell is None:
            return lambda key, row: (turn * row.id,)
        order = {key: n for n, (key, _) in enumerate(self._segments(cell, sort))}
        words = plans.Turned if sort.descending else str
        ranked = cell.is_ranked
        return lambda key, row: (
            key == EMPTY,
            order.get(key, len(order)) if ranked else words(key),
            turn * row.id,
        )

    def _walk_keys(self, plan, sort, after, rows, within=None):
        """Segment by segment: a span of keys in its order, and the empty ones behind; or only those `within`."""
        cell, begun = self.shape.by_name[sort.column], after is None
        for start, end in [within] if within else self._segments(cell, sort):
            given = {"slot": cell.slot, "start": start, "end": end}
            fresh = True
            if not begun:
                if not start <= after[0] < end:
                    continue
                begun = True
                fresh, given = False, given | {"after": after[0], "after_id": after[1]}
            yield from self._keyed(plan, sort, given, fresh, rows)

    def _segments(self, cell, sort):
        if cell.is_ranked:
            words = cell.kind.order if hasattr(cell.kind, "order") else cell.kind.words
            keys = [cell.key(word) for word in words]
            spans = [(key, key + "\x01") for key in (reversed(keys) if sort.descending else keys)]
        else:
            spans = [("1", EMPTY)]
        return [*spans, (EMPTY, END)]

    def _keyed(self, plan, sort, given, fresh, rows):
        for size in self._sizes(plan, rows):
            found = list(self._raw_rows("keys", plan, sort.descending, fresh, given | {"limit": size}, plan.probes))
            some = self._made(plan, [values[:-1] for values in found])
            yield from zip((values[-1] for values in found), some, strict=True)
            if len(found) < size:
                return
            fresh, given = False, given | {"after": found[-1][-1], "after_id": some[-1].id}

    def _walk_ids(self, way, plan, sort, after, given, probes):
        fresh = after is None
        if after:
            given = given | {"after_id": after[1]}
        for size in self._sizes(plan):
            count = 0
            for row in self._rows(way, plan, sort.descending, fresh, given | {"limit": size}, probes):
                count += 1
                yield "", row
            if count < size:
                return
            fresh, given = False, given | {"after_id": row.id}

    def _sizes(self, plan, rows=asks.PAGE):
        if not plan.tests:
            return chain((rows + 1,), iter(lambda: 1000, None))
        return chain(CHUNKS, iter(lambda: CHUNKS[-1], None))

    def _rows(self, way, plan, descending, fresh, given, probes):
        return self._made(plan, self._raw_rows(way, plan, descending, fresh, given, probes))

    def _made(self, plan, found):
        """Rows of what the database gave; where conditions are asked, with what is seen of those they link to."""
        rows = self._whole(found)
        return links.seen(self._readers, rows) if plan.tests else rows

    def _raw_rows(self, way, plan, descending, fresh, given, probes):
        query = questions.query(way, self.narrowing(probes, plan), descending, fresh)
        given = given | self.narrows(plan)
        for place, (_, slot, key) in enumerate(probes):
            given |= {f"slot_{place}": slot, f"key_{place}": key}
        return query(**given)

    def found(self, plan, exact, most):
        """How many rows there are by keys and words alone, to `most`; `exact` are probes of the plan."""
        way, given, exact = self.way(plan, exact)
        return questions.counting(way, self.narrowing(exact, plan))(**given, limit=most)[0][0]

    def way(self, plan, exact):
        """(how rows are found, its parameters, the probes that are left) where keys and words tell all."""
        given = self.narrows(plan) | {"match": plan.match}
        way = "search" if plan.match else "span" if plan.spans else "all"
        if way == "span":
            given["slot"] = plan.spans[0][0]
            given["start"], given["end"] = plans.span_of(plan, given["slot"])
        if exact and way == "all":
            (way, given["slot"], given["key"]), *exact = exact
        for place, (_, slot, key) in enumerate(exact):
            given |= {f"slot_{place}": slot, f"key_{place}": key}
        return way, given, exact

    def matching(self, listing, plan):
        """(of the first LOOKED candidates those that pass, whether that were all)"""
        most, candidates = plan.ask.bound(LOOKED), self.walk(listing, plan, listing.sorts[0], lists.Ask())
        first = [row for _, row in islice(candidates, most)]
        plan.ask.looked(len(first))
        return [row for row in first if plan.passes(row)], len(first) < most

    def narrowing(self, probes, plan):
        """What of a question's conditions changes its text."""
        groups = tuple(tuple(one.way for one in group) for group in self.rights.where)
        return questions.Narrowing(
            tuple(way for way, _, _ in probes), plan.made_by is not None, groups, not self.rights.hidden
        )

    def narrows(self, plan):
        """The parameters of all that a question is narrowed by besides its probes."""
        given = {"collection": self.shape.collection, "made_by": plan.made_by}
        for number, group in enumerate(self.rights.where):
            for place, one in enumerate(group):
                asked = {"start": one.start, "key": one.start, "end": one.end, "slot": one.slot}
                asked["of"] = one.of or one.slot
                given |= {f"{name}_w{number}_{place}": value for name, value in asked.items()}
        return given

    # --- what is done to rows: see domain/lists/tables.py ----------------------------------------------------------

    def get(self, listing, id, by, parent, reachable):
        if not isinstance(id, int) or id >= 2**31:
            return None
        found = questions.one()(id=id, collection=self.shape.collection)
        shown = self.shown(found)
        return links.seen(self._readers, shown)[0] if shown else None

    def hold(self, listing, id):
        dependents.lock_all(self.shape)  # as every write does before it looks at versions

    def make(self, listing, values, by, parent):
        dependents.lock_all(self.shape)
        shape = shapes.still(self.shape, values)
        values = numbers.given(shape, shape.begun_beyond(self.rights) | values)
        document = documents.put(shape, {}, values)
        text, maker, moment = documents.dumped(shape, document), by.user and by.user.id, now()
        times = {"created_at": moment, "updated_at": moment, "changed_at": moment}
        made = {"collection": shape.collection, "cells": text, "created_by": maker, "changed_by": maker}
        known = dict.fromkeys(shape.by_name) | values | documents.worked_values(shape, document)
        id = Record.put(**made, **documents.words(shape, document, known), **times).id
        dependents.place(shape, id, None, document, known)
        return Row(self.shape, id, document, 1, maker, moment, maker, moment)

    def write(self, listing, row, before, values, extra, by):
        dependents.lock_all(self.shape)
        shape = shapes.still(self.shape, values)
        whole = links.whole(self.shape, self._readers, row.document, values)
        document = documents.put(shape, row.document, whole, row.id)
        moved = {"cells": documents.dumped(shape, document), **documents.words(shape, document)}
        moved |= {"changed_at": now(), "changed_by": by.user and by.user.id, "version": Record.version + 1}
        stood = (Record.id == row.id, Record.version == row.version, Record.archived_at.is_null())
        if not Record.update(**moved).where(*stood).execute():
            return False
        dependents.place(shape, row.id, row.document, document)
        row.document, row.version = document, row.version + 1
        row.cells |= values | documents.worked_values(shape, document)
        return True

    def remove(self, listing, row, by):
        """To the trash: what stood in it stays."""
        dependents.lock_all(self.shape)
        Record.update(archived_at=now(), archived_by=by.user.id, words="", words_more="").where(
            Record.id == row.id
        ).execute()
        dependents.place(shapes.still(self.shape, ()), row.id, row.document, None)
        first = listing.first
        return {first: [stored_cell(self.shape.by_name[first].kind, row.value(first)), None]}

    # The same for many rows at once: see domain/records/batches.py. What `worked` gives, `write_many` writes.

    def places(self, name):
        """Where the cells of a field lie: another place once it is of another kind."""
        cell = self.shape.by_name.get(name)
        return cell and cell.slot

    @property
    def takes_many(self):
        return batches.takes(self.shape)

    def get_many(self, ids, is_seen=True):
        """id → row, of those that are there; with `is_seen` only what these rights show."""
        found = list(questions.these(ids, self.shape.collection))
        rows = links.seen(self._readers, self.shown(found)) if is_seen else self._whole(found)
        return {row.id: row for row in rows}

    def shown(self, found):
        """Rows of what the database gave, of those that these rights show."""
        return self.rights.shown(self.shape, self._whole(found))

    def _whole(self, found):
        return [Row(self.shape, *values) for values in found]

    def worked(self, row, values):
        """What is to be written so that a row has these values; None is a new row, and no values remove one."""
        return batches.worked(self.shape, row, values if row else self.shape.begun_beyond(self.rights) | values)

    def write_many(self, worked, by, at):
        return batches.write(self.shape, worked, by, at)

    def now_there(self, listing, id):
        found = questions.one()(id=id, collection=self.shape.collection)
        return links.seen(self._readers, [Row(self.shape, *found[0])])[0] if found else None

    def put_back(self, listing, id, noted, restored, by):
        dependents.lock_all(self.shape)
        record = Record.one(Record.id == id, Record.collection == self.shape.collection)
        shape = shapes.still(self.shape, ())
        document = documents.filled(shape, documents.without_doubles(shape, json.loads(record.cells)), id)
        back = {"cells": documents.dumped(shape, document), **documents.words(shape, document)}
        Record.update(archived_at=None, archived_by=None, **back).where(Record.id == id).execute()
        dependents.place(shape, id, None, document)
        return self.now_there(listing, id)

    def follows(self, listing, noted, written):
        return {}
