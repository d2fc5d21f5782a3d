"""Reads `platform` from the stack's configuration and says clearly what is wrong with it."""

import json
import typing

import pulumi
from pydantic import BaseModel, ValidationError

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
    got = "nothing" if problem["type"] == "missing" else json.dumps(problem["input"], default=str)[:120]
    return (f"- {path or name}: {problem['msg']}; got {got}. {_meaning(problem['loc'])} "
            f"Correct it with `pulumi config set --path '{name}.{path}' …`.")


def _path(location: tuple[int | str, ...]) -> str:
    """("regions", 1, "queueSku") -> regions[1].queueSku"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _meaning(location: tuple[int | str, ...]) -> str:
    """The description of the deepest field on the way to the error, which is its documentation."""
    model, found = Platform, ""
    for part in location:
        fields = {field.alias or key: field for key, field in model.model_fields.items()} if model else {}
        if isinstance(part, str) and part in fields:
            found, model = fields[part].description or "", _model_in(fields[part].annotation)
    return found


def _model_in(annotation: typing.Any) -> type[BaseModel] | None:
    """The configuration class inside `Region`, `tuple[Region, Region]` or `tuple[Service, ...]`."""
    inner = [annotation, *typing.get_args(annotation)]
    return next((item for item in inner if isinstance(item, type) and issubclass(item, BaseModel)), None)
