"""The package: its functions, loaded from `function_app.py` and checked against what this host can run."""

import importlib
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.functions.decorators.function_app import FunctionRegister

from .hostjson import Refused

TRIGGERS = {"queueTrigger": ("queueName",), "timerTrigger": ("schedule",), "blobTrigger": ("path",), "httpTrigger": ()}
"""The triggers that run here, each with the properties in which `%SETTING%` is resolved."""


@dataclass(frozen=True)
class Function:
    """One function: `trigger` is its binding in function.json's form, with settings resolved."""

    name: str
    call: Callable[..., Any]
    trigger: dict[str, Any]
    is_async: bool
    takes_context: bool


def enter(package: Path) -> None:
    """Make the package the import root and the working directory; the checkout that holds this host leaves sys.path."""
    checkout = str(Path(__file__).parents[2])
    sys.path[:] = [str(package), *(entry for entry in sys.path if entry not in ("", ".", checkout, str(package)))]
    os.chdir(package)


def load() -> list[Function]:
    """Every enabled function of the entered package.

    Refused: an import that fails, a missing app, and by name every trigger, binding or policy that this host lacks.
    https://learn.microsoft.com/azure/azure-functions/functions-reference-python
    https://learn.microsoft.com/azure/azure-functions/disable-function
    """
    try:
        module = importlib.import_module("function_app")
    except Exception as error:
        raise Refused(f"function_app.py cannot be imported: {type(error).__name__}: {error}") from error
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise Refused(f"function_app.py must hold exactly one FunctionApp, found {len(apps)}")
    declared = {function.get_function_name(): function for function in apps[0].get_functions()}
    if problems := [f"function {name}: {problem}" for name, f in declared.items() for problem in _problems(f)]:
        raise Refused("this host cannot run the package: " + "; ".join(problems))
    disabled = {name for name in declared if os.environ.get(f"AzureWebJobs.{name}.Disabled", "").lower() == "true"}
    return [_function(name, function) for name, function in declared.items() if name not in disabled]


def _problems(function: Any) -> Iterator[str]:
    bindings = json.loads(function.get_function_json())["bindings"]
    if not function.get_trigger():
        yield "it has no trigger"
    if function.get_setting("retry_policy"):
        yield "retry policies are not supported"
    for binding in bindings:
        if binding["type"] not in (*TRIGGERS, "http"):
            kind = "trigger" if binding["type"].endswith("Trigger") else "binding"
            yield f"{kind} {binding['type']} is not supported"
        if binding.get("authLevel", "ANONYMOUS") != "ANONYMOUS":
            yield f"auth level {binding['authLevel']} needs keys: only ANONYMOUS is supported"


def _function(name: str, function: Any) -> Function:
    trigger = next(b for b in json.loads(function.get_function_json())["bindings"] if b["type"] in TRIGGERS)
    trigger |= {key: resolve(trigger[key]) for key in TRIGGERS[trigger["type"]]}
    call = function.get_user_function()
    return Function(name, call, trigger, inspect.iscoroutinefunction(call),
                    "context" in inspect.signature(call).parameters)


def resolve(text: str) -> str:
    """Replace each `%NAME%` by that app setting.

    https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns#binding-expressions---app-settings
    """

    def value(match: re.Match[str]) -> str:
        if found := os.environ.get(match[1]):
            return found
        raise Refused(f"{match[0]} in a trigger does not resolve: add the app setting {match[1]}")

    return re.sub(r"%(\w+)%", value, text)
