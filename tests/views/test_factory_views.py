import pytest
from jinja2 import DictLoader, Environment
from werkzeug.routing import Rule

from tests.conftest import application
from views import factory


def test_every_route_writes_its_addresses_as_werkzeug_alone_does():
    known = {"listing": "tiers"}
    for rule in application().url_map.iter_rules():
        values = {name: known.get(name, 7) for name in rule.arguments}
        at_once = Rule._compile_builder(rule, True).__get__(rule, None)
        for _ in range(2):  # made when it is first asked for, and kept
            assert rule.build(values | {"more": "a b"}) == at_once(**values, more="a b")


def drawn(cache, source):
    return Environment(loader=DictLoader({"page": source}), bytecode_cache=cache).get_template("page").render()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    made = factory.KeptTemplates()
    made.directory = str(tmp_path / "kept")
    return made


def test_a_template_that_was_compiled_is_kept_and_one_that_changed_is_compiled_anew(cache, tmp_path):
    assert [drawn(cache, source) for source in ("one", "one", "two")] == ["one", "one", "two"]
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_where_nothing_may_be_kept_pages_are_drawn_all_the_same(cache, tmp_path, monkeypatch):
    (tmp_path / "kept").write_text("a file stands in the way")
    assert drawn(cache, "one") == "one"
    (tmp_path / "kept").unlink()
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert drawn(cache, "one") == "one"
    assert list(tmp_path.iterdir()) == []
