"""The blog with its feed, and legal pages, as strangers read them and staff writes them."""

from xml.etree import ElementTree

import pytest

from domain.content import articles

POST = {"title": "What is <new>", "slug": "", "summary": "Much & more.", "body": "# Much\n\n<script>x</script> *here*"}


@pytest.fixture
def post(cast):
    made = articles.make("post", POST, by=cast.stella)
    articles.publish("post", made.id, by=cast.stella)
    return made


def test_strangers_read_what_is_published_and_nothing_else(browse, cast, post):
    articles.make("post", POST | {"title": "A secret draft"}, by=cast.stella)
    stranger = browse(None)
    page = stranger.get("/blog").text
    assert "What is &lt;new&gt;" in page
    assert "secret" not in page
    text = stranger.get("/blog/what-is-new").text
    assert "<h2>Much</h2>" in text
    assert "<script>x" not in text
    assert stranger.get("/blog/a-secret-draft").status_code == 404
    assert stranger.get("/legal/what-is-new").status_code == 404
    assert stranger.get("/blog?before=999999").status_code == 200


def test_the_feed_is_atom(browse, cast, post):
    answer = browse(None).get("/blog/feed.xml")
    assert answer.content_type.startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.data)
    atom = "{http://www.w3.org/2005/Atom}"
    (entry,) = feed.findall(f"{atom}entry")
    assert entry.find(f"{atom}title").text == "What is <new>"
    assert entry.find(f"{atom}link").get("href").endswith("/blog/what-is-new")
    assert feed.find(f"{atom}updated").text.endswith("+00:00")


def test_a_legal_page_is_linked_below_every_public_page(browse, cast):
    stella, stranger = browse("stella"), browse(None)
    assert 'href="/legal/' not in stranger.get("/faq").text
    form = {"title": "Privacy", "slug": "", "summary": "", "body": "We keep little."}
    made = stella.post("/admin/legal/new", data=form)
    assert made.status_code == 303
    address = made.headers["Location"]
    assert stella.post(address, data=form | {"act": "publish"}).status_code == 303
    assert '<a href="/legal/privacy">Privacy</a>' in stranger.get("/faq").text
    assert "We keep little." in stranger.get("/legal/privacy").text


def test_what_is_refused_keeps_what_was_typed_and_who_may_not_finds_nothing(browse, cast, post):
    stella = browse("stella")
    answer = stella.post("/admin/blog/new", data=POST | {"title": "", "body": "Kept words"})
    assert answer.status_code == 422
    assert "Kept words" in answer.text
    answer = stella.post("/admin/blog/new", data=POST)
    assert answer.status_code == 422
    assert "another post" in answer.text
    assert "What is &lt;new&gt;" in stella.get("/admin/blog").text
    for path in ("/admin/blog", "/admin/blog/new", f"/admin/blog/{post.id}"):
        assert browse("alice").get(path).status_code == 404
    assert stella.get(f"/admin/legal/{post.id}").status_code == 404
