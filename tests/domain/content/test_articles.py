import pytest

from domain import Invalid, NotFound, Refused, Stale
from domain.content import articles
from models import Article, AuditEvent

POST = {"title": "What is new", "slug": "", "summary": "Much.", "body": "# Much\n\nIt is *here*."}


@pytest.fixture
def post(cast):
    return articles.make("post", POST, by=cast.stella)


def test_a_draft_is_nobodys_until_it_is_published_and_keeps_its_moment(post, cast, clock):
    with pytest.raises(NotFound):
        articles.find("post", "what-is-new")
    articles.publish("post", post.id, by=cast.stella)
    first = articles.find("post", "what-is-new").published_at
    clock.forward(days=1)
    articles.withdraw("post", post.id, by=cast.stella)
    assert articles.published("post") == []
    articles.publish("post", post.id, by=cast.stella)
    assert articles.find("post", "what-is-new").published_at == first
    with pytest.raises(Refused):
        articles.publish("post", post.id, by=cast.stella)
    with pytest.raises(Refused):
        articles.delete("post", post.id, by=cast.stella)
    said = (
        AuditEvent.select(AuditEvent.action)
        .where(AuditEvent.action.startswith("content."))
        .order_by(AuditEvent.id)
        .tuples()
    )
    kinds = ("made", "published", "withdrawn", "published")
    assert [action for (action,) in said] == [f"content.post_{kind}" for kind in kinds]


def test_an_address_is_one_articles_of_its_kind(post, cast):
    with pytest.raises(Invalid, match="another post"):
        articles.make("post", POST | {"slug": "What is NEW"}, by=cast.stella)
    assert articles.make("legal", POST, by=cast.stella).slug == "what-is-new"
    assert articles.make("post", POST | {"title": "東京"}, by=cast.stella).slug == "post"
    with pytest.raises(NotFound):
        articles.one("legal", post.id)


def test_who_writes_over_somebody_elses_words_is_told(post, cast):
    was = {name: getattr(post, name) for name in POST}
    articles.change("post", post.id, was | {"title": "Another"}, by=cast.stella, was=was)
    with pytest.raises(Stale):
        articles.change("post", post.id, was | {"title": "A third"}, by=cast.stella, was=was)
    assert Article.get_by_id(post.id).title == "Another"


def test_what_says_nothing_is_not_published(cast):
    empty = articles.make("legal", {"title": "Terms"}, by=cast.stella)
    with pytest.raises(Invalid):
        articles.publish("legal", empty.id, by=cast.stella)
    articles.delete("legal", empty.id, by=cast.stella)
    assert Article.select().count() == 0


def test_posts_come_the_newest_first_a_page_at_a_time(cast, clock):
    for n in range(articles.PAGE + 2):
        made = articles.make("post", POST | {"title": f"Post {n}"}, by=cast.stella)
        articles.publish("post", made.id, by=cast.stella)
        clock.forward(minutes=1)
    found = articles.published("post")
    assert len(found) == articles.PAGE + 1
    assert found[0].title == f"Post {articles.PAGE + 1}"
    older = articles.published("post", articles.moment_of(found[articles.PAGE - 1].id))
    assert [one.title for one in older] == ["Post 1", "Post 0"]
