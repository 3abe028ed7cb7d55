"""Pages, scripts and style sheets are sent packed to whoever can unpack them."""

import gzip

from views import assets, packing

PACKS = {"Accept-Encoding": "gzip, deflate, br"}


def test_use_p18_a_page_is_packed_for_who_can_unpack_it(browse):
    alice = browse("alice")
    plain, packed = alice.get("/acme/tasks"), alice.get("/acme/tasks", headers=PACKS)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 3
    assert b"</html>" in gzip.decompress(packed.data)
    for response in (plain, packed):
        assert {"Accept-Encoding", "HX-Request", "Cookie"} <= set(response.vary)


def test_what_is_small_is_sent_as_it_is(browse):
    small = browse("alice").get("/acme/news?since=0", headers=PACKS)
    assert len(small.data) < packing.LEAST
    assert "Content-Encoding" not in small.headers
    assert "Accept-Encoding" in small.vary


def test_streams_and_redirects_are_left_alone(browse):
    alice = browse("alice")
    with alice.get("/acme/tasks/export.csv", headers=PACKS) as stream:
        assert "Content-Encoding" not in stream.headers
        assert stream.data.startswith(b'\xef\xbb\xbf"Id"')
    assert "Content-Encoding" not in browse(None).get("/acme/tasks", headers=PACKS).headers


def test_refusals_are_packed_too(browse):
    response = browse(None).get("/nothing/at/all", headers=PACKS)
    assert response.status_code == 404
    assert b"There is nothing here" in gzip.decompress(response.data)


def test_files_have_twins_that_hold_the_same(browse):
    client = browse(None)
    address = assets.asset("css/guildhall.css")
    plain = client.get(address)
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    again = client.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert again.status_code == 304
    plain.close()


def test_the_better_twin_goes_to_who_takes_it(browse, monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "PACKED", tmp_path)
    monkeypatch.setattr(assets, "_twins", {})
    (tmp_path / f"{assets.version('css/guildhall.css')}.br").write_bytes(b"twin")
    response = browse(None).get(assets.asset("css/guildhall.css"), headers=PACKS)
    assert (response.headers["Content-Encoding"], response.data) == ("br", b"twin")
    assert "immutable" in response.headers["Cache-Control"]
    assert not {"Expires", "Content-Disposition"} & set(response.headers.keys())


def test_a_changed_file_is_never_answered_with_an_old_twin(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    monkeypatch.setattr(assets, "_known", {})
    monkeypatch.setattr(assets, "_watching", True)
    file = tmp_path / "a.css"
    file.write_text("a{}")
    assert gzip.decompress(assets.packed("a.css", "gz")) == b"a{}"
    file.write_text("abc{}")
    assert gzip.decompress(assets.packed("a.css", "gz")) == b"abc{}"


def test_only_what_browsers_need_is_served(browse):
    for path in ("build.py", "vendor/.stamp", "vendor/packed/x.gz", "__pycache__/build.cpython-311.pyc", "", "css"):
        assert browse(None).get(f"/static/{path}").status_code == 404, path
