"""Photos: sent with a comment by form or API, kept only if they are photos, shown as nothing but images."""

import json

import httpx
import pytest

from portal.photos import LARGEST, media_type_of
from portal.uploads import PATIENCE
from tests.portal.fakes import MemoryShipments

JPEG, PNG, WEBP = b"\xff\xd8\xff\xe0 a jpeg", b"\x89PNG\r\n\x1a\n a png", b"RIFF\x10\0\0\0WEBPVP8 a webp"
PHOTOS = {"image/jpeg": JPEG, "image/png": PNG, "image/webp": WEBP}
NOT_PHOTOS = {"html": b"<script>alert(1)</script>", "svg": b"<svg onload='alert(1)'/>", "gif": b"GIF89a", "empty": b"",
              "half a signature": b"\x89PNG", "a sound": b"RIFF\x10\0\0\0WAVEfmt "}
TYPED = {"author": "Ada", "text": "The <box> is wet"}


@pytest.fixture
async def number(api: httpx.AsyncClient) -> str:
    return (await api.post("/api/shipments", json={})).json()["id"]


def form(content: bytes, name: str = "box.jpg", **fields: str) -> dict:
    """A browser's multipart form: the fields, then the file."""
    return {"data": TYPED | fields, "files": {"photo": (name, content, "image/jpeg")}}


async def photo_of(api: httpx.AsyncClient, number: str) -> dict:
    return (await api.get(f"/api/shipments/{number}")).json()["timeline"][-1]


@pytest.mark.parametrize("media_type", PHOTOS)
async def test_a_photo_alone_is_sent_and_got_back(
        api: httpx.AsyncClient, web: httpx.AsyncClient, number: str, media_type: str) -> None:
    answer = await api.post(f"/api/shipments/{number}/photos?author=Ada&text=wet", content=PHOTOS[media_type],
                            headers={"Content-Type": media_type})
    assert answer.status_code == 202 and answer.headers["shipment-durability"] == "two-regions", answer.text
    entry = await photo_of(api, number)
    assert (entry["author"], entry["text"]) == ("Ada", "wet"), entry
    for client, where in ((api, "/api/photos/"), (web, "/photos/")):
        shown = await client.get(where + entry["photo"])
        assert shown.content == PHOTOS[media_type] and shown.headers["content-type"] == media_type, shown.headers
        assert "sandbox" in shown.headers["content-security-policy"], "nothing in it can run"
        assert shown.headers["x-content-type-options"] == "nosniff", "nor be taken for something else"
        assert "immutable" in shown.headers["cache-control"], "a name is of one content"
        known = {"If-None-Match": shown.headers["etag"]}
        assert (await client.get(where + entry["photo"], headers=known)).status_code == 304, "kept by the reader"
        assert (await client.head(where + entry["photo"])).status_code == 200, where


