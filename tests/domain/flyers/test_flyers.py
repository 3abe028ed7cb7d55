"""Flyers of visitors: once for each attempt, managed by their secret, and gone when they are deleted or over."""

import dataclasses
from datetime import timedelta
from functools import partial

import pytest

from database.clock import now
from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import configuration, settings
from domain.events.referring import vias
from domain.files import gate, stores
from domain.flyers import flyers, keeping, lane
from domain.organizations import logos
from models import Flyer, FlyerSalt, Organization, Outgoing
from tests.fixtures.events import make_event
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.fixtures.flyers import portrait, saved, slot
from tests.fixtures.threads import together, write

PHOTO = saved(portrait((600, 500)))


@pytest.fixture
def sea(clock, inside_acme):
    """A campaign, its version, and a way to make a flyer there."""
    version = a_version()
    return a_campaign(version), version


def make(sea, photo=PHOTO, attempt="tab-one", place="1.2.3.4|Mozilla", **words):
    campaign, version = sea
    return flyers.make(campaign, version, {"f_name": "Amara Okonkwo"} | words, photo, attempt=attempt, place=place)


def on_disk():
    folder = stores.active().folder / "flyers"
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


# --- the page's token ---------------------------------------------------------------------------------------------


def test_a_pages_token_is_good_for_two_hours_and_for_its_campaign(sea, clock):
    token, other = flyers.page_token(sea[0]), a_campaign(sea[1], slug="lake")
    clock.forward(hours=2, minutes=59)
    flyers.check_token(sea[0], token)
    with pytest.raises(flyers.PageTooOld):
        flyers.check_token(other, token)
    for wrong in ("", "x" * 5000, token[:-1] + "é"):
        with pytest.raises(flyers.PageTooOld):
            flyers.check_token(sea[0], wrong)
    clock.forward(minutes=1)
    with pytest.raises(flyers.PageTooOld):
        flyers.check_token(sea[0], token)


# --- making one ---------------------------------------------------------------------------------------------------


def test_how_long_one_is_kept_is_a_setting(sea, at):
    settings.change("flyer_expiry_days", "7", by=at("alice").user)
    flyer, _, _ = make(sea)
    assert flyer.expires_at == now() + timedelta(days=7)


def test_one_is_kept_until_it_is_drawn_and_then_without_its_photo(sea):
    flyer, secret, is_new = make(sea, in_hub="on", zoom="2", turn="7")
    assert (flyer.state, is_new, flyer.fields, flyer.in_hub) == ("pending", True, {"name": "Amara Okonkwo"}, True)
    assert flyer.crop == {"x": 0.5, "y": 0.5, "zoom": 2.0, "turn": 7.0}
    assert flyer.expires_at == now() + timedelta(days=30)
    assert on_disk() == ["photo"]
    assert secret not in str(flyer.__data__)
    lane.work()
    flyer = flyers.find(flyer.public_id)
    assert (flyer.state, flyer.photo) == ("ready", None)
    assert on_disk() == ["card", "flyer", "small"]


def test_the_same_sent_again_is_the_same_flyer_with_the_same_secret(sea):
    first = make(sea)
    again = make(sea, place="5.6.7.8|Mozilla")  # its answer got lost, and the phone is in another network
    assert (again[0].id, again[1], again[2]) == (first[0].id, first[1], False)
    assert make(sea, attempt="tab-two")[0].id != first[0].id  # somebody of the same name can't delete the other's
    assert make(sea, f_name="Amara")[0].id != first[0].id
    assert Flyer.select().count() == 3


def test_the_same_sent_at_once_from_several_networks_makes_one(sea, cast):
    results = together(*[partial(make_inside, cast.acme, sea, place=f"192.0.2.{n}|Mozilla") for n in range(4)])
    assert len({flyer.id for flyer, *_ in results}) == 1
    assert sorted(is_new for *_, is_new in results) == [False, False, False, True]
    assert (Flyer.select().count(), on_disk()) == (1, ["photo"])


def make_inside(organization, sea, **more):
    with inside(organization):
        return make(sea, **more)


