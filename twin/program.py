"""The project's program, served to the engine by this process."""

import contextlib
import copy
import gc
import importlib
import os
import re
import runpy
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi

from twin.home import CHECKOUT
from twin.lean import load_leanly, speak_only_when_asked

Program = Callable[[], None]


def whole_program() -> Program:
    """The program; what it imports, half of its time, is loaded while the engine starts."""
    loading = threading.Thread(target=_preload, daemon=True)
    loading.start()

    def run() -> None:
        loading.join()  # lazy modules must not be used while another thread loads them
        _program()

    return run


def _program() -> None:
    """`__main__.py` as the official CLI would run it."""
    pulumi.runtime.register_stack_transformation(_without_old_versions)
    sys.path.insert(0, str(CHECKOUT))
    try:
        runpy.run_path(str(CHECKOUT / "__main__.py"), run_name="__main__")
    finally:
        sys.path.remove(str(CHECKOUT))


def _without_old_versions(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """Drops the SDK's aliases of each type's former API versions, about thirteen a resource: they serve states that
    older SDKs made, which the twin never has, and their URNs cost a third of a preview."""
    kept = [a for a in args.opts.aliases or () if not _only_a_version(a)]
    if len(kept) == len(args.opts.aliases or ()):
        return None
    opts = copy.copy(args.opts)
    opts.aliases = kept
    return pulumi.ResourceTransformationResult(args.props, opts)


def _only_a_version(alias: Any) -> bool:
    return (isinstance(alias, pulumi.Alias) and alias.name is ... and alias.parent is ...
            and isinstance(alias.type_, str) and alias.type_.startswith("azure-native"))


def _preload() -> None:
    """Imports the components and the SDK's classes that they name; what fails here the program will say better."""
    load_leanly()
    speak_only_when_asked()
    for file in (CHECKOUT / "components").glob("*.py"):
        with contextlib.suppress(Exception):
            module = importlib.import_module(f"components.{file.stem}")
            for service, name in set(re.findall(r"\b([a-z]\w+)\.([A-Z]\w+)", file.read_text())):
                if getattr(vars(module).get(service), "__name__", "").startswith("pulumi_azure_native."):
                    getattr(vars(module)[service], name)


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """A run makes half a million objects that all live until its end: looking for garbage takes a fifth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def in_checkout() -> Iterator[None]:
    """The program may use paths relative to the checkout, as it can under the official CLI."""
    before = Path.cwd()
    os.chdir(CHECKOUT)
    try:
        yield
    finally:
        os.chdir(before)
