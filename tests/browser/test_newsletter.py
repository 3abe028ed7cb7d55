"""The newsletter from the form to the last click, written and sent by staff; and how somebody has news by a digest."""

import re
import secrets

from playwright.sync_api import expect


def test_a_reader_subscribes_confirms_reads_and_leaves(page_of, demo):
    visitor, desk = page_of(), page_of("stella")
    nora = f"nora{secrets.token_hex(4)}@example.org"  # told once more, it is somebody else's story
    visitor.goto("/")
    visitor.get_by_role("textbox", name="E-mail").fill(nora)
    visitor.get_by_role("button", name="Subscribe").click()
    expect(visitor.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    link = demo.letter(nora, r"/newsletter/confirm/[\w.\-]+")
    visitor.goto(link)
    expect(visitor.get_by_role("button", name="Yes, subscribe me")).to_be_focused()
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", name="You are subscribed")).to_be_visible()

    _write_and_send(desk)
    link = demo.letter(nora, r"/newsletter/preferences/[\w.\-]+")
    visitor.goto(link)
    visitor.get_by_role("button", name="Unsubscribe").click()
    expect(visitor.get_by_role("heading", name="You get no newsletter")).to_be_visible()

    desk.reload()
    expect(desk.get_by_role("main")).to_contain_text(re.compile(r"Unsubscribed by it\s*1"))
    desk.goto(f"/admin/subscribers?q={nora}")
    desk.get_by_role("link", name=nora).click()
    expect(desk.get_by_role("main")).to_contain_text("Left by an issue")


def _write_and_send(desk):
    desk.goto("/admin/campaigns")
    desk.get_by_role("button", name="New issue").click()
    desk.get_by_label("Subject").fill("Lanterns in July")
    desk.get_by_label("Text", exact=True).fill("# Lanterns\n\nOn **3 July** at the mill.")
    expect(desk.locator("#preview_words").get_by_role("heading", name="Lanterns")).to_be_visible()
    desk.get_by_role("button", name="Keep").click()
    expect(desk.frame_locator("iframe").get_by_text("at the mill")).to_be_visible()
    desk.get_by_role("button", name="Send it now").click()
    desk.locator("#confirm").get_by_role("button", name="Send it now").click()
    expect(desk.get_by_text("It is out.")).to_be_visible(timeout=60_000)


def test_somebody_chooses_a_daily_digest_and_when_it_comes(page_of):
    page = page_of("bob")
    page.goto("/settings/notifications")
    page.locator("#letter_mentions").select_option(label="In a daily digest")
    expect(page.locator("#notice")).to_contain_text("Mentions: kept")
    page.get_by_label("They come at").select_option(label="17:00")
    expect(page.locator("#notice")).to_contain_text("Digests come at that time")
    page.reload()
    expect(page.locator("#letter_mentions")).to_have_value("daily")
    expect(page.get_by_label("They come at")).to_have_value("17")
