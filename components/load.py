"""Reads `platform` from the stack's configuration and says clearly what is wrong with it."""

import json
import typing

import pulumi
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from components.config import Platform

KEY = "platform"


class ConfigurationRefused(pulumi.RunError):
    """The configuration cannot work; Pulumi shows the message alone, without a stack trace."""


def load_platform(config: pulumi.Config) -> Platform:
    """Raises ConfigurationRefused with limit, value, reason and next act of each thing that is wrong.
    A value set with `--secret` is never shown."""
    full_name = f"{config.name}:{KEY}"
    text = config.get(KEY)
    if text is None:
        raise ConfigurationRefused(f"{full_name} is missing: it holds everything a stack decides; got nothing. "
                                   "Copy it from Pulumi.primary.yaml into this stack's file.")
    hidden = pulumi.runtime.is_config_secret(full_name)
    try:
        return Platform.model_validate_json(text, strict=False)
    except ValidationError as error:
        raise ConfigurationRefused(_explain(error, full_name, hidden)) from None


def _explain(error: ValidationError, name: str, hidden: bool) -> str:
    lines = [_line(problem, name, hidden) for problem in error.errors(include_url=False)]
    return "\n".join((f"{name}: {len(lines)} thing(s) to correct; nothing was changed.", *lines))


def _line(problem: typing.Any, name: str, hidden: bool) -> str:
    path = _path(problem["loc"])
    if hidden:
        return f"- {path or name}: not accepted ({problem['type']}); its value is secret and not shown. " \
               "Correct it with `pulumi config set --secret --path`."
    own = problem.get("ctx", {}).get("error")
    if isinstance(own, ValueError):
        return f"- {own}."
    meaning, model = _at(problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"- {path}: no such key; known are {', '.join(_fields(model))}. {meaning} " \
               f"Remove it with `pulumi config rm --path '{name}.{path}'`, or correct its spelling."
    got = "nothing" if problem["type"] == "missing" else json.dumps(problem["input"], default=str)[:120]
    return (f"- {path or name}: {problem['msg']}; got {got}. {meaning} "
            f"Set it with `pulumi config set --path '{name}.{path}' …`.")


def _path(location: tuple[int | str, ...]) -> str:
    """("regions", 1, "queueSku") -> regions[1].queueSku"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _at(location: tuple[int | str, ...]) -> tuple[str, type[BaseModel] | None]:
    """The description of the deepest field on the way to the error, which is its documentation, and its class."""
    model, meaning = Platform, ""
    for part in location:
        field = _fields(model).get(part) if isinstance(part, str) else None
        if field is not None:
            meaning, model = field.description or "", _model_in(field.annotation)
    return meaning, model


def _fields(model: type[BaseModel] | None) -> dict[str, FieldInfo]:
    """Name in the configuration -> field."""
    return {field.alias or key: field for key, field in model.model_fields.items()} if model else {}


def _model_in(annotation: typing.Any) -> type[BaseModel] | None:
    """The configuration class inside `Region`, `tuple[Region, Region]` or `tuple[Service, ...]`."""
    inner = [annotation, *typing.get_args(annotation)]
    return next((item for item in inner if isinstance(item, type) and issubclass(item, BaseModel)), None)
