"""What a key may be bounded to: addresses of ours by their segments, networks it is used from, and tables with their
fields."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain import Invalid
from domain.fields.kinds import Unfit, figures
from domain.fields.number import counted
from domain.fields.text import Text
from domain.lists import conditions
from domain.lists.programs import bounds

MOST = 20  # lines
START = "/api/"
ANY = "*"


@dataclass(frozen=True)
class Lines(Text):
    """Several, one a line, each as `each` reads it."""

    most: int = 4000
    long: bool = True
    each: Callable[[str], str] = str.strip

    def read(self, text):
        lines = [figures(line) for line in text.splitlines() if line.strip()]
        if len(lines) > MOST or len(text) > self.most:
            raise Unfit(f"Write {MOST} lines at most.")
        return list(dict.fromkeys(_whole(self.each(line)) for line in lines)) or None

    def text(self, value):
        return "\n".join(value or ())


def _whole(line):
    """What is kept beside others, with spaces between them."""
    if any(sign.isspace() for sign in line):
        raise Unfit(f"“{line[:60]}” has a space in it.")
    return line


def _path(line):
    """An address below /api/; a * stands for one segment, at the end for all that follow."""
    parts = segments(line)
    if not line.startswith(START) or parts is None or any(ANY in part and part != ANY for part in parts):
        raise Unfit(f"Write addresses that begin with {START}, such as /api/mobile/backend/tasks/*.")
    return "/" + "/".join(parts)


def _network(line):
    """A network in CIDR, or a single address."""
    try:
        if "%" in line:  # a zone is one machine's own word
            raise ValueError
        return str(ipaddress.ip_network(line, strict=False))
    except ValueError:
        raise Unfit(f"“{line[:60]}” is no network: write 192.0.2.0/24 or 2001:db8::/32.") from None


PATHS, NETWORKS = Lines(each=_path), Lines(each=_network)


def segments(path):
    """The segments of a decoded path; None for one that another reader could take for another address."""
    parts = path.removeprefix("/").split("/")
    odd = any(part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts)
    return None if odd or not path.startswith("/") else parts


def covers(patterns, path):
    """Whether one of the patterns is of this decoded path. None at all are of every path."""
    parts = segments(path)
    return parts is not None and (not patterns or any(_fits(segments(pattern) or [], parts) for pattern in patterns))


def _fits(pattern, parts):
    if pattern[-1:] == [ANY] and len(parts) >= len(pattern) - 1:
        pattern, parts = pattern[:-1], parts[: len(pattern) - 1]
    return len(pattern) == len(parts) and all(
        wanted in (ANY, part) for wanted, part in zip(pattern, parts, strict=True)
    )


def is_from(networks, address):
    """Whether an address lies in one of the networks. None at all are everywhere; an unknown address lies in none."""
    if not networks:
        return True
    try:
        there = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(there in ipaddress.ip_network(network) for network in networks)


# --- tables ---------------------------------------------------------------------------------------------------------

LEVELS = {"see": "See", "change": "See, add and change", "remove": "See, add, change and remove"}


class Table(NamedTuple):
    """A table that people made, as whoever makes a key sees it; or a list of the house, by its name."""

    id: Any
    name: str
    fields: list  # (id, label)
    shape: Any  # what conditions of its rows are read by


_TABLES: list = []


def offer(*known):
    """Who knows tables says here which there are, (by) → Tables, how conditions are kept, (shape, texts) → JSON,
    and what they say, (id of a table, JSON) → words."""
    _TABLES[:] = known


def tables_of(by):
    """The Tables that somebody sees."""
    return _TABLES[0](by)


_LISTS: list = []


def offer_lists(known):
    """Who knows the lists of the house says which there are: (by) → Tables of those that somebody sees."""
    _LISTS[:] = [known]


def lists_of(by):
    """name → Table of each list of the house that somebody sees; its shape is the Listing."""
    return {table.id: table for offered in _LISTS for table in offered(by)}


def said_of_list(name, texts, by, people):
    """The rows of a list of the house that a key is good for, in words."""
    table = lists_of(by).get(name)
    if table is None:
        return f"{name}: some rows"
    words = [bounds.said(table.shape, text, people) for text in texts]
    joins = ["", *(" or " if text.startswith("or~") else ", and " for text in texts[1:])]
    return f"{table.name}: where {''.join(map(''.join, zip(joins, words, strict=True)))}"


def read_lists(form, by):
    """{name: conditions} of the lists of the house out of a form, of which a key is good for some rows alone. Refuses
    with Invalid."""
    found = {}
    for name, table in lists_of(by).items():
        try:
            if kept := bounds.read(table.shape, several(form, f"where_{name}") + one_more(form, name)):
                found[name] = kept
        except Unfit as unfit:
            raise Invalid({"tables": f"{table.name}: {unfit}"}) from None
    return found


def said(about, table, name):
    """What a key may with a table, in words."""
    some = f", {counted(len(about['fields']), 'field', 'fields')}" if about["fields"] else ""
    where = f", where {_TABLES[2](int(table), about['where'])}" if about.get("where") else ""
    return f"{name or 'A table that is gone'}: {about['may']}{some}{where if name else ''}"


PARTS = ("fields_", "where_")  # of a form, with the number of a table behind it


ABOUT = "c_about"  # «5:9»: of which table and field a form says one more condition


def one_more(form, id):
    """The condition of the form that asks for one more of this table, as a text, if there is one."""
    table, _, field = form.get(ABOUT, "").partition(":")
    return [conditions.of_form(form, field).written()] if table == str(id) and field else []


def several(form, name):
    """All texts that a form has of this name."""
    return list(form.getlist(name) if hasattr(form, "getlist") else form.get(name, []))


def read_tables(form, scopes, by):
    """{id: {"may": one of LEVELS, "fields": ids, none for all, "where": conditions, none for all rows}} out of a form;
    empty where all tables are meant.

    Refuses with Invalid what isn't theirs, and what the scopes don't include.
    """
    chosen = {name[6:]: level for name, level in form.items() if name.startswith("table_") and level}
    named = [name.removeprefix(part) for name in form for part in PARTS if name.startswith(part)]
    named += filter(None, [form.get("table"), form.get(ABOUT, "").partition(":")[0]])
    if not {*named} - lists_of(by).keys() <= chosen.keys():
        raise Invalid({"tables": "You chose fields or rows of a table: choose what it may there, too."})
    known, found = {str(table.id): table for table in tables_of(by)} if chosen else {}, {}
    for id, level in chosen.items():
        ids, where = several(form, f"fields_{id}"), several(form, f"where_{id}") + one_more(form, id)
        theirs = [str(field) for field, _ in known[id].fields] if id in known else []
        if level not in LEVELS or id not in known or set(ids) - set(theirs):
            raise Invalid({"tables": "Choose from the list: a table or a field isn't here any more."})
        found[id] = {"may": level, "fields": [int(one) for one in theirs if one in ids]}
        try:
            found[id]["where"] = _TABLES[1](known[id].shape, where)
        except Unfit as unfit:
            raise Invalid({"tables": f"{known[id].name}: {unfit}"}) from None
    needed = {"records.read"} if found else set()
    needed |= {"records.write"} if any(one["may"] != "see" for one in found.values()) else set()
    if needed - set(scopes):
        raise Invalid({"tables": "What it may with tables has to be chosen above, too."})
    return found
