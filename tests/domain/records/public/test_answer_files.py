"""Files of answers that broke off while they came, and the room that strangers' files have."""

import io

import pytest
from werkzeug.datastructures import MultiDict

from domain import Invalid, Refused
from domain.base import settings
from domain.files import stores
from domain.records.public import answers, links, quarantine, spam
from models import Outgoing, PublicAnswer, PublicFile, Record
from tests.fixtures.public import FIELDS, form_of, opened, repairs, sent


class Killed(BaseException):
    pass


@pytest.fixture
def form(at, inside_acme):
    """(the link as it is open now, the names of its fields) of a form whose pictures must be there."""
    table, known = repairs(at("alice"), fields=(*FIELDS, ("Pictures", "files")))
    texts = form_of(known, "Name", "Pictures")
    texts[f"required_{known['Pictures'][1:]}"] = "1"
    return links.opened(opened(table.slug, texts, by=at("alice"))), known


@pytest.fixture
def stamp(form, clock):
    made = spam.stamp(form[0].link)
    clock.forward(seconds=9)
    return made


def post(form, stamp, *files, name="Lamp", **more):
    link, known = form
    texts = MultiDict(sent(stamp, **{known["Name"]: name}) | more)
    with_files = {known["Pictures"]: [(called, io.BytesIO(data)) for called, data in files]}
    return answers.take(link, texts, with_files, network="192.0.2.1")[0]


def down(monkeypatch, after=0):
    """The store takes so many files and no more."""
    put, left = stores.Folder.put, [after]

    def refuse(self, key, file):
        left[0] -= 1
        if left[0] < 0:
            raise stores.StoreDown
        return put(self, key, file)

    monkeypatch.setattr(stores.Folder, "put", refuse)
    return lambda: monkeypatch.setattr(stores.Folder, "put", put)


def there(answer):
    return [(file.name, b"".join(quarantine.content(file))) for file in quarantine.of(answer)]


def test_a_form_that_comes_again_with_another_file_has_that_one(form, stamp, monkeypatch):
    up = down(monkeypatch)
    with pytest.raises(stores.StoreDown):
        post(form, stamp, ("a.txt", b"one"))
    up()
    with pytest.raises(Invalid):
        post(form, stamp)
    answer = post(form, stamp, ("b.txt", b"two"), name="Old lamp")
    assert (answer.state, answer.reasons, there(answer)) == ("in", "", [("b.txt", b"two")])
    assert "Old lamp" in Record.get().cells
    assert PublicFile.select().where(PublicFile.state == "coming").count() == 0


def test_what_came_of_several_files_stays_and_the_rest_can_follow(form, stamp, monkeypatch):
    up = down(monkeypatch, after=1)
    with pytest.raises(stores.StoreDown):
        post(form, stamp, ("a.txt", b"one"), ("b.txt", b"two"))
    up()
    answer = post(form, stamp)  # without the file: somebody must look, since one is missing
    assert (answer.state, answer.reasons) == ("held", "files")
    with pytest.raises(Invalid):
        post(form, stamp, ("c", b"3"), ("d", b"4"), ("e", b"5"))
    answer = post(form, stamp, ("b.txt", b"two"))
    assert (answer.state, there(answer)) == ("in", [("a.txt", b"one"), ("b.txt", b"two")])


def test_after_a_kill_somebody_hears_of_it_and_the_form_that_comes_again_is_whole(form, stamp, monkeypatch, clock):
    bring = quarantine.bring
    monkeypatch.setattr(quarantine, "bring", lambda *_: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        post(form, stamp, ("a.txt", b"one"))
    monkeypatch.setattr(quarantine, "bring", bring)
    clock.forward(hours=2)
    while quarantine.purge(10):
        pass
    assert PublicAnswer.get().reasons == "lost"
    assert [news.payload["title"] for news in Outgoing.select()] == ["Intake: answers wait for a look"]
    with pytest.raises(Invalid):
        post(form, stamp)
    answer = post(form, stamp, ("a.txt", b"one"))
    assert (answer.state, answer.reasons, there(answer)) == ("in", "", [("a.txt", b"one")])


def test_a_kill_when_all_had_come_leaves_no_answer_that_nobody_hears_of(form, stamp, monkeypatch, clock):
    monkeypatch.setattr(answers, "_once_there", lambda *_: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        post(form, stamp, ("a.txt", b"one"))
    clock.forward(hours=2)
    quarantine.purge(10)
    assert [news.payload["title"] for news in Outgoing.select()] == ["Intake: answers wait for a look"]
    assert there(PublicAnswer.get()) == [("a.txt", b"one")]


def test_what_has_no_proof_takes_nobody_elses_room_and_what_is_thrown_away_takes_none(
    form, stamp, monkeypatch, at, clock
):
    get = settings.get
    monkeypatch.setattr(settings, "get", lambda name, *more: 1 if name == "files_mb" else get(name, *more))
    spammed = post(form, stamp, ("a", b"0" * 100_000), proof="")
    assert spammed.state == "held"
    with pytest.raises(Refused):
        post(form, "made up", ("b", b"1" * 100_000), name="Kettle", proof="")
    answers.throw_away(spammed.id, by=at("alice"))
    assert post(form, "made up", ("b", b"1" * 100_000), name="Kettle", proof="").state == "held"
    honest = spam.stamp(form[0].link)
    clock.forward(seconds=9)
    assert post(form, honest, ("c", b"2" * 1_000_000), name="Honest").state == "in"
