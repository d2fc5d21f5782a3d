"""What drills leave behind: `latest.json` for machines, `latest.html` for people, both in the drills' folder.

The HTML holds everything that it shows, so it can be kept and mailed; it follows the reader's light or dark setting.
"""

import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from failover.drill.history import History
from failover.drill.result import Result
from failover.drill.target import Target
from failover.drill.timeline import draw

_templates = Environment(loader=PackageLoader("failover.drill"), autoescape=True, undefined=StrictUndefined,
                         trim_blocks=True, lstrip_blocks=True)


def write(target: Target, results: Sequence[Result], histories: Sequence[Path]) -> Path:
    """Replaces both files, each in one step -> the HTML's path.  `histories`: the record of each result."""
    target.folder.mkdir(parents=True, exist_ok=True)
    _replace(target.folder / "latest.json", orjson.dumps([result.row() for result in results],
                                                         option=orjson.OPT_INDENT_2))
    page = target.folder / "latest.html"
    _replace(page, html(results, histories, (target.home, target.other)).encode())
    return page


def html(results: Sequence[Result], histories: Sequence[Path], regions: tuple[str, str]) -> str:
    """A self-contained page about all results, one after the other."""
    shown = [(result, draw(History.read(path), regions)) for result, path in zip(results, histories, strict=True)]
    return _templates.get_template("report.html").render(
        shown=shown, regions=regions, made=datetime.now(UTC).isoformat(timespec="seconds"))


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(name, 0o644)
    os.replace(name, path)
