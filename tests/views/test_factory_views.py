import pytest
from jinja2 import DictLoader, Environment
from markupsafe import Markup
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


class Words(str):
    """A text that is no plain str."""


class Badge:
    def __html__(self):
        return "<b>!</b>"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Markup("<i>"), "<i>"),
        ("<i>", "&lt;i&gt;"),
        (Badge(), "<b>!</b>"),
        (7, "7"),
        (None, "None"),
        (Words("<i>"), "&lt;i&gt;"),
    ],
)
@pytest.mark.parametrize(
    "source",
    [
        "{{ it }}",
        "{{ it if it is defined else 1 }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(it) }}",
        "{% set kept %}{{ it }}{% endset %}{{ kept }}",
        "{% for one in [it] %}{{ one }}{% endfor %}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ it }}{% endcall %}",
        "{% filter trim %}{{ it }}{% endfilter %}",
    ],
)
def test_what_is_no_html_is_escaped_as_jinja_does(source, value, shown):
    assert drawing(source).render(it=value) == shown


def test_what_is_html_is_drawn_without_a_copy():
    rows = Markup("<tr>" * 1000)
    template = drawing("{{ it }}")
    assert next(template.root_render_func(template.new_context({"it": rows}))) is rows


def test_where_nothing_is_to_be_escaped_nothing_is():
    assert (
        drawing("{{ it }}{% autoescape true %}{{ it }}{% endautoescape %}", autoescape=False).render(it="<") == "<&lt;"
    )
    assert drawing("{% autoescape off %}{{ it }}{% endautoescape %}{{ it }}").render(it="<", off=False) == "<&lt;"


def drawing(source, autoescape=True):
    made = Environment(autoescape=autoescape)
    made.code_generator_class = factory.Drawing
    return made.from_string(source)


def test_the_application_draws_by_it():
    assert application().jinja_env.code_generator_class is factory.Drawing
