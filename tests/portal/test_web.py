"""The web app without a browser: forms keep what was typed, other sites cannot post, every page is guarded."""

from html.parser import HTMLParser

import httpx
import pytest

from portal.web.wording import place, words
from tests.portal.fakes import MemoryShipments

FIELDS = {"sender": "Ada & Co", "recipient": "Ben", "origin": "Boston", "destination": "Seattle", "key": "k-1"}
OURS = {"Sec-Fetch-Site": "same-origin"}


async def registered(web: httpx.AsyncClient) -> str:
    answer = await web.post("/shipments", data=FIELDS, headers=OURS)
    assert answer.status_code == 303, answer.text[:500]
    return answer.headers["location"]


async def test_registering_leads_to_the_shipments_page(web: httpx.AsyncClient) -> None:
    page = await web.get(await registered(web))
    assert page.status_code == 200 and "Ada &amp; Co" in page.text, "what was registered is shown, escaped"
    assert "Served from <strong>East US</strong>" in page.text and "0123456789ab" in page.text, "who served it is shown"


async def test_a_form_sent_twice_is_one_shipment(web: httpx.AsyncClient, domain: MemoryShipments) -> None:
    assert await registered(web) == await registered(web), "the hidden key makes it the same command"
    assert len(domain.timeline) == 1, "a double click registers nothing twice"


@pytest.mark.parametrize(("changes", "said"), [
    ({"recipient": " "}, "Please fill this in."), ({"weightKg": "heavy"}, "Please give a number"),
    ({"weightKg": "-1"}, "Must be more than 0."), ({"sender": "x" * 201}, "At most 200 characters."),
    ({"trackingNumber": "a"}, "neither a tracking number"), ({"sscc": "106141412345678901"}, "check digit")])
async def test_a_refused_form_keeps_what_was_typed(web: httpx.AsyncClient, changes: dict[str, str], said: str) -> None:
    answer = await web.post("/shipments", data=FIELDS | changes, headers=OURS)
    assert answer.status_code == 422 and said in answer.text, "what is wrong is told"
    assert 'value="Boston"' in answer.text, "what was typed is kept"
    assert 'aria-invalid="true"' in answer.text and "aria-describedby" in answer.text, "screen readers are told too"


@pytest.mark.parametrize("trouble", ["queues", "fenced"])
async def test_a_form_that_cannot_be_saved_now_keeps_what_was_typed(
        web: httpx.AsyncClient, domain: MemoryShipments, trouble: str) -> None:
    where = await registered(web)
    if trouble == "fenced":
        domain.set_state("fenced", "eastus")
    else:
        domain.down.add(trouble)
    typed = {"author": "Ada", "text": "Ring <twice>"}
    answer = await web.post(where.partition("?")[0] + "/comments", data=typed, headers=OURS)
    assert answer.status_code == 503 and "Ring &lt;twice&gt;</textarea>" in answer.text, "nothing is lost"


async def test_a_form_sent_again_after_it_could_not_be_saved_is_the_same_command(
        web: httpx.AsyncClient, domain: MemoryShipments) -> None:
    domain.set_state("fenced", "eastus")
    refused = await web.post("/shipments", data=FIELDS, headers=OURS)
    assert 'name="key" value="k-1"' in refused.text, "its first sending may have arrived after all"
    domain.set_state("active", "eastus")
    await registered(web)
    other = await web.post("/shipments", data=FIELDS | {"sender": "Eve"}, headers=OURS)
    assert "sent before with another content" in other.text, "the same key with another content is not taken"
    assert 'value="k-1"' not in other.text and 'value="Eve"' in other.text, "sent once more, it is a command of its own"


async def test_a_comment_keeps_its_text_also_while_the_shipment_cannot_be_shown(
        web: httpx.AsyncClient, domain: MemoryShipments) -> None:
    where = (await registered(web)).partition("?")[0]
    domain.down |= {"queues", "database"}
    answer = await web.post(where + "/comments", data={"author": "Ada", "text": "Ring <twice>"}, headers=OURS)
    assert answer.status_code == 503 and "Ring &lt;twice&gt;</textarea>" in answer.text, "nothing is lost"
    assert f'action="{where}/comments"' in answer.text, "and it can be sent again from there"


async def test_what_is_durable_is_not_called_a_failure_when_nothing_more_can_be_read(
        web: httpx.AsyncClient, domain: MemoryShipments) -> None:
    domain.down.add("database")
    answer = await web.post("/shipments", data=FIELDS, headers=OURS)
    assert answer.status_code == 303 and len(domain.bodies) == 1, "told otherwise, people send it again"
    page = await web.get(answer.headers["location"])
    assert page.status_code == 503 and 'http-equiv="refresh"' in page.text, "the page comes by itself when it can"


@pytest.mark.parametrize(("headers", "status"), [
    ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "same-origin"}, 303),
    ({"Origin": "http://portal.example"}, 303),
    ({"Origin": "http://edge.example", "X-Forwarded-Host": "edge.example"}, 303), ({}, 303)])
