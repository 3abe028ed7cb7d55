from datetime import timedelta

import pytest

from database.scope import inside
from domain import Forbidden, Invalid, NotFound
from domain.flyers import designs, keeping
from domain.flyers.organizing import templates
from domain.lists import rows
from models import AuditEvent, Event, Flyer, FlyerTemplate, FlyerVersion
from tests.fixtures.events import make_event
from tests.fixtures.flyers import again, corners, make_flyer, saved
from tests.fixtures.threads import refused, together, write


@pytest.fixture
def template(clock, inside_acme, at):
    return rows.create(templates.rules, {"name": "I'm going"}, by=at("bob"))


@pytest.fixture
def event(clock, inside_acme, at):
    made, _ = make_event(at("alice"))
    return made


def fresh(template):
    return FlyerTemplate.get_by_id(template.id)


def versions():
    return FlyerVersion.select().count()


def test_a_template_begins_as_a_draft_that_could_be_published(template):
    assert (fresh(template).state, fresh(template).live_version) == ("draft", None)
    assert fresh(template).draft == designs.preset(templates.FIRST)
    assert templates.live(fresh(template)) is None


def test_publishing_freezes_the_draft_with_the_words_of_its_event(template, event, at):
    templates.bind(template.id, str(event.id), by=at("bob"))
    assert "version 1" in templates.publish(template.id, by=at("alice"))
    version = templates.live(fresh(template))
    assert version.spec == fresh(template).draft | {"bound": templates.bound(event)}
    assert version.spec["bound"]["event.title"] == "Jazz Night"
    assert [e.action for e in AuditEvent.select().where(AuditEvent.action.startswith("flyer_template"))] == [
        "flyer_template.bound",
        "flyer_template.published",
    ]


def test_publishing_twice_is_one_version_and_a_change_is_another(template, at):
    templates.publish(template.id, by=at("alice"))
    assert "already" in templates.publish(template.id, by=at("alice"))
    first = templates.live(fresh(template))
    templates.begin_from(template.id, "square_circle", by=at("bob"))
    assert templates.live(fresh(template)) == first, "a draft changes nothing that is published"
    templates.publish(template.id, by=at("alice"))
    assert (versions(), templates.live(fresh(template)).number) == (2, 2)
    assert FlyerVersion.get_by_id(first.id).spec["size"] == [1080, 1350]


def test_two_who_publish_at_once_make_one_version(template, at, cast):
    def publish():
        with inside(cast.acme):
            templates.publish(template.id, by=at("alice"))

    assert refused(together(publish, publish)) == []
    assert versions() == 1


def test_who_may_publish_and_who_may_only_draw(template, at):
    for who, act in (("bob", templates.publish), ("bob", templates.archive), ("vera", templates.delete)):
        with pytest.raises(Forbidden):
            act(template.id, by=at(who))
    with pytest.raises(Forbidden):
        templates.save(template.id, designs.preset("wide_circle"), by=at("vera"))
    assert fresh(template).state == "draft"


def test_what_cannot_work_is_not_published(template, at):
    design = designs.preset("portrait_words")
    design["slots"] = [slot | {"text": "Fixed"} for slot in design["slots"][:1]]
    templates.save(template.id, design, by=at("bob"))
    with pytest.raises(Invalid, match="Nobody has anything to put in"):
        templates.publish(template.id, by=at("alice"))


def test_a_design_is_refused_with_pictures_that_are_not_here(template, at):
    for file in ("a" * 64, None):
        design = designs.preset("portrait_words") | {"background": {"file": file, "colour": "#000000"}}
        if file:
            with pytest.raises(Invalid, match="isn't here"):
                templates.save(template.id, design, by=at("bob"))
    made = keeping.add_picture(saved(corners()), by=at("bob"))
    templates.save(template.id, design | {"background": {"file": made.sha256, "colour": "#000000"}}, by=at("bob"))
    templates.publish(template.id, by=at("alice"))
    assert templates.live(fresh(template)).files == [made.sha256]


