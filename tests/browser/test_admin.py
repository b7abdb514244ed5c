"""The Django admin works under the Content-Security-Policy, with no exception made for it.

Every page is watched: a script, style or image that the policy stops fails the test.
"""

from django.contrib.auth.models import User
from playwright.sync_api import expect


def test_an_admin_makes_a_person_and_gives_a_role(visit, ada):
    page = visit(ada, "/admin/auth/user/add/")
    page.get_by_label("Username").fill("carol")
    page.locator("#id_password1").fill("correct-horse-battery")
    page.locator("#id_password2").fill("correct-horse-battery")
    page.get_by_role("button", name="Save and continue editing").click()

    # Choosing groups is the admin's own script.
    page.locator("#id_groups_from").select_option(label="Reviewers")
    page.locator("#id_groups_add").click()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("was changed successfully")).to_be_visible()
    carol = User.objects.get(username="carol")
    assert [group.name for group in carol.groups.all()] == ["Reviewers"]


def test_the_lists_of_the_admin_are_clean(visit, ada):
    page = visit(ada, "/admin/")
    links = page.locator("#content-main th a").evaluate_all("links => links.map(a => a.href)")
    for link in links:
        page.goto(link)
        assert page.locator("#content").is_visible()
    assert links


def test_a_reviewer_has_no_business_in_the_admin(visit, alice):
    page = visit(alice, "/admin/")
    expect(page).to_have_url(f"{page.url.partition('/admin/')[0]}/admin/login/?next=/admin/")
