"""What people see of a failover: banners, a page that asks to be refreshed, forms that keep their text, photos."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.identity import Identity
from portal.photos import LARGEST
from portal.web.app import create_app
from tests.portal.browsing import CONTRAST, opened, register
from tests.portal.fakes import MemoryShipments
from tests.portal.pictures import png
from tests.portal.served import served

ASKS = "switched over since this page was opened"


@pytest.fixture
def url(domain: MemoryShipments) -> Iterator[str]:
    with served(create_app(lambda: domain, Identity("web", "eastus", "0123456789ab"))) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    yield from opened(browser.new_context(base_url=url))


def write(page: Page, text: str = "half a sent") -> None:
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("textbox", name="Comment").fill(text)


def choose(page: Page, content: bytes, name: str = "box.png") -> None:
    page.get_by_label("Photo").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def send(page: Page) -> None:
    page.get_by_role("button", name="Send").click()


def test_an_open_page_asks_to_be_refreshed_and_what_is_typed_outlives_it(page: Page, domain: MemoryShipments) -> None:
    register(page)
    write(page)
    expect(page.get_by_text(ASKS)).to_be_hidden()
    domain.set_state("failover", "westus", reason="East US is away")
    expect(page.get_by_role("status").filter(has_text=ASKS)).to_be_visible()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("half a sent")
    expect(page.get_by_role("textbox", name="Comment")).to_be_focused()
    page.get_by_role("link", name="Refresh the page").click()
    banner = page.get_by_role("status").filter(has_text="Running in the standby region (West US)")
    expect(banner).to_contain_text("East US is away.")
    expect(page.get_by_text(ASKS)).to_be_hidden()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("half a sent")
    expect(page.get_by_label("Your name")).to_have_value("Ada")


def test_an_older_epoch_asks_for_nothing(page: Page, domain: MemoryShipments) -> None:
    domain.set_state("active", "eastus")
    page.reload()
    domain.document = MemoryShipments().document
    with page.expect_response("**/state"):
        pass
    expect(page.get_by_text(ASKS)).to_be_hidden()


def test_pages_ask_now_and_then_and_only_while_somebody_looks(browser: Browser, url: str) -> None:
    for hidden in (False, True):
        context = browser.new_context(base_url=url)
        context.add_init_script(f"Object.defineProperty(document, 'hidden', {{ get: () => {str(hidden).lower()} }})")
        context.clock.install()
        for page in opened(context):
            asked = []
            page.on("requestfinished", lambda request, asked=asked: asked.append(request.url))
            for _ in range(6):
                page.clock.run_for(6500)
                page.wait_for_timeout(100)
            states = [where for where in asked if where.endswith("/state")]
            assert not hidden or not states, f"a page that nobody sees asked {len(states)} times"
            assert hidden or 5 <= len(states) <= 11, f"every 3.75 to 6.25 seconds, asked {len(states)} times in 39"


def test_a_refused_form_keeps_its_text_and_can_be_sent_again(page: Page, domain: MemoryShipments) -> None:
    register(page)
    write(page, "Ring twice")
    choose(page, png())
    domain.set_state("fenced", "eastus", reason="moving to West US")
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("Read-only")
    expect(page.get_by_role("alert")).to_contain_text("The photo has to be chosen again.")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("Ring twice")
    domain.set_state("active", "eastus")
    choose(page, png())
    send(page)
    expect(page.get_by_role("listitem").filter(has_text="Ada wrote")).to_contain_text("Ring twice")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("")


def test_a_refused_form_can_be_refreshed_and_still_has_its_text(page: Page, domain: MemoryShipments) -> None:
    domain.set_state("fenced", "eastus")
    for label in ("Sender", "Recipient", "From"):
        page.get_by_label(label).fill(f"my {label}")
    page.get_by_label("To", exact=True).fill("Seattle")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("alert")).to_contain_text("Read-only")
    domain.set_state("active", "eastus")
    page.get_by_role("link", name="Refresh the page").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("Sender")).to_have_value("my Sender")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Registered")
    page.goto("/")
    expect(page.get_by_label("Sender")).to_have_value("")


def test_text_whose_answer_never_came_is_still_there(page: Page) -> None:
    number = register(page)
    write(page, "Ring twice")
    page.route("**/comments", lambda route: route.abort())
    send(page)
    page.wait_for_url("chrome-error://**")
    page.goto(f"/shipments/{number}")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("Ring twice")


def test_a_photo_is_sent_with_a_comment_and_shown(page: Page) -> None:
    register(page)
    write(page, "The corner is wet")
    choose(page, png())
    send(page)
    shown = page.get_by_role("listitem").filter(has_text="The corner is wet").get_by_role("img", name="Photo from Ada")
    expect(shown).to_be_visible()
    shown.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.photo img').naturalWidth === 1")
    answer = page.request.get(page.locator("a.photo").get_attribute("href") or "")
    assert answer.headers["content-type"] == "image/png", "it can be opened by itself"


def test_a_photo_that_is_too_large_is_refused_before_it_is_sent(page: Page) -> None:
    register(page)
    choose(page, png().ljust(LARGEST + 1, b"x"))
    expect(page.get_by_text("This photo is too large.")).to_be_visible()
    assert page.get_by_label("Photo").input_value() == "", "it will not be sent"
    choose(page, png())
    expect(page.get_by_text("This photo is too large.")).to_have_count(0)


def test_without_javascript_the_state_is_told_the_text_kept_and_the_photo_taken(
        browser: Browser, url: str, domain: MemoryShipments) -> None:
    for page in opened(browser.new_context(base_url=url, java_script_enabled=False)):
        register(page)
        write(page, "Ring twice")
        choose(page, png().ljust(LARGEST + 1, b"x"))
        send(page)
        expect(page.get_by_text("Please choose a smaller one.").first).to_be_visible()
        expect(page.get_by_role("textbox", name="Comment")).to_have_value("Ring twice")
        domain.set_state("standby", "eastus")
        choose(page, png())
        send(page)
        expect(page.get_by_role("alert")).to_contain_text("running in the other region (West US)")
        expect(page.get_by_role("textbox", name="Comment")).to_have_value("Ring twice")
        domain.set_state("active", "eastus")
        choose(page, png())
        send(page)
        expect(page.get_by_role("img", name="Photo from Ada")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_said_fits_a_telephone_and_can_be_read(
        browser: Browser, url: str, domain: MemoryShipments, scheme: str) -> None:
    context = browser.new_context(base_url=url, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for page in opened(context):
        register(page)
        write(page)
        choose(page, png())
        send(page)
        expect(page.get_by_role("img", name="Photo from Ada")).to_be_visible()
        domain.set_state("fenced", "eastus", reason="moving to West US")
        send(page)
        expect(page.get_by_role("alert")).to_be_visible()
        domain.set_state("failover", "westus")
        expect(page.get_by_text(ASKS)).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"nothing makes the page scroll sideways, it is {wide} wide"
        poor = page.evaluate(CONTRAST)
        assert not poor, f"text of too little contrast (WCAG AA asks for 4.5): {poor}"