async def test_a_photo_without_words_is_a_comment_all_the_same(api: httpx.AsyncClient, number: str) -> None:
    answer = await api.post(f"/api/shipments/{number}/photos", content=JPEG, headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 202, answer.text
    assert (await photo_of(api, number))["text"] == "Photo", "it is shown as what it is"


async def test_a_photo_is_sent_by_form(api: httpx.AsyncClient, number: str) -> None:
    answer = await api.post(f"/api/shipments/{number}/photos", **form(PNG), headers={"Prefer": "wait=1"})
    assert answer.status_code == 201 and answer.headers["shipment-durability"] == "two-regions", answer.text
    entry = await photo_of(api, number)
    assert entry["text"] == TYPED["text"] and entry["photo"].endswith(".png"), "named by what it is, not by its name"


async def test_a_photo_sent_twice_with_one_key_is_one_comment(
        api: httpx.AsyncClient, domain: MemoryShipments, number: str) -> None:
    sent = [await api.post(f"/api/shipments/{number}/photos", **form(PNG), headers={"Idempotency-Key": "k"})
            for _ in range(2)]
    assert sent[0].json() == sent[1].json() and len(domain.timeline[number]) == 2, "once, with its registration"


@pytest.mark.parametrize("content", NOT_PHOTOS.values(), ids=NOT_PHOTOS)
async def test_what_is_no_photo_is_refused_whatever_it_says_it_is(
        api: httpx.AsyncClient, web: httpx.AsyncClient, domain: MemoryShipments, number: str, content: bytes) -> None:
    where = f"/shipments/{number}"
    alone = await api.post(f"/api{where}/photos", content=content, headers={"Content-Type": "image/png"})
    in_form = await api.post(f"/api{where}/photos", **form(content))
    page = await web.post(f"{where}/comments", **form(content))
    assert [alone.status_code, in_form.status_code, page.status_code] == [415, 415, 422], alone.text
    assert "JPEG, PNG or WebP" in alone.json()["detail"], "what a photo is, is told"
    assert "Please choose a photo" in page.text and "The &lt;box&gt; is wet</textarea>" in page.text, "the text is kept"
    assert not domain.photos, "nothing of it is stored"
    domain.photos["0.jpg"] = content
    assert (await web.get("/photos/0.jpg")).status_code == 404, "even a stored one would never be shown"


@pytest.mark.parametrize(("size", "status"), [(LARGEST, 202), (LARGEST + 1, 413)])
async def test_a_photo_may_have_ten_mebibytes(api: httpx.AsyncClient, number: str, size: int, status: int) -> None:
    content = JPEG.ljust(size, b"x")
    where = f"/api/shipments/{number}/photos"
    alone = await api.post(where, content=content, headers={"Content-Type": "image/jpeg"})
    assert alone.status_code == status, alone.text
    in_form = await api.post(where, **form(content))
    assert in_form.status_code == status and (status == 202 or str(LARGEST) in in_form.json()["detail"]), in_form.text


@pytest.mark.parametrize("more", [1, 1024 * 1024], ids=["a byte", "a megabyte"])
async def test_a_form_with_a_photo_that_is_too_large_keeps_its_text(
        web: httpx.AsyncClient, domain: MemoryShipments, number: str, more: int) -> None:
    page = await web.post(f"/shipments/{number}/comments", **form(JPEG.ljust(LARGEST + more, b"x")))
    assert page.status_code == 422 and "choose a smaller one" in page.text, "what is wrong is told"
    assert "The &lt;box&gt; is wet</textarea>" in page.text and 'value="Ada"' in page.text, "what was typed is kept"
    assert not domain.photos, "nothing of it is stored"


async def test_nobody_is_listened_to_for_ever(api: httpx.AsyncClient, number: str) -> None:
    async def endless():
        yield b'--b\r\nContent-Disposition: form-data; name="photo"; filename="x"\r\n\r\n'
        for _ in range(PATIENCE // 2**20 + 2):
            yield b"x" * 2**20

    answer = await api.post(f"/api/shipments/{number}/photos", content=endless(),
                            headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 413, answer.text


FORM = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(("content", "media_type", "status"), [
    (b"{}", "application/json", 415), (b"x", "multipart/form-data", 400), (b"x", FORM, 400),
    (b"--b\r\n\r\nx\r\n--b--", FORM, 400),
    (b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nx\r\n--b--', FORM, 400)],
    ids=["json", "no boundary", "no parts", "no name", "no photo"])
async def test_a_form_that_is_none_is_a_problem(
        api: httpx.AsyncClient, number: str, content: bytes, media_type: str, status: int) -> None:
    answer = await api.post(f"/api/shipments/{number}/photos", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == status and answer.json()["detail"], answer.text


@pytest.mark.parametrize(("fields", "status"), [
    ({"kind": "capture-events"}, 400), ({"shipment": "X"}, 400), ({"surprise": "1"}, 400), ({"text": "x" * 4001}, 400)])
async def test_fields_that_no_comment_has_are_refused(
        api: httpx.AsyncClient, domain: MemoryShipments, number: str, fields: dict[str, str], status: int) -> None:
    answer = await api.post(f"/api/shipments/{number}/photos", **form(PNG, **fields))
    assert answer.status_code == status and not domain.photos, answer.text


async def test_a_comment_shows_its_photo(web: httpx.AsyncClient, number: str) -> None:
    answer = await web.post(f"/shipments/{number}/comments", **form(WEBP, name="../../etc/passwd"))
    assert answer.status_code == 303, answer.text
    page = await web.get(answer.headers["location"])
    name = page.text.partition('src="/photos/')[2].partition('"')[0]
    assert (await web.get(f"/photos/{name}")).headers["content-type"] == "image/webp", "the page leads to the photo"
    assert 'alt="Photo from Ada"' in page.text, "and says what it is"


async def test_a_form_without_a_chosen_photo_is_a_plain_comment(
        web: httpx.AsyncClient, api: httpx.AsyncClient, number: str) -> None:
    fields = {'name="author"': "Ada", 'name="text"': "Hm", 'name="photo"; filename=""': ""}  # as browsers send it
    parts = [f"--b\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n" for name, value in fields.items()]
    answer = await web.post(f"/shipments/{number}/comments", content="".join([*parts, "--b--"]),
                            headers={"Content-Type": FORM})
    assert answer.status_code == 303 and (await photo_of(api, number))["photo"] is None, answer.text


async def test_a_photo_in_one_region_makes_the_comment_as_durable_as_that(
        api: httpx.AsyncClient, domain: MemoryShipments, number: str) -> None:
    async def here_only(content: bytes, media_type: str) -> tuple[str, str]:
        return "a.png", "one-region"

    domain.put_photo = here_only
    answer = await api.post(f"/api/shipments/{number}/photos", **form(PNG))
    assert answer.headers["shipment-durability"] == "one-region" == answer.json()["durability"], json.dumps(dict(
        answer.headers))


async def test_nothing_is_stored_while_the_region_takes_no_writes(
        api: httpx.AsyncClient, web: httpx.AsyncClient, domain: MemoryShipments, number: str) -> None:
    domain.set_state("fenced", "eastus", reason="moving")
    refused = await api.post(f"/api/shipments/{number}/photos", **form(PNG))
    assert refused.status_code == 503 and not domain.photos, "the state is checked first"
    page = await web.post(f"/shipments/{number}/comments", **form(PNG))
    assert page.status_code == 503 and int(page.headers["retry-after"]) > 0, "and the form says the same"
    assert "photo has to be chosen again" in page.text and "is wet</textarea>" in page.text, "what is kept, what not"


@pytest.mark.parametrize("name", ["nothing.jpg", "%0d%0aX: 1", "..%2f..%2fetc", "%C3%A4.jpg", "a" * 300])
async def test_a_photo_that_is_not_there_is_a_404(web: httpx.AsyncClient, api: httpx.AsyncClient, name: str) -> None:
    for client, where in ((web, "/photos/"), (api, "/api/photos/")):
        assert (await client.get(where + name)).status_code == 404, f"{where}{name} is just not there"
        known = await client.get(where + name, headers={"If-None-Match": f'"{name}"'})
        assert known.status_code in (304, 404), f"{where}{name} got {known.status_code}"


def test_only_the_first_bytes_count() -> None:
    assert {kind: media_type_of(content) for kind, content in PHOTOS.items()} == {kind: kind for kind in PHOTOS}, "all"
    assert not any(media_type_of(content) for content in NOT_PHOTOS.values()), "and nothing else"