def test_a_photo_that_a_kill_or_the_store_cut_off_is_brought_when_it_is_sent_again(sea, monkeypatch, clock):
    for cut in (stores.StoreDown, SystemExit):
        attempt = cut.__name__
        with monkeypatch.context() as then:
            then.setattr(stores.Folder, "put", raiser(cut))
            with pytest.raises(cut):
                make(sea, attempt=attempt)
            lane.work()
            flyer = Flyer.get(Flyer.attempt == attempt)
            assert (flyer.state, flyer.is_sending, flyer.tries) == ("pending", True, 0)
        again, _, is_new = make(sea, attempt=attempt)
        assert (again.id, is_new) == (flyer.id, False)
        lane.work()
        assert flyers.find(flyer.public_id).state == "ready"
    assert on_disk() == ["card", "card", "flyer", "flyer", "small", "small"]


def test_a_photo_that_never_comes_is_waited_for_an_hour(sea, monkeypatch, clock):
    monkeypatch.setattr(stores.Folder, "put", raiser(stores.StoreDown))
    with pytest.raises(stores.StoreDown):
        make(sea)
    clock.forward(minutes=59)
    assert keeping.give_up(10) == 0
    clock.forward(minutes=2)
    assert keeping.give_up(10) == 1
    assert (Flyer.get().state, Flyer.get().why) == ("removed", "failed")
    monkeypatch.undo()
    flyer = Flyer.get()
    flyer.is_sending = True  # as whoever brings it late has read it
    keeping.bring_photo(flyer, PHOTO)
    assert on_disk() == []


def test_what_is_refused_at_the_last_moment_leaves_no_photo(clock, inside_acme, at, monkeypatch):
    version = a_version(event=make_event(at("alice"))[0])
    monkeypatch.setattr(vias, "of", raiser(Refused("No.")))
    with pytest.raises(Refused):
        make((a_campaign(version), version))
    assert (Flyer.select().count(), on_disk()) == (0, [])


def raiser(failure):
    def fail(*_, **__):
        raise failure

    return fail


def test_what_is_wrong_is_said_by_field_and_nothing_is_kept(sea):
    wrong = (
        ({"f_name": "  "}, "f_name", "needed"),
        ({"f_name": "x" * 41}, "f_name", "41"),
        ({"f_name": "Zoë \U00016a00"}, "f_name", "\U00016a00"),
        ({"zoom": "NaN"}, "photo", "can't be placed"),
        ({"turn": "9" * 5000}, "photo", "can't be placed"),
    )
    for words, field, said in wrong:
        with pytest.raises(Invalid) as refused:
            make(sea, **words)
        assert said in refused.value.fields[field]
    with pytest.raises(gate.NoPhoto, match="HEIC"):
        make(sea, photo=b"\0\0\0\x18ftypheic" + bytes(300))
    assert (Flyer.select().count(), on_disk()) == (0, [])


def test_a_photo_that_is_required_has_to_be_there(clock, inside_acme):
    version = a_version()
    slot(version.spec, "photo")["required"] = True
    with pytest.raises(Invalid, match="photo"):
        make((a_campaign(version), version), photo=b"")


def test_where_there_is_no_room_nothing_is_kept(sea, monkeypatch):
    make(sea)
    monkeypatch.setattr(flyers, "MOST", 1)
    with pytest.raises(flyers.NoRoom) as refused:
        make(sea, attempt="tab-two")
    assert (refused.value.status, refused.value.details["retry_after"]) == (503, 600)
    monkeypatch.undo()
    monkeypatch.setattr(flyers, "FREE", 2**62)
    with pytest.raises(flyers.NoRoom):
        make(sea, attempt="tab-two")
    assert make(sea)[2] is False  # what is kept already is told again


def test_nobody_is_told_by_the_hash_of_a_place_once_its_salt_is_gone(sea):
    one, two, other = (make(sea, attempt=str(i), place=place)[0] for i, place in enumerate(("a", "a", "b")))
    assert one.address_hash == two.address_hash != other.address_hash
    assert FlyerSalt.select().count() == 1


# --- by its secret ------------------------------------------------------------------------------------------------


def test_only_its_secret_opens_it(sea):
    flyer, secret, _ = make(sea)
    flyers.check_holder(flyer, secret)
    for wrong in ("", secret[:-1], "é" * 32, make(sea, attempt="other")[1]):
        with pytest.raises(Forbidden):
            flyers.check_holder(flyer, wrong)
    with pytest.raises(NotFound):
        flyers.find("nothing")


def test_it_is_kept_longer_once(sea):
    flyer, *_ = make(sea)
    flyers.extend(flyer)
    assert flyers.find(flyer.public_id).expires_at == now() + timedelta(days=60)
    with pytest.raises(Refused, match="only once"):
        flyers.extend(flyer)


