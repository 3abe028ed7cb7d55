"""Somebody is invited, comes, gets another role, and is removed with the password asked again over the page."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import TEAM

PASSWORD = "Correct horse 1!"
ALICES = "Quiet orchard bell 1!"


def _member(page, name):
    return page.locator("#list_rows [data-row]", has_text=name)


def _act(page, name, what):
    _member(page, name).get_by_label(f"{what}: {name}").click()


def _join(page, link, letter):
    """From the letter to the organization, by way of a new account."""
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Alice Moreau invites you to Acme Festival")
    page.get_by_role("main").get_by_role("link", name="Create an account").click()
    expect(page.get_by_label("E-mail")).to_have_value("ida@example.org")
    page.get_by_label("Your name").fill("Ida Lund")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    page.get_by_label("Six-digit code").fill(letter("ida@example.org", r"\b\d{6}\b"))
    page.get_by_role("button", name="Confirm e-mail").click()
    page.get_by_role("button", name="Accept invitation").click()
    expect(page).to_have_url(re.compile(f"{TEAM}$"))
    expect(page.locator("#notice")).to_contain_text("Welcome to Acme Festival.")


def test_from_the_invitation_to_the_removal_with_step_up_over_a_removed_member(demo, page_of):
    page_of.expect(403, 404, 422)
    alice, ida = page_of("alice"), page_of()
    alice.goto(f"{TEAM}/members")
    alice.get_by_role("link", name="Invite people").click()
    alice.locator("#dialog").get_by_label("E-mail addresses").fill("ida@example.org")
    alice.locator("#dialog").get_by_label("Role").select_option("member")
    alice.get_by_role("button", name="Send invitations").click()
    expect(alice.locator("#notice")).to_contain_text("ida@example.org is invited.")
    alice.evaluate("window.unreloaded = true")

    _join(ida, demo.letter("ida@example.org", r"http\S+invitationId=\S+"), demo.letter)
    expect(_member(alice, "Ida Lund")).to_contain_text("Member")  # her open page hears of it
    assert alice.evaluate("window.unreloaded") is True
    ida.goto(f"{TEAM}/members")
    expect(_member(ida, "Ida Lund")).to_contain_text("You")

    _act(alice, "Ida Lund", "Change role")
    dialog = alice.locator("#dialog")
    dialog.get_by_label("Admin").check()
    dialog.get_by_role("button", name="Change role").click()
    expect(dialog).to_contain_text("Confirm that it is you")
    dialog.get_by_label("Your password", exact=True).fill(ALICES)
    dialog.get_by_role("button", name="Confirm").click()
    expect(alice.locator("#notice")).to_contain_text("Ida Lund is now admin.")
    expect(_member(alice, "Ida Lund")).to_contain_text("Admin")
    expect(_member(ida, "Ida Lund")).to_contain_text("Admin")

    posts = []
    alice.on("request", lambda request: posts.append(request.post_data) if request.method == "POST" else None)
    _act(alice, "Ida Lund", "Remove")
    alice.locator("#confirm").get_by_role("button", name="Remove").click()
    expect(dialog).to_contain_text("To remove this member.")
    dialog.get_by_label("Your password", exact=True).fill("Wrong horse 1!")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog).to_contain_text("That isn't your password. You have 4 tries left.")
    expect(_member(alice, "Ida Lund")).to_be_visible()
    dialog.get_by_label("Your password", exact=True).fill(ALICES)
    dialog.get_by_role("button", name="Confirm").click()
    expect(alice.locator("#notice")).to_contain_text("Ida Lund is removed.")
    expect(_member(alice, "Ida Lund")).to_have_count(0)
    assert len(posts) == 3  # the act that was asked for, the wrong answer, the right one

    # Her open page is refused at once: the stream is over, and the address leads nowhere.
    expect(ida.get_by_role("heading", name="There is nothing here")).to_be_visible()
    ida.goto("/app")
    expect(ida).to_have_url(re.compile("/ida-lund$"))
    assert demo.letter("ida@example.org", "You were removed from Acme Festival")


def test_the_switcher_opens_another_organization_by_keyboard_and_founds_a_new_one(page_of):
    page = page_of("bob")
    page.goto("/app")
    page.locator(".switcher summary").press("Enter")
    page.locator(".switcher").get_by_role("button", name="Bob's space").press("Enter")
    expect(page).to_have_url(re.compile("/bob-adeyemi$"))
    page.goto("/app")
    expect(page).to_have_url(re.compile("/bob-adeyemi$"))  # it stays open
    page.locator(".switcher summary").click()
    page.get_by_role("link", name="New organization").click()
    page.get_by_label("Name").fill("Bob's Works")
    page.get_by_role("button", name="Create organization").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bob's Works")
    page.goto("/bob-s-works/workspaces")
    page.get_by_label("Name").fill("Workshop")
    page.get_by_role("button", name="Create workspace").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Workshop")
    page.goto("/bob-s-works/settings")
    page.get_by_role("button", name="Delete organization").click()
    page.locator("#confirm").get_by_role("button", name="Delete Bob's Works").click()
    page_of.expect(403)
    dialog = page.locator("#dialog")
    dialog.get_by_label("Your password", exact=True).fill(ALICES)
    dialog.get_by_role("button", name="Confirm").click()
    expect(page.locator("#notice")).to_contain_text("Bob's Works is deleted.")
    page.locator(".switcher summary").click()
    page.locator(".switcher").get_by_role("button", name="Acme Festival").click()
    expect(page).to_have_url(re.compile(f"{TEAM}$"))


def test_use_r3_a_name_of_any_length_breaks_no_page_and_k3_the_focus_stays_on_send_again(page_of):
    bob, long = page_of("bob"), "Maximiliana-Bartholomea von und zu Guttenberg " + "Zwei" * 17
    assert len(long) == 114
    bob.context.request.post("/account", form={"name": long, "timezone": "Europe/Paris"})
    try:
        for size in ({"width": 1280, "height": 800}, {"width": 390, "height": 844}):
            page = page_of("alice", viewport=size)
            for path in ("/members", "/tasks?tab=all", "/tasks?tab=all&view=board", "/permissions", "/audit"):
                page.goto(TEAM + path)
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, size)
                wide = "[...document.querySelectorAll('.tools select')].some((one) => one.offsetWidth > 240)"
                assert not page.evaluate(wide), (path, size)
        page.goto(f"{TEAM}/invitations")
        again = page.get_by_label("Send again: imani@example.org")
        again.press("Enter")
        expect(page.locator("#notice")).to_contain_text("gets the letter again")
        expect(again).to_be_focused()
    finally:
        bob.context.request.post("/account", form={"name": "Bob Adeyemi", "timezone": "Europe/Paris"})


def test_use_r14_a_switcher_with_many_organizations_is_searched(page_of):
    page = page_of("dora")
    for n in range(9):
        page.context.request.post("/organizations", form={"name": f"A house with a name that would wrap, number {n}"})
    page.goto("/app")
    page.locator(".switcher summary").press("Enter")
    page.keyboard.type("NUMBER 7")
    entries = page.locator(".switcher form:visible")
    expect(entries).to_have_count(1)
    assert entries.bounding_box()["height"] <= 48
    page.keyboard.type(" nowhere")
    expect(page.locator("[data-narrowed]")).to_be_visible()
