"""Acts on the list of articles; the rest is in test_articles_views."""

from domain.content import articles


def test_a_post_is_published_withdrawn_and_deleted_from_the_list(browse, cast):
    made = articles.make("post", {"title": "Soon", "body": "Words"}, by=cast.stella)
    stella, at = browse("stella"), f"/admin/blog/{made.id}"
    assert stella.post(f"{at}/publication").status_code == 303
    assert stella.post(f"{at}/deletion").status_code == 409
    assert browse(None).get("/blog/soon").status_code == 200
    assert stella.post(f"{at}/withdrawal").status_code == 303
    assert browse(None).get("/blog/soon").status_code == 404
    assert stella.post(f"{at}/deletion").status_code == 303
    assert stella.get(at).status_code == 404
