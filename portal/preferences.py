"""What a caller asks for in headers: `Prefer: wait=n` (RFC 7240) and `Idempotency-Key` (IETF httpapi draft)."""

import re
from dataclasses import dataclass

from starlette.requests import Request

from portal.problems import Trouble

LONGEST_WAIT = 25
"""Seconds; below Front Door's 30 (https://learn.microsoft.com/azure/frontdoor/standard-premium/how-to-configure-origin)."""
LONGEST_KEY = 255
_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=$|[,;])', re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Preferences:
    """`wait`: seconds to wait for the result, 0 for none; `key`: what makes a repeated request the same one."""

    wait: int
    key: str | None

    @property
    def applied(self) -> dict[str, str]:
        return {"Preference-Applied": f"wait={self.wait}"} if self.wait else {}


def preferences(request: Request) -> Preferences:
    """Unknown preferences are ignored, as RFC 7240 asks; raises Trouble 400 for a key that cannot be kept."""
    found = _WAIT.search(",".join(request.headers.getlist("prefer")))
    key = request.headers.get("idempotency-key")
    if key is not None and not (len(key) <= LONGEST_KEY and _KEY.fullmatch(key)):
        raise Trouble(400, f"Idempotency-Key must be 1 to {LONGEST_KEY} visible ASCII characters, best a UUID; "
                           f"got {len(key)} characters")
    return Preferences(min(int(found[1]), LONGEST_WAIT) if found else 0, key)
