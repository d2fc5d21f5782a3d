"""What makes a preview here quick: azure-native loaded class by class, and no debug line for every property.

On Azure the program runs with the SDK as it comes; the resources that it registers are the same.

`from pulumi_azure_native import web` loads every class of that service at the first use of one: some 500 modules
for the services used here, most of the time until the first resource is registered.  The SDK keeps each resource
in a module of its own name, and the rest in `_inputs` and `outputs`, so a class can be found without the others.
What is not found so is looked for as the SDK does it itself, by loading the whole service.
"""

import importlib
import importlib.util
import os
import re
import sys
import types

import pulumi
import pulumi_azure_native

DEBUG = "TRACKING_DEBUG"
"""Set it to have the SDK's debug lines again."""
SERVICES = ("applicationinsights", "authorization", "cdn", "dbforpostgresql", "keyvault", "managedidentity",
            "operationalinsights", "redisenterprise", "resources", "storage", "web")


class LeanService(types.ModuleType):
    """A service of the SDK whose classes are loaded one at a time."""

    def __getattr__(self, name: str) -> object:
        for part in (name, _module_of(name), "_inputs"):
            if importlib.util.find_spec(f"{self.__name__}.{part}"):
                module = importlib.import_module(f"{self.__name__}.{part}")
                if part == name or hasattr(module, name):
                    found = getattr(module, name, module)  # get_client_config is both a module and its function
                    setattr(self, name, found)
                    return found
        return self._from_all(name)

    def _from_all(self, name: str) -> object:
        self.__class__ = types.ModuleType
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def _module_of(name: str) -> str:
    """AFDOriginGroup -> afd_origin_group"""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def load_leanly() -> None:
    """Must run before the first class is used; classes loaded already stay as they are."""
    for service in SERVICES:
        module = getattr(pulumi_azure_native, service)
        if "__getattribute__" in vars(type(module)):
            module.__class__ = LeanService
            sys.modules[module.__name__] = module


def speak_only_when_asked() -> None:
    """The SDK sends several debug lines for each resource, each in a call of its own that it waits for, whether or
    not anybody reads them: two thirds of the program's time in a preview.  `pulumi.log.debug` has no level to set."""
    if not os.environ.get(DEBUG):
        pulumi.log.debug = lambda *_, **__: None