def test_deleting_takes_picture_words_and_photo_and_twice_is_once(sea):
    flyer, *_ = make(sea)
    lane.work()
    waits, *_ = make(sea, attempt="waits")
    for one in (flyer, waits):
        flyers.delete(one)
        flyers.delete(one)
        left = flyers.find(one.public_id)
        assert (left.state, left.why, left.file, left.fields, left.crop) == ("removed", "owner", None, {}, {})
    assert on_disk() == []
    with pytest.raises(Refused):
        flyers.extend(flyer)


def test_in_the_hub_only_while_its_maker_says_so(sea):
    flyer, *_ = make(sea)
    flyers.show_in_hub(flyer)
    assert flyers.find(flyer.public_id).in_hub
    flyers.hide_from_hub(flyer)
    assert not flyers.find(flyer.public_id).in_hub
    flyer.campaign.hub_ok = False
    with pytest.raises(Refused, match="shows no pictures"):
        flyers.show_in_hub(flyer)


# --- how it stands ------------------------------------------------------------------------------------------------


def test_it_is_over_at_its_moment_whether_a_job_has_been_or_not(sea, clock):
    flyer, *_ = make(sea)
    lane.work()
    clock.forward(days=30)
    assert flyers.state_of(flyers.find(flyer.public_id)) == "expired"
    assert keeping.expire(10) == 1
    assert (flyers.find(flyer.public_id).state, on_disk()) == ("expired", [])


def test_what_its_page_says(sea):
    flyer, *_ = make(sea)
    seen = flyers.seen(flyer)
    assert seen.alt == "Amara Okonkwo is going to Annual Summit of Friends of the Sea"
    assert (seen.until, seen.summary) == ("15 July 2026", "Saturday 12 June 2027, 18:00 · Town hall, Hamburg")
    assert not seen.is_outdated
    a_version(number=2, template=flyer.version.template)
    assert flyers.seen(flyers.find(flyer.public_id)).is_outdated
    write(Flyer.update(fields={}).where(Flyer.id == flyer.id).execute)
    assert flyers.seen(flyers.find(flyer.public_id)).alt.startswith("Somebody is going to")


# --- before its end -----------------------------------------------------------------------------------------------


def letters():
    return Outgoing.select().where(Outgoing.kind == "mail").order_by(Outgoing.id)


def test_who_left_an_address_hears_once_three_days_before(sea, clock, at):
    logos.put(PHOTO, "acme.png", by=at("alice"))
    configuration.use(dataclasses.replace(configuration.active, site_url="https://hall.test"))
    flyer, secret, _ = make(sea, email="ada@example.org")
    make(sea, attempt="tab-two")
    lane.work()
    clock.forward(days=26, hours=23)
    assert flyers.tell_of_ends(10) == 0
    clock.forward(hours=2)
    assert flyers.tell_of_ends(10) == 1
    assert flyers.tell_of_ends(10) == 0
    (letter,) = letters()
    assert (letter.recipient, letter.good_until_at) == ("ada@example.org", flyer.expires_at)
    assert letter.payload["values"]["link"].endswith(f"/f/{flyer.public_id}/mine#{secret}")
    assert letter.payload["values"]["may_extend"]
    assert letter.payload["values"]["emblem"]["src"].endswith(f"/logo.png?{logos.sha256()[:12]}")
    flyers.extend(flyers.find(flyer.public_id))
    clock.forward(days=30)
    assert flyers.tell_of_ends(10) == 0, "once"
    clock.forward(days=3)
    keeping.expire(10)
    assert flyers.find(flyer.public_id).email is None


@pytest.mark.parametrize("way", ["deleted", "hidden organization", "over", "none"])
def test_nobody_hears_of_what_is_gone(sea, clock, cast, way):
    flyer, *_ = make(sea, email="" if way == "none" else "ada@example.org")
    lane.work()
    clock.forward(days=28 if way != "over" else 30)
    if way == "deleted":
        flyers.delete(flyer)
    if way == "hidden organization":
        write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    assert (flyers.tell_of_ends(10), letters().count()) == (0, 0)


def test_an_address_that_is_none_is_said_beside_its_field(sea):
    with pytest.raises(Invalid) as refused:
        make(sea, email="nobody")
    assert "email" in refused.value.fields
    assert Flyer.select().count() == 0
