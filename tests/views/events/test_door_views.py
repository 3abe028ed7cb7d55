import json
import re

import pytest

from database.scope import everywhere, inside
from domain.events.door import checkpoints, devices
from models import Checkpoint, Device
from tests.fixtures.doors import an_event, code_of, passes_of
from tests.fixtures.threads import write


@pytest.fixture
def night(cast, clock):
    with inside(cast.acme):
        event = an_event(venue="Hall")
        passes = passes_of(event, ["Ada <b>", "Bob"])
        return event, passes, [code_of(one) for one in passes]


@pytest.fixture
def phone(browse, night):
    """Bob's browser at the entrance."""
    client, page = browse("bob"), f"/door/{night[0].public_id}"
    gate = re.search(r'name="gate" value="(\d*)"', client.get(page).text)[1]
    assert client.post(page + "/phone", data={"gate": gate, "name": "Bob's"}).status_code == 303
    client.page = page
    client.gate = int(re.search(r'data-gate="(\d+)"', client.get(page).text)[1])
    client.token = re.search(r'data-token="([^"]+)"', client.get(page).text)[1]
    return client


def sent(phone, scans, **more):
    return phone.post(phone.page + "/scans", json={"token": phone.token, "drift": 0, "scans": scans} | more)


def test_a_code_that_is_typed_without_scripts_is_answered_big_and_taken_back(phone, night):
    said = phone.post(phone.page + "/scans", data={"code": night[2][0], "nonce": "n1"})
    assert said.status_code == 200
    assert "<h1>Come in</h1>" in said.text
    assert "Ada &lt;b&gt;" in said.text
    assert "secret@example.org" not in said.text
    again = phone.post(phone.page + "/scans", data={"code": night[1][0].serial, "nonce": "n2"}).text
    assert "Just admitted here" in again  # by the same phone in the same moment
    assert re.search(r"First at \d\d:\d\d, <bdi>", again)
    assert "Taken back" in phone.post(phone.page + "/scans", data={"kind": "undo", "undo": "n1", "nonce": "n3"}).text


def test_a_name_is_searched_and_let_in(phone):
    found = phone.get(phone.page + "/people?q=bob").text
    assert "Let in Bob" in found
    assert "Ada" not in found
    assert "Nobody of this name" in phone.get(phone.page + "/people?q=zzz").text


def test_a_scan_asks_the_database_few_things(phone, night, queries):
    for n, code in enumerate(night[2]):
        queries.clear()
        assert sent(phone, [{"nonce": f"n{n}", "code": code}]).json["answers"][0]["result"] == "ok"
    assert len([one for one in queries if not one.startswith("SAVEPOINT")]) <= 11, "\n".join(queries)


def test_scans_as_json_are_answered_each_and_a_repeat_as_before(phone, night):
    scans = [{"nonce": f"n{n}", "code": code, "gate": phone.gate} for n, code in enumerate([*night[2], "x"])]
    first = sent(phone, scans).json
    assert [one["result"] for one in first["answers"]] == ["ok", "ok", "unreadable"]
    assert sent(phone, scans).json["answers"] == first["answers"]


def test_what_is_no_scan_is_refused_with_a_code_and_nothing_is_kept(phone):
    for body in [
        [],
        {},
        {"scans": 7},
        {"scans": [7]},
        {"scans": [{"nonce": 7}]},
        {"scans": [{"nonce": ""}]},
        {"token": [], "scans": []},
        {"token": "wrong", "scans": []},
        {"token": "\ud800", "scans": []},
        {"scans": [{"nonce": "a\ud800"}]},
        {"scans": [{"nonce": "a\0"}]},
    ]:
        said = phone.post(phone.page + "/scans", json={"token": phone.token} | body if isinstance(body, dict) else body)
        assert said.status_code in (404, 422), body


def test_what_is_nested_beyond_reading_is_no_scan(phone):
    said = phone.post(phone.page + "/scans", data="[" * 20_000, content_type="application/json")
    assert said.status_code == 422


