"""Forms that may carry a photo (`multipart/form-data`, https://www.rfc-editor.org/rfc/rfc7578), read as they come."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from portal import photos
from portal.problems import Trouble

MULTIPART = "multipart/form-data"
LARGEST_FIELD, MOST_FIELDS = 65_536, 40
LARGEST = photos.LARGEST + 4 * LARGEST_FIELD
"""Bytes of a form with its photo, boundaries and headers included."""
PATIENCE = 64 * 1024 * 1024
"""Bytes that are still taken in, and thrown away, of a form that is too large: browsers show no answer before they have
sent everything, and lose what was typed when the connection is closed on them."""


@dataclass(frozen=True)
class Upload:
    """The fields, and the photo's bytes if one came; `too_large` when it was cut off, with the fields before it."""

    values: dict[str, str]
    photo: bytes | None = None
    too_large: bool = False


async def read_upload(request: Request) -> Upload:
    """Raises Trouble 400 for what is no such form, 413 for one beyond all patience."""
    stream = _Limited(request)
    parser = MultiPartParser(request.headers, stream.chunks(), max_files=1, max_fields=MOST_FIELDS,
                             max_part_size=LARGEST_FIELD)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Trouble(400, f"the form is not readable: {error.message}") from None
    except ClientDisconnect:
        raise Trouble(400, "the connection was closed before the whole form had come") from None
    values = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    photo = form.get("photo")
    if stream.too_large or not isinstance(photo, UploadFile) or not (photo.filename or photo.size):
        return Upload(values, too_large=stream.too_large)
    return Upload(values, await photo.read())


class _Limited:
    """The request's body up to the limit; the rest is read, not kept."""

    def __init__(self, request: Request):
        self._request, self._got = request, 0

    @property
    def too_large(self) -> bool:
        return self._got > LARGEST

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async for chunk in self._request.stream():
            self._got += len(chunk)
            if self._got > PATIENCE:
                raise Trouble(413, f"a form with a photo may have {LARGEST} bytes, this one has more than {PATIENCE}; "
                                   "send a smaller photo", headers={"Connection": "close"})
            if not self.too_large:
                yield chunk
