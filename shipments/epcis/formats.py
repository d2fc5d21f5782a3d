"""The value formats of EPCIS JSON as pydantic types: URI (RFC 3986), time (RFC 3339), patterns, unique lists.

Everything is strict: `"1"` is no number, `true` is no number, `null` is no absent member.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shipments.epcis.problems import shown

_PCT = "%[0-9A-Fa-f]{2}"
_UNRESERVED, _SUB = r"A-Za-z0-9._~\-", r"!$&'()*+,;="
_PCHAR = f"(?:[{_UNRESERVED}{_SUB}:@]|{_PCT})"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_H16, _V4 = "[0-9A-Fa-f]{1,4}", rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_LS32 = f"(?:{_H16}:{_H16}|{_V4})"
_V6 = "|".join([
    f"(?:{_H16}:){{6}}{_LS32}", f"::(?:{_H16}:){{5}}{_LS32}", f"(?:{_H16})?::(?:{_H16}:){{4}}{_LS32}",
    *(f"(?:(?:{_H16}:){{0,{n}}}{_H16})?::(?:{_H16}:){{{4 - n}}}{_LS32}" for n in (1, 2, 3)),
    f"(?:(?:{_H16}:){{0,4}}{_H16})?::{_LS32}", f"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}",
    f"(?:(?:{_H16}:){{0,6}}{_H16})?::",
])
_HOST = rf"(?:\[(?:{_V6}|[vV][0-9A-Fa-f]+\.[{_UNRESERVED}{_SUB}:]+)\]|(?:[{_UNRESERVED}{_SUB}]|{_PCT})*)"
_AUTHORITY = f"//(?:(?:[{_UNRESERVED}{_SUB}:]|{_PCT})*@)?{_HOST}(?::[0-9]*)?(?:/{_PCHAR}*)*"
URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*:(?:{_AUTHORITY}|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*|)"
    rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?")
"""An absolute URI with its scheme, as https://www.rfc-editor.org/rfc/rfc3986#appendix-A spells it."""

TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))")


class Strict(BaseModel):
    """Members keep the standard's own names; prefixed ones (`ext:name`) are user extensions and stay as they came."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


def uri(text: str) -> str:
    if not URI.fullmatch(text):
        raise PydanticCustomError("uri", "not a URI with a scheme (RFC 3986): {value}", {"value": shown(text)})
    return text


def moment(text: str) -> datetime:
    """An RFC 3339 time in UTC. A leap second is the first instant after it. Raises ValueError."""
    found = TIME.fullmatch(text)
    if not found:
        raise ValueError("not of the form 2026-01-31T12:00:00.000+01:00")
    day, minutes, seconds, fraction, sign, hours, offset_minutes = found.groups()
    leap = seconds == "60"
    micros = (fraction or ".0")[1:7].ljust(6, "0")
    local = datetime.fromisoformat(f"{day}T{minutes}:{'59' if leap else seconds}.{'999999' if leap else micros}")
    if int(hours or 0) > 23 or int(offset_minutes or 0) > 59:
        raise ValueError("the offset must be within ±23:59")
    offset = timedelta(hours=int(hours or 0), minutes=int(offset_minutes or 0)) * (-1 if sign == "-" else 1)
    instant = (local - offset).replace(tzinfo=UTC)
    if leap and (instant.hour, instant.minute) != (23, 59):
        raise ValueError("second 60 exists only in the last minute of a day in UTC")
    return instant + timedelta(microseconds=1) if leap else instant


def time(text: str) -> str:
    try:
        moment(text)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("time", "not a time (RFC 3339, years 1 to 9999): {value}: {why}",
                                  {"value": shown(text), "why": str(error)}) from None
    return text


def equality_key(value: Any) -> Any:
    """Equal for two JSON values exactly when JSON Schema calls them equal (1 and 1.0 are, 1 and true are not)."""
    if isinstance(value, dict):
        return frozenset((name, equality_key(member)) for name, member in value.items())
    if isinstance(value, list):
        return tuple(equality_key(member) for member in value)
    return (type(value) is bool, value)


def unique(values: list[Any]) -> list[Any]:
    if len({equality_key(value) for value in values}) < len(values):
        raise PydanticCustomError("unique", "the same value is listed twice; list each once")
    return values


def context(value: Any) -> Any:
    """`@context`: a URI, an object of prefixes, or a list of both in which nothing is repeated."""
    for entry in unique(value) if isinstance(value, list) else [value]:
        if isinstance(entry, str):
            uri(entry)
        elif not isinstance(entry, dict):
            raise PydanticCustomError("context", "must be a URI, an object of prefixes, or a list of these")
    return value


def one_or_many_uris(value: Any) -> Any:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) for entry in values):
        raise PydanticCustomError("uris", "must be a URI or a list of URIs")
    for entry in values:
        uri(entry)
    return value


def _not_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null", "null is not a value here; leave the member out")
    return value


URI_SCHEMA = {"type": "string", "format": "uri"}
CONTEXT_ENTRY = {"anyOf": [URI_SCHEMA, {"type": "object"}]}
Uri = Annotated[str, AfterValidator(uri), Field(json_schema_extra=URI_SCHEMA)]
Time = Annotated[str, AfterValidator(time), Field(json_schema_extra={"format": "date-time"})]
Context = Annotated[Any, AfterValidator(context), Field(json_schema_extra={
    "anyOf": [*CONTEXT_ENTRY["anyOf"], {"type": "array", "uniqueItems": True, "items": CONTEXT_ENTRY}]})]
Uris = Annotated[Any, AfterValidator(one_or_many_uris), Field(json_schema_extra={
    "anyOf": [URI_SCHEMA, {"type": "array", "items": URI_SCHEMA}]})]
Offset = Annotated[str, Field(pattern=r"^[+-]((0[0-9]|1[0-3]):([0-5][0-9])|14:00)$")]
Version = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$")]
UnitOfMeasure = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,3}$")]
HexBinary = Annotated[str, Field(pattern=r"^[A-Fa-f0-9]+$")]
UNIQUE_ITEMS = Field(json_schema_extra={"uniqueItems": True})
Unique = AfterValidator(unique)
NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, Field(json_schema_extra={"pattern": NO_NUL})]
Object = Annotated[dict[str, Any], BeforeValidator(_not_null)]
