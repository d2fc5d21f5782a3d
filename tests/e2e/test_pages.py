"""The portal as people meet it: a real browser, through the edge, with the worker applying what they send."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.conftest import Platform
from tests.portal.test_browser import CHROMIUM, FLAGS, opened, register

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


def test_the_style_sheet_comes_from_the_static_account(page: Page) -> None:
    page.goto("/")
    loaded = page.evaluate("[...document.styleSheets].filter(s => s.href?.includes('/static/')).length")
    assert loaded >= 1, "the page's look is served by the static content account through the same edge"
