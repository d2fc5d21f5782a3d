"""What the browser tests share: opening a page that watches for complaints, registering, measuring contrast."""

import shutil
from collections.abc import Iterator

from playwright.sync_api import BrowserContext, Page, expect

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
expect.set_options(timeout=15_000)


def opened(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test for anything that the browser complains about."""
    context.set_default_timeout(15_000)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    page.goto("/")
    yield page
    context.close()
    assert not complaints, f"the browser complains: {complaints}"


def register(page: Page) -> str:
    """By its labels, as people find the fields -> the shipment's number."""
    for label, value in (("Sender", "Ada"), ("Recipient", "Ben"), ("From", "Boston")):
        page.get_by_label(label).fill(value)
    page.get_by_label("To", exact=True).fill("Seattle")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Registered")
    return page.url.rpartition("/")[2].partition("?")[0]


CONTRAST = """() => {
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
    const [a, b] = [light(colour(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push([element.tagName, element.textContent.trim().slice(0, 30), contrast.toFixed(2)]);
  }
  return found;
}"""
"""WCAG 2.2's contrast of every text with what is behind it (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
