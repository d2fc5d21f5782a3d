"""Photos of shipments: sending one with a comment, and getting one back."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal import photos
from portal.api.documentation import KEY, PREFER, errors, parameters, query, receipts, request_body
from portal.api.receipts import submit
from portal.api.schemas import PHOTO, PHOTO_FORM, PHOTO_WORDS
from portal.api.shipments import checked
from portal.bodies import read_body
from portal.problems import Trouble
from portal.uploads import MULTIPART, read_upload
from shipments.commands import AddComment

router = APIRouter(tags=["shipments"])

UNSAID = {"author": "Unnamed", "text": "Photo"}
"""What a photo without words is shown with."""
ALONE = dict.fromkeys(photos.MEDIA_TYPES, PHOTO)
WORDS = (query(name, schema, f"{schema['description']}, of a photo sent alone") for name, schema in PHOTO_WORDS.items())


@router.post("/api/shipments/{shipment_id}/photos", status_code=202,
             responses=receipts(201) | errors(400, 404, 409, 413, 415, 422, 503),
             openapi_extra=request_body({MULTIPART: PHOTO_FORM} | ALONE) | parameters(PREFER, KEY, *WORDS))
async def add(shipment_id: str, request: Request) -> Response:
    """Add a photo to a shipment, with a comment if wanted: a form with the photo, or the photo alone."""
    said, photo = await _read(request)
    comment = checked(UNSAID | {name: value for name, value in said.items() if value.strip()}, AddComment,
                      shipment=shipment_id)
    return await submit(request, comment, done=201, photo=photo)


@router.head("/api/photos/{name}", include_in_schema=False)
@router.get("/api/photos/{name}", response_class=Response, responses={
    200: {"description": "The photo", "content": {name: {"schema": schema} for name, schema in ALONE.items()}},
    304: {"description": "Not changed"}} | errors(404, 503))
async def show(name: str, request: Request) -> Response:
    """A photo, by the name that the shipment's timeline gives."""
    return await photos.show(request)


async def _read(request: Request) -> tuple[dict[str, str], bytes]:
    """The words and the photo; raises Trouble."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in photos.MEDIA_TYPES:
        asked = {name: request.query_params[name] for name in PHOTO_WORDS if name in request.query_params}
        return asked, await read_body(request, photos.LARGEST)
    if media_type != MULTIPART:
        types = (*photos.MEDIA_TYPES, MULTIPART)
        raise Trouble(415, f"Content-Type {media_type[:60]!r} is not taken here; send {' or '.join(types)}",
                      headers={"Accept": ", ".join(types)})
    upload = await read_upload(request)
    if upload.too_large:
        raise Trouble(413, f"a photo may have {photos.LARGEST} bytes, this form has more; send a smaller one")
    if upload.photo is None:
        raise Trouble(400, "the form has no file in its field `photo`; add one")
    return upload.values, upload.photo
