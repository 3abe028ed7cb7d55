"""Importing as a person does it: forms and pages, without a script."""

import csv
import html
import io

import pytest

from database.scope import inside
from domain.imports import doing, kept_files
from domain.records import collections, field_changes
from domain.records.computed import formulas
from models import ImportFile, Task

FILE = "Title,Priority,Notes\nOrder paper,high,x\nCall Ada,dunno,y\n"


@pytest.fixture
def send(browse):
    def send(data, name="tasks.csv", who="alice", **headers):
        data = data if isinstance(data, bytes) else data.encode()
        return browse(who).post("/acme/tasks/imports", data={"file": (io.BytesIO(data), name)}, headers=headers)

    return send


def test_a_file_goes_from_choosing_to_undo_by_plain_forms(browse, send, cast):
    alice = browse("alice")
    assert 'href="/acme/tasks/imports"' in alice.get("/acme/tasks").get_data(True)
    response = send(FILE)
    assert response.status_code == 303
    at = response.headers["Location"]
    page = alice.get(at).get_data(True)
    assert "“dunno” (1)" in page
    assert "Order paper" in page
    form = {"to_0": "title", "to_1": "priority", "to_2": "", "mode": "both", "empties": "leave"}
    form |= {"said_1_0": "dunno", "word_1_0": ""}
    assert alice.post(f"{at}/mapping", data=form).status_code == 303
    assert "compared with what is there" in alice.get(at).get_data(True)
    doing.work()
    page = alice.get(at).get_data(True)
    assert "1 new, 0 changed, 0 same, 1 refused." in page
    assert "Choose one of: Low, Medium, High." in page
    assert "Call Ada" not in alice.get(f"{at}?only=new").get_data(True)
    sheet = list(csv.reader(io.StringIO(alice.get(f"{at}/errors.csv").get_data().decode("utf-8-sig"))))
    assert sheet[0] == ["Title", "Priority", "Notes", "Why it didn't come in"]
    assert sheet[1][:3] == ["Call Ada", "dunno", "y"]
    assert alice.get(f"{at}/errors.xlsx").data.startswith(b"PK")
    alice.post(f"{at}/run")
    doing.work()
    assert "1 new, 0 changed, 1 refused." in alice.get(at).get_data(True)
    assert "Brought in tasks.csv" in alice.get("/acme/tasks/changes").get_data(True)
    assert "1 new, 0 changed" in alice.get("/acme/tasks/imports").get_data(True)
    alice.post(f"{at}/undo")
    doing.work()
    assert "Taken back." in alice.get(at).get_data(True)
    with inside(cast.acme):
        assert Task.select().count() == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "is empty"), (b"\x89PNG\r\n\x1a\n", "a picture"), (b"a\0b", "NUL"), (b"PK\x03\x04junk", "damaged")],
)
def test_what_is_no_table_is_refused_beside_the_file_and_leaves_nothing(send, counted, data, said):
    before = counted()
    response = send(data, "x.csv")
    assert response.status_code == 422
    assert said in response.get_data(True)
    assert counted() == before
    assert not list(kept_files.folder().glob("*"))


def test_no_file_at_all_is_told(browse):
    assert browse("alice").post("/acme/tasks/imports").status_code == 422


def test_the_door_for_files_takes_more_than_others_and_not_everything(send, browse, monkeypatch):
    rows = "Title\n" + "x" * 100 + "\n"
    large = (rows + ("y" * 190 + "\n") * 12_000).encode()
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.csv"\r\n\r\n'
    sent = {"data": head + large + b"\r\n--x--\r\n", "content_type": "multipart/form-data; boundary=x"}
    assert browse("alice").post("/acme/tasks/imports", **sent).status_code == 303
    huge = {"CONTENT_LENGTH": str(200_000_000)}
    response = browse("alice").post("/acme/tasks/imports", data=b"x", environ_overrides=huge)
    assert response.status_code == 413
    assert "101 MB" in response.get_data(True)
    response = browse("alice").post("/acme/tasks", data={"title": "x" * 1_200_000})
    assert response.status_code == 413
    assert "1 MB" in response.get_data(True)


def test_an_import_is_its_makers_and_the_owners(send, browse):
    at = send(FILE, who="bob").headers["Location"]
    assert browse("bob").get(at).status_code == 200
    assert browse("alice").get(at).status_code == 200
    assert browse("dora").get(at).status_code == 404
    assert browse("vera").get(at).status_code == 403
    assert browse("charlie").get(at).status_code == 404


def test_an_old_page_meets_an_import_that_has_gone_on(send, browse):
    alice, at = browse("alice"), send("Title\nx\n").headers["Location"]
    form = {"to_0": "title"}
    assert alice.post(f"{at}/run").status_code in (303, 409)
    alice.post(f"{at}/mapping", data=form)
    response = alice.post(f"{at}/mapping", data=form, headers={"Accept": "application/json"})
    assert (response.status_code, response.json["code"]) == (409, "INVALID_TRANSITION")


