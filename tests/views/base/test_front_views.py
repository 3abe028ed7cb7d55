import pytest


def test_strangers_see_the_front_and_members_their_home(browse):
    front = browse(None).get("/")
    assert front.status_code == 200
    assert "/sign-up" in front.get_data(True)
    assert front.get_data(True).partition("</main>")[0].count("btn-primary") == 1
    assert 'id="newsletter_form"' in front.get_data(True)
    named = ("/", "/acme"), ("/app", "/acme"), ("/tasks", "/acme/tasks"), ("/organizer/events", "/acme/events")
    named += ("/records", "/acme/records"), ("/organizer/events/create", "/acme/events/new")
    named += ("/settings/billing", "/acme/billing"), ("/settings/organization", "/acme/settings")
    for path, target in (*named, ("/settings/profile", "/account")):
        response = browse("alice").get(path)
        assert (response.status_code, response.headers["Location"]) == (302, target), path
    assert browse(None).get("/app").headers["Location"] == "/sign-in?next=%2Fapp"


def test_the_front_says_when_sign_up_is_closed(browse, cast):
    from domain.base import settings

    assert 'href="/sign-up"' in browse(None).get("/").get_data(True)
    settings.change("sign_up_open", "off", by=cast.stella)
    page = browse(None).get("/").get_data(True)
    assert 'class="btn btn-primary" href="/sign-up"' not in page


def test_what_is_not_there_is_said_with_a_number_to_ask_by(browse):
    response = browse(None).get("/nothing/at/all")
    assert response.status_code == 404
    page = response.get_data(True)
    assert "There is nothing here" in page
    assert response.headers["X-Request-Id"] in page


def test_a_wrong_method_is_said(browse):
    assert browse("bob").post("/settings/security").status_code == 405


def test_every_answer_has_its_own_request_id(browse):
    client = browse(None)
    assert client.get("/").headers["X-Request-Id"] != client.get("/").headers["X-Request-Id"]


def test_static_files_are_kept_for_ever_only_under_their_hash(browse):
    from views.assets import asset, version

    client = browse(None)
    with client.get(asset("css/guildhall.css")) as kept:
        assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for address in ("/static/css/guildhall.css", "/static/css/guildhall.css?v=old"):
        with client.get(address) as plain:
            assert "immutable" not in plain.headers.get("Cache-Control", "")
    packed = client.get(asset("css/guildhall.css"), headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert version("css/guildhall.css")


def test_nothing_outside_the_static_folder_is_served(browse):
    client = browse(None)
    for path in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "css/../../app.py", "....//app.py", "/etc/passwd"):
        response = client.get(f"/static/{path}")
        assert response.status_code in (404, 308), path
        assert b"create_app" not in response.data


def test_report_24_what_every_site_is_asked_for_is_answered(browse):
    client = browse(None)
    robots = client.get("/robots.txt")
    assert (robots.status_code, robots.mimetype) == (200, "text/plain")
    assert robots.get_data(True).startswith("User-agent: *")
    with client.get("/favicon.ico") as icon:
        assert (icon.status_code, icon.mimetype) == (200, "image/svg+xml")
    assert client.get("/.well-known/change-password").headers["Location"] == "/settings/security/password"
    for path in ("/sitemap.xml", "/ads.txt", "/apple-touch-icon.png", "/.well-known/none", "/.env", "/wp-login.php"):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/sign-in/", "/sign-in"),
        ("/sign-in/?next=/acme", "/sign-in?next=/acme"),
        ("/acme/tasks/", "/acme/tasks"),
        ("/\\evil.example/", "/%5Cevil.example"),
        ("/a%3Fb/", "/a%3Fb"),
    ],
)
def test_report_24_a_slash_at_the_end_leads_to_the_page_and_nowhere_else(browse, path, leads):
    answer = browse(None).get(path)
    assert (answer.status_code, answer.headers["Location"]) == (308, leads)


def test_report_26_a_browser_that_opens_the_number_is_led_to_the_name(browse):
    client, opened = browse(None), {"Sec-Fetch-Mode": "navigate", "Host": "127.0.0.1:8000"}
    assert (
        client.get("/sign-in?next=/acme", headers=opened).headers["Location"] == "http://localhost/sign-in?next=/acme"
    )
    assert client.get("/health", headers={"Host": "127.0.0.1:8000"}).status_code == 200
