"""What is deployed: the files of each app's zip, the same bytes from every clone of the same sources."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD_FILE = "build.json"
PACKAGES = {
    "portal": {"portal": "portal", "shipments": "shipments", "portal/requirements.txt": "requirements.txt"},
    "functions": {"functions": "", "shipments": "shipments"},
    "site": {"site": ""},
}
"""Package -> {folder or file of the repository: where it lies in the package}."""


@dataclass(frozen=True)
class Package:
    """`contents`: path in the package -> content, sorted."""

    name: str
    contents: Mapping[str, bytes]

    @cached_property
    def files(self) -> dict[str, str]:
        """Path -> first 8 hexadecimal digits of its sha256, so that a preview names the file that changed."""
        return {path: hashlib.sha256(content).hexdigest()[:8] for path, content in self.contents.items()}

    @cached_property
    def sha256(self) -> str:
        """Of paths and contents, not of the zip: compression may differ between machines, meaning does not."""
        whole = hashlib.sha256()
        for path, content in self.contents.items():
            whole.update(f"{path}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        return whole.hexdigest()

    @property
    def build(self) -> str:
        """What an instance says it runs: the first 12 digits."""
        return self.sha256[:12]

    def archive(self) -> bytes:
        """The zip to post, with `build.json` at its root."""
        buffer = io.BytesIO()
        build = json.dumps({"build": self.build}).encode()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
            for path, content in {**self.contents, BUILD_FILE: build}.items():
                zipped.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()


def load(name: str) -> Package:
    """Reads a package as the clone has it now, without what Python or an editor left behind.
    Raises FileNotFoundError when a folder of the package is missing."""
    found = {}
    for source, target in PACKAGES[name].items():
        path = ROOT / source
        if not path.exists():
            raise FileNotFoundError(f"package {name!r} needs {source}; it is not in {ROOT}; check the clone")
        for file in _files(path):
            found["/".join(filter(None, (target, *file.relative_to(path).parts)))] = file.read_bytes()
    return Package(name, dict(sorted(found.items())))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in path.rglob("*"):
        parts = file.relative_to(path).parts
        if file.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in parts) \
                and not file.name.endswith((".pyc", "~")):
            yield file