def test_an_archived_template_makes_none_and_can_be_taken_up_again(template, at):
    templates.publish(template.id, by=at("alice"))
    flyer = make_flyer(templates.live(fresh(template)))
    templates.archive(template.id, by=at("alice"))
    assert templates.live(fresh(template)) is None
    assert again(flyer).state == "pending", "those there live on"
    for act in (templates.publish, templates.archive):
        with pytest.raises(templates.InvalidTransition):
            act(template.id, by=at("alice"))
    with pytest.raises(templates.InvalidTransition):
        templates.save(template.id, designs.preset("wide_circle"), by=at("bob"))
    templates.take_up(template.id, by=at("alice"))
    assert templates.live(fresh(template)).number == 1


def test_it_says_how_many_flyers_show_the_old_date(template, event, at):
    templates.bind(template.id, str(event.id), by=at("bob"))
    templates.publish(template.id, by=at("alice"))
    version = templates.live(fresh(template))
    flyers = [make_flyer(version, name) for name in ("Ada", "Eva", "Ida")]
    write(Flyer.update(state="removed", photo=None).where(Flyer.id == flyers[0].id).execute)
    assert templates.outdated(fresh(template)) == 0
    write(Event.update(starts_at=event.starts_at + timedelta(days=1)).where(Event.id == event.id).execute)
    assert templates.outdated(fresh(template)) == 2
    templates.publish(template.id, by=at("alice"))
    assert templates.outdated(fresh(template)) == 2, "nothing that was shared changes by itself"
    make_flyer(templates.live(fresh(template)), "Uma")
    assert templates.outdated(fresh(template)) == 2


def test_its_flyers_can_be_removed_with_their_files(template, at):
    templates.publish(template.id, by=at("alice"))
    flyer = make_flyer(templates.live(fresh(template)))
    assert "1 flyers" in templates.clear(template.id, by=at("alice"))
    assert (again(flyer).state, again(flyer).why, fresh(template).state) == ("removed", "template", "archived")


def test_only_a_draft_of_which_nothing_was_published_is_deleted(template, at):
    templates.publish(template.id, by=at("alice"))
    with pytest.raises(templates.InvalidTransition):
        templates.delete(template.id, by=at("bob"))
    other = rows.create(templates.rules, {"name": "Other"}, by=at("bob"))
    templates.delete(other.id, by=at("bob"))
    assert FlyerTemplate.one(FlyerTemplate.id == other.id) is None


def test_another_organization_has_no_such_template(template, at, cast):
    with pytest.raises(NotFound):
        templates.publish(template.id + 100, by=at("alice"))


def test_who_binds_it_to_an_event_that_strangers_dont_see_is_told(template, event, at):
    templates.bind(template.id, str(event.id), by=at("bob"))
    said = "Strangers don't see the page of Jazz Night, so nobody makes a flyer of it."
    assert (False, said) not in templates.advice(fresh(template))
    write(Event.update(visibility="private").execute)
    assert (False, said) in templates.advice(fresh(template))


def test_words_that_are_cut_off_are_said_before_anybody_takes_the_picture(template, at):
    design = fresh(template).draft
    assert not [words for _, words in templates.advice(fresh(template)) if "…" in words]
    name = next(slot for slot in design["slots"] if slot["key"] == "name")
    name |= {"size": [90, 90], "lines": 1, "max": 80}
    templates.save(template.id, design, by=at("bob"))
    said = (False, f"With the longest name: “{name['label']}” is long, so it ends in “…”.")
    assert said in templates.advice(fresh(template))


def test_words_that_can_hardly_be_read_are_named(template, at):
    assert templates.hard_to_read(fresh(template)) == []
    design = fresh(template).draft
    design["background"]["colour"] = "#e8e8e8"
    templates.save(template.id, design, by=at("bob"))
    named = dict(templates.hard_to_read(fresh(template)))
    assert {"Your name", "When"} <= named.keys()
    assert all(contrast < 1.5 for contrast in named.values())
    assert templates._drawing.acquire()  # others are being drawn: nothing is said, and nobody waits for long
    try:
        assert templates.hard_to_read(fresh(template)) == []
    finally:
        templates._drawing.release()


def test_a_preview_is_drawn_here(template, event):
    data = templates.preview(fresh(template).draft, event)
    assert data[:3] == b"\xff\xd8\xff"
