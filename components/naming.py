"""Names within Azure's limits, the same in every preview, and the tags of every resource."""

import hashlib
import re
from dataclasses import dataclass, field

import pulumi

from components.regions import REGIONS

LIMITS = {
    "rg": (90, r"[\w.()-]+(?<!\.)"),
    "id": (63, r"[a-zA-Z0-9][\w-]{2,}"),
    "st": (24, r"[a-z0-9]{3,}"),
    "redis": (60, r"[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*"),
    "psql": (63, r"[a-z0-9][a-z0-9-]+[a-z0-9]"),
    "plan": (60, r"[\w-]+"),
    "app": (59, r"[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]"),
    "kv": (24, r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]+[a-zA-Z0-9]"),
    "log": (63, r"[a-zA-Z0-9][a-zA-Z0-9-]{2,}[a-zA-Z0-9]"),
    "appi": (260, r"[\w.()-]+(?<!\.)"),
    "ag": (260, r"[\w.() -]+(?<![. ])"),
    "alert": (260, r"[^*#&+:<>?@%{}\\/]+(?<![. ])"),
    "afd": (46, r"[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]"),
}
"""Kind of resource -> (most characters, pattern).  Identities are also PostgreSQL role names, hence 63;
App Service sites end at 59 because their unique host names do.
https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"""


class NameRefused(pulumi.RunError, ValueError):
    """A name that Azure would refuse."""


@dataclass(frozen=True)
class Naming:
    """Makes every physical name.  `suffix` makes the globally unique ones unique: six hexadecimal digits
    of subscription, project and stack, so that two clones of one stack agree and two stacks differ."""

    platform: str
    stack: str
    suffix: str
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, platform: str, subscription: str, project: str, stack: str, tags: dict[str, str]) -> "Naming":
        suffix = hashlib.sha256(f"{subscription}/{project}/{stack}".encode()).hexdigest()[:6]
        return cls(platform, stack, suffix, {"platform": platform, "stack": stack, **tags})

    def group(self, part: str) -> str:
        return self._checked("rg", f"rg-{self.platform}-{self.stack}-{part}")

    def of_kind(self, kind: str, *parts: str) -> str:
        """`kind-platform-part-…-suffix`; raises NameRefused when it does not fit Azure's limit."""
        return self._checked(kind, "-".join((kind, self.platform, *parts, self.suffix)))

    def storage(self, kind: str, region: str) -> str:
        """Storage account names have 24 lower-case letters and digits, so `kind` is one letter here."""
        return self._checked("st", f"{self.platform.replace('-', '')}{kind}{REGIONS[region].short}{self.suffix}")

    @staticmethod
    def _checked(kind: str, name: str) -> str:
        limit, pattern = LIMITS[kind]
        if len(name) > limit or not re.fullmatch(pattern, name):
            raise NameRefused(f"a name of kind {kind} has at most {limit} characters of the form {pattern}; "
                              f"got {name!r} ({len(name)}); choose a shorter platform, stack or service name")
        return name
