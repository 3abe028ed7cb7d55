"""What says that it draws itself again when something changed is drawn alone as it stands in its page."""

import html
import re

import pytest

from static.build import STATIC
from tests.conftest import application

SPRITE = (STATIC / "vendor" / "icons.svg").read_text("utf-8")
STALE = re.compile(r"<\w+ (?=[^>]*\bdata-stale=)(?=[^>]*\bid=\"(\w+)\")(?=[^>]*\bdata-url=\"([^\"]+)\")[^>]*>")
KEY = re.compile(r"name=\"form_key\" value=\"[^\"]+\"")  # another one whenever a form is drawn
PAGES = [
    rule.rule.replace("<organization>", "acme")
    for rule in application().url_map.iter_rules()
    if "GET" in rule.methods and not rule.arguments - {"organization"} and not rule.rule.endswith(("live", "news"))
]


@pytest.mark.parametrize("who", ["alice", "vera", "stella"])
def test_every_place_that_redraws_itself_is_drawn_alone_as_in_its_page(browse, hx, who):
    """Acme is full on the Free plan here: also what only a full organization shows."""
    client, drawn, icons = browse(who), {}, set()
    client.post("/acme/tasks", data={"title": "Order paper"})
    for address in PAGES:
        with client.get(address) as answer:
            page = answer.get_data(True) if answer.status_code == 200 and answer.mimetype == "text/html" else ""
        page = KEY.sub("", page)
        icons.update(re.findall(r"icons\.svg[^\"#]*#([\w-]+)", page))
        for place, url in STALE.findall(page):
            alone = client.get(html.unescape(url), headers=hx(place))
            assert alone.status_code == 200, (address, place)
            drawn[place] = drawn.get(place, True) and KEY.sub("", alone.get_data(True)).strip() in page
    assert drawn
    assert icons
    assert {icon for icon in icons if f'id="{icon}"' not in SPRITE} == set()
    # A page has the bell folded and unread; the way back from a payment counts how often it asked.
    assert {place for place, same in drawn.items() if not same} <= {"bell", "billing_return"}
