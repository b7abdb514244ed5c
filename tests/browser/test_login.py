"""Signing in and out."""

import re

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.chromium import Visit
from tests.servers import StartConsole


def test_in_and_out(visit: Visit, alice: User):
    # The hasher of the other tests is too weak for a console to know it.
    alice.password = PBKDF2PasswordHasher().encode("alice", "salt")
    alice.save()
    page = visit(None, "/threads/")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Please enter a correct username")
    expect(page.get_by_label("Name")).to_have_value("alice")
    page.get_by_label("Password").fill("alice")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r":\d+/threads/$"))
    page.locator("details.menu > summary").click()
    expect(page.get_by_text("Reviewers")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/login/$"))


def test_the_demo_is_for_demos(visit: Visit, db: None):
    assert "demo" not in visit(None, "/login/").locator("body").inner_text()


def test_the_demo_says_who_there_is(start_console: StartConsole, browser):
    page = browser.new_page()
    page.goto(f"{start_console(DEMO='1').url}/login/")
    for name in ("reviewer", "operator", "admin"):
        expect(page.get_by_text(name, exact=True)).to_be_visible()
    page.close()


def test_somebody_without_a_role_is_told(visit: Visit, mallory: User, expected_complaints):
    expected_complaints.append("403")
    page = visit(mallory)
    expect(page.get_by_role("heading", name="Not for your role")).to_be_visible()
    expect(page.get_by_text("Ask an admin for one.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/login/$"))
