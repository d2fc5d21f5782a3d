"""The portal in a real browser: register, track, comment; by keyboard alone; without JavaScript; on a telephone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.identity import Identity
from portal.web.app import create_app
from shipments.commands import AddComment
from tests.portal.browsing import CONTRAST, opened, register
from tests.portal.fakes import MemoryShipments
from tests.portal.served import served


@pytest.fixture(scope="module")
def domain() -> MemoryShipments:
    return MemoryShipments()


@pytest.fixture(scope="module")
def url(domain: MemoryShipments) -> Iterator[str]:
    with served(create_app(lambda: domain, Identity("web", "eastus", "0123456789ab"))) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    yield from opened(browser.new_context(base_url=url))


def test_a_shipment_is_registered_tracked_and_commented(page: Page) -> None:
    number = register(page)
    page.get_by_role("link", name="Track", exact=True).click()
    page.get_by_label("Tracking number or SSCC").fill(number.lower())
    page.get_by_role("button", name="Track").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("textbox", name="Comment").fill("Ring twice")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("listitem").filter(has_text="Ada wrote")).to_contain_text("Ring twice")


def test_an_open_page_follows_what_happens_without_losing_what_is_typed(page: Page, domain: MemoryShipments) -> None:
    number = register(page)
    page.get_by_role("textbox", name="Comment").fill("half a sent")
    domain.arrive(AddComment(shipment=number, author="Hub", text="Arrived in Boston"))
    expect(page.get_by_text("Arrived in Boston")).to_be_visible()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("half a sent")


def test_everything_can_be_done_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Tracking number or SSCC")).to_be_focused()
    page.keyboard.type("nonsense!")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Tracking number or SSCC")).to_be_focused()
    expect(page.get_by_label("Tracking number or SSCC")).to_have_value("nonsense!")


def test_everything_works_without_javascript(browser: Browser, url: str, domain: MemoryShipments) -> None:
    for page in opened(browser.new_context(base_url=url, java_script_enabled=False)):
        domain.hold = True
        try:
            for label in ("Sender", "Recipient", "From", "To"):
                page.locator(f"label:text-matches('^{label}') ~ input").first.fill("x")
            page.get_by_role("button", name="Register").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Stored safely, being applied")
        finally:
            domain.hold = False
            domain.apply()
        expect(page.get_by_role("heading", level=1)).to_have_text("Registered")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone_and_can_be_read(browser: Browser, url: str, scheme: str) -> None:
    context = browser.new_context(base_url=url, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for page in opened(context):
        register(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"nothing makes the page scroll sideways, it is {wide} wide"
        poor = page.evaluate(CONTRAST)
        assert not poor, f"text of too little contrast (WCAG AA asks for 4.5): {poor}"