@pytest.mark.parametrize(
    "form", [{}, {"to_0": "user"}, {"to_0": "nonsense"}, {"to_0": "priority"}, {"to_0": "title", "key": "category"}]
)
def test_a_mapping_that_cant_be_is_refused_on_its_page(send, browse, form):
    at = send("Title\nx\n").headers["Location"]
    response = browse("alice").post(f"{at}/mapping", data=form)
    assert response.status_code == 422
    assert "Where the columns go" in response.get_data(True)


def test_how_a_file_is_read_can_be_changed(send, browse):
    alice, at = browse("alice"), send("Größe;x\nGröße,1;y\n".encode("cp1252")).headers["Location"]
    assert "Mac, Western Europe" in alice.get(at).get_data(True)
    alice.post(f"{at}/layout", data={"delimiter": ",", "encoding": "cp1250"})
    page = alice.get(at).get_data(True)
    assert "Column A" in page


def test_work_that_was_cut_off_for_good_can_go_on_or_back(send, browse, cast, monkeypatch):
    alice, at = browse("alice"), send("Title\n" + "x\n" * 600).headers["Location"]
    alice.post(f"{at}/mapping", data={"to_0": "title"})
    doing.work()
    alice.post(f"{at}/run")
    with inside(cast.acme):
        kept_files.path(ImportFile.get().sha256).rename(kept_files.folder() / "away")
        doing.work()
        page = alice.get(at).get_data(True)
        assert "It stopped after" in page
        assert "isn&#39;t kept here any more" in page
        (kept_files.folder() / "away").rename(kept_files.path(ImportFile.get().sha256))
        alice.post(f"{at}/run")
        doing.work()
        assert Task.select().count() == 600


def test_a_table_gets_fields_and_words_from_a_file_only_once_it_is_brought_in(browse, cast, at):
    with inside(cast.acme):
        collections.make("Things", by=at("alice"), fields=(("Name", "text"), ("State", "choice", ("New",))))
    alice, text = browse("alice"), "Name,State,Count\nBolt,Waiting,12\n"
    sent = {"file": (io.BytesIO(text.encode()), "things.csv")}
    at_import = alice.post("/acme/records/things/imports", data=sent).headers["Location"]
    page = alice.get(at_import).get_data(True)
    assert "New field: Number" in page
    assert "Add the words that it doesn&#39;t know" in page
    form = {"to_0": "f1", "to_1": "f2", "to_2": "new2:number", "adds_1": "1"}
    assert alice.post(f"{at_import}/mapping", data=form).status_code == 303
    doing.work()
    page = alice.get(at_import).get_data(True)
    assert "It adds 1 word of State: Waiting; the field Count (number)." in page
    assert "Count" not in alice.get("/acme/records/things").get_data(True)
    alice.post(f"{at_import}/run")
    with inside(cast.acme):
        field_changes.put_away("things", 2, by=at("alice"))
    doing.work()
    assert "the field for “State” is gone" in alice.get(at_import).get_data(True)
    assert alice.post(f"{at_import}/run").headers["Location"].endswith("?columns=1")
    page = alice.get(f"{at_import}?columns=1").get_data(True)
    assert "was changed while the file came in" in page
    assert 'name="mode"' not in page
    alice.post(f"{at_import}/mapping", data={"to_0": "f1", "to_1": "", "to_2": "f3"})
    doing.work()
    assert "1 new, 0 changed, 0 refused." in alice.get(at_import).get_data(True)


def test_a_column_of_what_is_worked_out_is_said_not_to_come_in(browse, cast, at):
    with inside(cast.acme):
        table = collections.make("Offers", by=at("alice"), fields=(("Name", "text"), ("Price", "number")))
        formulas.add(table.slug, "Total", "formula", {"formula": "{Price} * 2"}, by=at("alice"))
        collections.add_field(table.slug, "No", "autonumber", by=at("alice"))
    alice = browse("alice")
    sent = {"file": (io.BytesIO(b"Name,Price,TOTAL,No\nChair,5,999,77\n"), "x.csv")}
    at_import = alice.post("/acme/records/offers/imports", data=sent).headers["Location"]
    said = ("“TOTAL” isn't imported: it is worked out here.", "“No” isn't imported: each row is given its own.")
    page = alice.get(at_import).get_data(True)
    assert [html.unescape(page).count(one) for one in said] == [1, 1]
    with inside(cast.acme):
        fields = dict(zip(("to_0", "to_1"), collections.fields(table), strict=False))
    form = {name: f"f{field.id}" for name, field in fields.items()}
    alice.post(f"{at_import}/mapping", data=form | {"mode": "both", "empties": "leave"})
    doing.work()
    page = alice.get(at_import).get_data(True)
    assert "1 new, 0 changed" in page
    assert [html.unescape(page).count(one) for one in said] == [1, 1]