async def test_only_our_own_pages_may_post(web: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    assert (await web.post("/shipments", data=FIELDS, headers=headers)).status_code == status, f"sent with {headers}"


async def test_what_is_accepted_but_not_applied_refreshes_itself(
        web: httpx.AsyncClient, domain: MemoryShipments) -> None:
    domain.hold = True
    where = await registered(web)
    page = await web.get(where)
    assert page.status_code == 202 and "Stored safely" in page.text, "the page says that it is on its way"
    refresh = f'<noscript><meta http-equiv="refresh" content="2; url={where}&amp;tries=1"></noscript>'
    assert refresh in page.text, "without JavaScript, the page asks again by itself"
    last = await web.get(where + "&tries=20")
    assert "http-equiv" not in last.text, "it does not ask for ever"
    domain.apply()
    assert (await web.get(where)).status_code == 200, "then it is there"


async def test_an_unknown_shipment_is_a_404_page(web: httpx.AsyncClient) -> None:
    page = await web.get("/shipments/TPUNKNOWN1")
    assert page.status_code == 404 and "do not know this shipment" in page.text, page.status_code


@pytest.mark.parametrize(("typed", "where"), [
    (" tp-123 456 ", "/shipments/TP-123456"), ("(00) 106141412345678908", "/shipments/106141412345678908")])
async def test_a_number_may_be_typed_in_any_spelling(web: httpx.AsyncClient, typed: str, where: str) -> None:
    answer = await web.get("/track", params={"number": typed})
    assert answer.status_code == 303 and answer.headers["location"] == where, answer.headers


async def test_a_number_that_is_none_stays_in_the_field(web: httpx.AsyncClient) -> None:
    answer = await web.get("/track", params={"number": '"><b>'})
    assert answer.status_code == 422 and 'value="&#34;&gt;&lt;b&gt;"' in answer.text, "escaped, and still there"


@pytest.mark.parametrize("path", ["/", "/shipments/TPUNKNOWN1", "/shipments/~", "/nowhere", "/livez"])
async def test_every_answer_is_guarded(web: httpx.AsyncClient, path: str) -> None:
    headers = (await web.get(path)).headers
    assert "default-src 'none'" in headers["content-security-policy"], "nothing from elsewhere runs here"
    assert "unsafe" not in headers["content-security-policy"], "and nothing inline"
    assert headers["x-frame-options"] == "DENY" and headers["x-served-by"] == "eastus/0123456789ab", headers


@pytest.mark.parametrize(("state", "region", "said"), [
    ("standby", "westus", "updates may appear late"), ("failover", "westus", "Running in the standby region"),
    ("fenced", "eastus", "Read-only")])
async def test_pages_say_where_the_service_stands(
        web: httpx.AsyncClient, domain: MemoryShipments, state: str, region: str, said: str) -> None:
    assert 'class="banner" role="status"><span' not in (await web.get("/")).text, "as usual: no banner"
    domain.set_state(state, region)
    assert said in (await web.get("/")).text, f"a banner while {state}"


async def test_broken_requests_get_pages_not_failures(web: httpx.AsyncClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"} | OURS
    for content, headers, status in ((b"a=%ff", form, 400), (b"&".join([b"a=b"] * 100), form, 400),
                                     (b"x" * 70_000, form, 413), (b"{}", OURS, 415)):
        answer = await web.post("/shipments", content=content, headers=headers)
        assert answer.status_code == status and "<h1>" in answer.text, f"{content[:10]!r} got {answer.status_code}"
    for path in ("/shipments/%00", "/shipments/TPX?command=%00&tries=x", "/track?number=%00"):
        assert (await web.get(path)).status_code in (404, 422), f"{path} is just not there"


async def test_pages_are_well_formed(web: httpx.AsyncClient) -> None:
    """Every element that is opened is closed, every field has a label, every id is there once."""
    for path in ("/", await registered(web), "/shipments/TPUNKNOWN1", "/nowhere"):
        outline = Outline()
        outline.feed((await web.get(path)).text)
        assert not outline.open, f"{path} leaves {outline.open} open"
        assert outline.fields <= outline.labels, f"{path}: fields without a label: {outline.fields - outline.labels}"
        assert len(outline.ids) == len(set(outline.ids)), f"{path} repeats an id"
        assert outline.headings[0] == 1 and outline.headings.count(1) == 1, f"{path} has one main heading"


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fields, self.labels = set[str](), set[str]()
        self.ids: list[str] = []
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("meta", "link", "input", "img"):
            self.open.append(tag)
        if tag in ("input", "textarea") and given.get("type") != "hidden":
            self.fields.add(str(given.get("id")))
        if tag == "label":
            self.labels.add(str(given["for"]))
        if "id" in given:
            self.ids.append(str(given["id"]))
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"


def test_places_and_steps_are_said_in_plain_words() -> None:
    assert place("urn:epc:id:sgln:0614141.07346.dock%205") == "GLN 0614141.07346 · dock 5", "a GLN with its extension"
    assert place("urn:epc:id:sgln:0614141.07346.0") == "GLN 0614141.07346", "extension 0 means none"
    assert place("https://hub.example.com/a/?x=1") == "hub.example.com/a", "an address without its query"
    assert words("staging_outbound") == "Staging outbound", "a CBV step"
    assert words("https://mill.example.com/steps/un-clipping/") == "Un clipping", "somebody's own step"