@pytest.mark.parametrize(
    "odd",
    [
        {"at": "yesterday"},
        {"at": 1e300},
        {"at": True},
        {"at": -5},
        {"gate": "x"},
        {"gate": 1e99},
        {"kind": "teleport"},
        {"decision": "maybe"},
        {"code": 7, "serial": 8},
        {"code": "\0" * 10_000},
        {"code": "a\ud800b", "serial": "\ud800"},
        {"nonce": "n" * 500},
    ],
)
def test_odd_values_of_a_scan_are_answered_like_any(phone, odd):
    said = sent(phone, [{"nonce": "n1", "code": "x", "at": 1} | odd], drift="x", waiting=[])
    assert said.status_code == 200
    assert said.json["answers"][0]["result"] in checkpoints.RESULTS


def test_a_snapshot_is_for_this_phone_and_holds_no_address(phone, night):
    said = phone.get(phone.page + "/snapshot", headers={"X-Door-Token": phone.token})
    assert said.json["whole"] is True
    assert len(said.json["passes"]) == 2
    assert "secret@example.org" not in said.text
    assert (
        phone.get(
            phone.page + "/snapshot?since=" + said.json["cursor"].replace("+", "%2B"),
            headers={"X-Door-Token": phone.token},
        ).json["whole"]
        is False
    )
    for odd in ("rubbish", "0001-01-01T00:00:00%2B05:00", "9999-12-31T23:00:00-05:00"):
        said = phone.get(phone.page + f"/snapshot?since={odd}", headers={"X-Door-Token": phone.token})
        assert said.json["whole"] is True
    assert phone.get(phone.page + "/snapshot", headers={"X-Door-Token": "wrong"}).status_code == 404


def test_a_phone_that_was_taken_off_is_told_so(phone, at):
    with everywhere("a test looks for the only phone"):
        found = Device.get()
    with inside(found.organization):
        devices.revoke(found.id, by=at("alice"))
    assert sent(phone, []).status_code == 403
    assert phone.get(phone.page).status_code == 403


def test_only_the_door_may_use_the_camera_and_run_webassembly(phone, browse):
    door = phone.get(phone.page).headers
    assert "camera=(self)" in door["Permissions-Policy"]
    assert "'wasm-unsafe-eval'" in door["Content-Security-Policy"]
    assert "'unsafe-inline'" not in door["Content-Security-Policy"]
    assert "'wasm-unsafe-eval'" in phone.get("/door/scanner.js").headers["Content-Security-Policy"]
    other = phone.get("/acme").headers
    assert "camera=()" in other["Permissions-Policy"]
    assert "wasm" not in other["Content-Security-Policy"]


def test_who_does_not_work_there_finds_no_door(browse, night):
    for who in ("vera", "charlie"):
        client = browse(who)
        for path in ("", "/snapshot", "/people", "/manifest.webmanifest"):
            assert client.get(f"/door/{night[0].public_id}{path}").status_code == 404
        assert client.post(f"/door/{night[0].public_id}/scans", json={"scans": []}).status_code == 404
        assert night[0].title not in client.get("/door").text
    assert browse(None).get(f"/door/{night[0].public_id}").status_code in (302, 303, 401)
    assert night[0].title in browse("bob").get("/door").text


def test_the_worker_keeps_files_that_there_are(phone):
    kept = json.loads(re.match(r"const KEPT = (\[.*?\]);", phone.get("/door/worker.js").text)[1])
    types = {}
    for address in kept:
        with phone.get(address) as answer:
            assert (address, answer.status_code) == (address, 200)
            types[address.partition("?")[0].rpartition(".")[2]] = answer.mimetype
    assert (types["wasm"], types["json"]) == ("application/wasm", "application/json")
    style = next(address for address in kept if "/base.css" in address)
    with phone.get(style) as answer:
        fonts = re.findall(r"[\w-]+\.woff2\?v=\w+", answer.text)
    assert {f"/static/vendor/{font}" for font in fonts} == {address for address in kept if ".woff2" in address}
    page = phone.get(phone.page).text
    assert set(re.findall(r'(?:src|href)="(/static/[^"#]*)', page)) <= set(kept)


def test_one_goes_to_another_gate_and_leaves(phone, night, cast):
    with inside(cast.acme):
        back = write(lambda: Checkpoint.create(event=night[0], name="Back door"))
    phone.post(phone.page + "/phone", data={"gate": back.id})
    assert "Back door" in phone.get(phone.page).text
    assert phone.post(phone.page + "/phone", data={"gate": "x"}).status_code == 404
    assert phone.post(phone.page + "/phone/removal").status_code == 303
    assert "Which gate" in phone.get(phone.page).text
