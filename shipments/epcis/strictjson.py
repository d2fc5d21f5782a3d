"""JSON that can be kept and given back unchanged: UTF-8, no NaN, no duplicate names, no NUL, numbers that survive.

The reader refuses what RFC 8259 calls non-interoperable (https://www.rfc-editor.org/rfc/rfc8259#section-4,
#section-6) and what PostgreSQL's `jsonb` cannot hold (\\u0000, https://www.postgresql.org/docs/15/datatype-json.html).
"""

import json
import math
import re
from typing import Any

from shipments.epcis.problems import Problem, Refused, pointer, shown

DEEPEST = 64
"""Levels of nesting; the deepest of GS1's own examples has 12."""

INTEGERS = range(-(2**63), 2**64)
"""Whole numbers that every JSON reader on the way keeps exactly."""

NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def read_json(body: bytes) -> Any:
    """The value of a JSON text. Raises Refused; the problem of unreadable text points at line and column."""
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_constant,
                           object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise _refused(f"the body is not UTF-8 (byte {error.start}); send JSON encoded as UTF-8") from None
    except json.JSONDecodeError as error:
        raise _refused(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _refused(f"nested deeper than {DEEPEST} levels") from None
    check_storable(value)
    return value


def check_storable(value: Any) -> None:
    """Raises Refused when a value nests too deep or a text in it cannot be stored; walks without recursion."""
    waiting: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    while waiting:
        item, path = waiting.pop()
        if len(path) >= DEEPEST and isinstance(item, dict | list):
            raise _refused(f"nested deeper than {DEEPEST} levels", *path[:8])
        if isinstance(item, dict):
            for name, member in item.items():
                _check_text(name, path)
                waiting.append((member, (*path, name)))
        elif isinstance(item, list):
            waiting.extend((member, (*path, index)) for index, member in enumerate(item))
        elif isinstance(item, str):
            _check_text(item, path)


def _check_text(text: str, path: tuple[str | int, ...]) -> None:
    if found := NOT_STORABLE.search(text):
        raise _refused(f"the character U+{ord(found[0]):04X} cannot be stored; remove it", *path)


def _integer(digits: str) -> int:
    if len(digits) > 20 or (value := int(digits)) not in INTEGERS:
        raise _refused(f"the number {shown(digits)} is beyond 64 bits and would not be kept exactly; send a text")
    return value


def _number(digits: str) -> float:
    if math.isinf(value := float(digits)):
        raise _refused(f"the number {shown(digits)} is beyond what a 64-bit float holds (1.8e308)")
    return value


def _constant(name: str) -> None:
    raise _refused(f"{name} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused(f"the name {shown(twice)} occurs twice in one object; readers disagree on which one counts")
    return value


def _refused(reason: str, *path: str | int) -> Refused:
    return Refused([Problem(pointer(*path), reason)])
