import json
import types
from pathlib import Path

from flask import request

from tests.fixtures.covering import covering
from tests.fixtures.threads import together


def _race():
    together(lambda: None)


def alone():
    request.form.get("x")  # which is nothing here


def at_once():
    _race()


def at_once_within():
    def work():
        together(lambda: None)

    work()


def item(name, function=alone, path="tests/domain/tasks/test_tasks.py", fixtures=()):
    about = {"fixturenames": fixtures, "_fixtureinfo": types.SimpleNamespace(name2fixturedefs={})}
    module = types.SimpleNamespace(__name__=__name__)
    return types.SimpleNamespace(nodeid=name, function=function, path=Path(path), module=module, **about)


def chosen(tmp_path, items, **noted):
    (tmp_path / "noted").write_text(json.dumps(noted))
    return [one.nodeid for one in covering(items, tmp_path / "noted")]


def test_the_cheapest_that_say_all_of_it_are_run(tmp_path):
    items = [item(name) for name in ("dear", "cheap", "other", "unknown")]
    noted = {"dear": (9, ["a", "b"]), "cheap": (1, ["a"]), "other": (2, ["b"])}
    assert chosen(tmp_path, items, **noted) == ["cheap", "other", "unknown"]
    assert chosen(tmp_path, items, **noted | {"dear": (9, ["a", "b", "c"])}) == ["dear", "unknown"]


def test_what_says_nothing_is_run(tmp_path):
    assert chosen(tmp_path, [item("silent")], silent=(1, [])) == ["silent"]


def test_what_is_about_several_at_once_or_about_postgresql_is_run_whatever_it_says(tmp_path):
    always = [
        item("calls", at_once),
        item("within", at_once_within),
        item("seam", path="tests/test_writer.py"),
        item("named", fixtures=("postgres",)),
    ]
    noted = {one.nodeid: (9, ["a"]) for one in always} | {"cheap": (1, ["a"]), "walk": (9, ["a"])}
    items = [*always, item("cheap"), item("walk", path="tests/test_access.py")]
    assert chosen(tmp_path, items, **noted) == ["calls", "within", "seam", "named"]
