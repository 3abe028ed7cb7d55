"""What every page shares: kept HTML, blocks drawn alone, what is asked only when it is shown."""

import re
from pathlib import Path

import pytest
from markupsafe import Markup

import models
from domain.money import inbox, pricing, reconciliations, replays, silences
from views import pages

EVIL = "<img src=x onerror=alert(1)>"
TOP = Path(__file__).resolve().parents[2]


def test_what_was_drawn_of_trusted_text_is_not_shown_for_the_same_text_untrusted(web):
    ui = web.jinja_env.globals["ui"]
    with web.test_request_context():
        for draw in (lambda text: ui.badge(text, "info"), lambda text: ui.button("Go", label=text)):
            assert EVIL in draw(Markup(EVIL))
            assert EVIL not in draw(EVIL)


def test_places_of_equal_words_are_drawn_each_for_itself(web):
    nav = web.jinja_env.globals["nav"]

    def drawn(text):
        return nav.sidebar((pages.Group("", (pages.Place("home", text, "/", "home", "h"),)),), "home")

    with web.test_request_context():
        assert EVIL in drawn(Markup(EVIL))
        assert EVIL not in drawn(EVIL)


def test_every_cache_of_the_views_tells_types_apart():
    for path in (TOP / "views").rglob("*.py"):
        for cached in re.findall(r"lru_cache\((.*?)\)", path.read_text()):
            assert "typed=True" in cached, f"{path.name}: {cached}"


# --- what is asked only when it is shown -----------------------------------------------------------------------------


def test_a_value_is_asked_for_once_and_only_where_it_is_used(web):
    asked = []
    told = pages.later(lambda *args: asked.append(args) or "told", 1)
    with web.test_request_context():
        assert web.jinja_env.from_string("{{ other }}").render(told=told, other="x") == "x"
        assert asked == []
        assert web.jinja_env.from_string("{{ told }}{% set a = told %}{{ a }}").render(told=told) == "toldtold"
    assert asked == [(1,)]


def _sql(queries, client, path, block=None):
    """The statements behind a page, or one block of it; settings are read anew once a second, whatever is asked."""
    client.get(path)
    queries.clear()
    headers = {"HX-Request": "true", "HX-Target": block} if block else {}
    response = client.get(path, headers=headers)
    assert response.status_code == 200
    if block:
        assert f'id="{block}"' in response.get_data(True)
    return [sql for sql in queries if 'FROM "setting"' not in sql]


def test_the_plan_badge_is_drawn_again_without_what_home_needs(browse, queries):
    alice = browse("alice")
    whole, badge = (_sql(queries, alice, "/acme", block) for block in (None, "plan_badge"))
    assert len(badge) < len(whole) / 2
    assert not [sql for sql in badge if 'FROM "task"' in sql or '"notification"' in sql or '"alert"' in sql]


def test_a_page_reads_whose_organizations_one_has_once(browse, queries):
    for path in ("/acme", "/account"):
        mine = [sql for sql in _sql(queries, browse("alice"), path) if '"is_personal" DESC' in sql]
        assert len(mine) == 1, path


class _Running:
    """Long work that isn't over, so its block polls."""

    id, is_open, status, facts, error, asked_by_id = 1, True, "running", {}, None, None
    done = total = 1


@pytest.mark.parametrize(
    ("path", "block", "work", "others"),
    [
        ("/admin/webhooks", "list_area", (replays, "last_replays"), (inbox, "days")),
        ("/admin/reconciliation", "list_area", (reconciliations, "runs"), (silences, "silent_since")),
        ("/admin/pricing", "pricing_sync", (pricing, "last_sync"), (pricing, "offers doubts")),
    ],
)
def test_a_block_that_polls_asks_nothing_for_the_others(browse, queries, monkeypatch, path, block, work, others):
    asked = []
    monkeypatch.setattr(*work, lambda: [_Running()] if work[1] == "runs" else _Running())
    for name in others[1].split():
        plain = getattr(others[0], name)
        monkeypatch.setattr(
            others[0], name, lambda *args, _of=(name, plain), **more: asked.append(_of[0]) or _of[1](*args, **more)
        )
    stella = browse("stella")
    whole = _sql(queries, stella, path)
    assert set(asked) >= set(others[1].split())
    asked.clear()
    drawn = stella.get(path, headers={"HX-Request": "true", "HX-Target": block}).get_data(True)
    assert asked == []
    assert f'hx-target="#{block}"' in drawn, "it goes on polling"
    assert len(_sql(queries, stella, path, block)) < len(whole)


def test_a_block_that_polls_no_more_is_drawn_with_what_is_around_it(browse):
    headers = {"HX-Request": "true", "HX-Target": "pricing_sync"}
    response = browse("stella").get("/admin/pricing", headers=headers)
    assert response.headers["HX-Retarget"] == "#pricing_area"
    assert response.get_data(True).lstrip().startswith('<div id="pricing_area"')


def test_every_tone_is_one_of_a_state_that_exists(web):
    tones = web.jinja_env.get_template("ui.html").module.STATUS_TONES
    states = {s for table in models.TABLES for f in table._meta.sorted_fields for s in getattr(f, "states", ())}
    assert set(tones) - states == set()
    assert set(tones.values()) <= {"good", "info", "warn", "bad"}
    icons = web.jinja_env.get_template("ui.html").module.PRIORITY_ICONS
    assert set(icons) == set(models.Task.priority.states)


def test_scripts_listen_to_what_answers_trigger():
    told = {name for path in (TOP / "views").rglob("*.py") for name in re.findall(r'"(\w+)": True', path.read_text())}
    scripts = " ".join(path.read_text() for path in (TOP / "static" / "js").glob("*.js"))
    assert {"closeDialog", "listChanged"} <= told
    heard = set(re.findall(r'(?:\bon|addEventListener)\("(\w[\w:-]*)"', scripts))
    assert {"closeDialog", "listChanged", "unselect"} <= heard
    assert "close-dialog" not in heard
