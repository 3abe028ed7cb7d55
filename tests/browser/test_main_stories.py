"""The three stories that a team begins with, and two of an event. `make test-browsers` tells them in Firefox and WebKit
too."""

import re

import pytest

INVITATION = r"http\S+invitationId=\S+"


@pytest.fixture
def bob(hands_of):
    return hands_of("bob")


def _found_team(bob, hands_of, name):
    """An organization of bob's with vera in it, made without the pages; where it is, and her hands."""
    base = bob.send("/organizations", name=name)
    bob.send(f"{base}/invitations", email="vera@example.org", role="member")
    vera = hands_of("vera")
    vera.send("/accept-invitation", invitationId=re.search(r"=(\S+)", vera.letter("vera@example.org", INVITATION))[1])
    return base, vera


def test_a_first_team_begins_on_the_free_plan(bob, hands_of):
    bob.go("/organizations/new")
    bob.fill("Name", "Quay Players")
    bob.press("Create organization")
    bob.sees("Quay Players is yours. Invite the people you work with.")
    bob.press("Invite the people you work with")
    bob.arrives("/members")
    bob.sees("2 of 3 seats are left.")
    bob.press("Invite people")
    bob.fill("E-mail addresses", "vera@example.org, Dora Nwosu <dora@example.org>; else@example.org")
    bob.press("Send invitations")
    bob.sees("The plan of Quay Players has 3 seats, and they are taken.")
    bob.press("Done")
    for who, name in (("vera", "Vera Łuczak"), ("dora", "Dora Nwosu")):
        guest = hands_of(who)
        guest.go(guest.letter(f"{who}@example.org", INVITATION))
        guest.sees("Bob Adeyemi invites you to Quay Players")
        guest.press("Accept invitation")
        guest.sees("Welcome to Quay Players.")
        bob.sees(name)  # his open page hears of it

    bob.press("Tasks")
    bob.arrives("/tasks")
    bob.press("New task")
    bob.fill("Title", "Order the flyers")
    bob.choose("Assignee", "Dora Nwosu")
    bob.press("Create task")
    bob.sees("Created “Order the flyers”.")
    guest.press("Order the flyers")
    guest.arrives(r"/tasks/\d+")
    guest.choose("Status", "Completed")
    guest.sees("Status saved.")
    bob.press("Everybody's")
    bob.sees("Completed 1")


def test_a_new_member_finds_the_work_that_is_given_to_them(bob, hands_of):
    base, vera = _found_team(bob, hands_of, "Harbour Choir")
    vera.go(base)
    vera.sees("Welcome, Vera")
    bob.send(f"{base}/tasks", title="Tune the piano", assigned_to="3")
    vera.sees("Bob Adeyemi gave you a task: Tune the piano")
    vera.sees("1 open task of yours has no day.")
    vera.press("Tasks")
    vera.arrives("/tasks")
    vera.press("Tune the piano")
    vera.arrives(r"/tasks/\d+")
    vera.choose("Status", "In progress")
    vera.sees("Status saved.")
    vera.choose("Priority", "High")
    vera.sees("Priority saved.")
    bob.go(f"{base}/tasks?tab=made")
    bob.sees("In progress 1")
    vera.press("Tasks")
    vera.arrives("/tasks")
    vera.sees("In progress 1")


def test_an_owner_hands_on_what_a_leaver_held(bob, hands_of):
    base, vera = _found_team(bob, hands_of, "Pier Theatre")
    for title in ("Sew the curtain", "Paint the moon"):
        bob.send(f"{base}/tasks", title=title, assigned_to="3")
    vera.go(f"{base}/tasks")
    vera.sees("Paint the moon")
    hands_of.expect(404)  # her open page asks once more
    bob.go(f"{base}/members")
    bob.press("Remove: Vera Łuczak")
    bob.press("Remove")
    bob.sees("Vera Łuczak has left, with 2 open tasks.")
    vera.sees("There is nothing here")
    bob.choose("Give them to", "Bob Adeyemi")
    bob.press("Reassign all 2")
    bob.sees("2 tasks")
    bob.misses("has left")
    bob.press("Tasks")
    for title in ("Sew the curtain", "Paint the moon"):
        bob.sees(title)


def test_a_stranger_buys_a_ticket(hands_of):
    stranger = hands_of(None)
    stranger.go("/e/lantern-festival")
    stranger.choose("Weekend", "1")
    stranger.press("Get tickets")
    stranger.sees("Held for you until")
    stranger.fill("Your name", "Nadia Quist")
    stranger.fill("Your e-mail address", "nadia@example.org")
    stranger.press("Pay €39.00 with Sandbox")
    stranger.arrives(r"/sandbox/checkout/\w+")
    stranger.press("Pay")
    stranger.sees("Your tickets")
    stranger.press("Show")
    stranger.sees("Pass it on to somebody else")


def test_a_guest_without_a_code_is_let_in_by_name(hands_of):
    guest, dora = hands_of(None), hands_of("dora")
    guest.go("/e/lantern-market")
    guest.choose("Day ticket", "1")
    guest.press("Get tickets")
    guest.fill("Your name", "Nadia Quist")
    guest.fill("Your e-mail address", "nadia@example.org")
    guest.press("Get the tickets")
    guest.sees("Your tickets")

    dora.go("/door")
    dora.press("Lantern Market")
    dora.choose("Gate", "Entrance")
    dora.press("Open the door")
    dora.sees("Online, in step since")
    dora.fill("Name", "quist")
    dora.press("Let in Nadia Quist")
    dora.sees("Come in")
