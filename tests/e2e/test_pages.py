"""The portal as people meet it: a real browser, through the edge, with the worker applying what they send."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.conftest import Platform
from tests.portal.browsing import CHROMIUM, FLAGS, opened, register
from tests.portal.pictures import png

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def page(platform: Platform) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield from opened(browser.new_context(base_url=platform.endpoints["portal"]))
        browser.close()


def test_people_register_and_comment_and_see_it_on_the_timeline(page: Page) -> None:
    number = register(page)
    page.goto(f"/shipments/{number}")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("textbox", name="Comment").fill("Leave it with the neighbour")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("listitem").filter(has_text="Ada wrote")).to_contain_text("Leave it with the neighbour")
    expect(page.get_by_role("contentinfo")).to_contain_text("East US")


def test_a_photo_is_taken_with_a_comment_and_shown_by_both_regions(page: Page, platform: Platform) -> None:
    page.goto("/")
    page.goto(f"/shipments/{register(page)}")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("textbox", name="Comment").fill("The corner is wet")
    page.get_by_label("Photo").set_input_files({"name": "box.png", "mimeType": "image/png", "buffer": png()})
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("img", name="Photo from Ada")).to_be_visible()
    where = page.locator("a.photo").get_attribute("href")
    for region, urls in platform.endpoints["regions"].items():
        shown = page.request.get(f"{urls['web']}{where}")
        assert shown.body() == png() and shown.headers["content-type"] == "image/png", f"{region} shows it"


def test_the_style_sheet_comes_from_the_static_account(page: Page) -> None:
    page.goto("/")
    loaded = page.evaluate("[...document.styleSheets].filter(s => s.href?.includes('/static/')).length")
    assert loaded >= 1, "the page's look is served by the static content account through the same edge"
