"""azure-native is loaded class by class, and behaves as if it were loaded whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from twin.lean import _module_of

ROOT = Path(__file__).resolve().parents[2]


def python(code, **environment):
    """Runs code in a process of its own, because what is loaded stays loaded."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          env={"PATH": "", "PYTHONPATH": str(ROOT), **environment}, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("name", "module"), [
    ("AFDOriginGroup", "afd_origin_group"), ("WebApp", "web_app"), ("RedisEnterprise", "redis_enterprise"),
    ("AdministratorsMicrosoftEntra", "administrators_microsoft_entra"), ("Queue", "queue")])
def test_a_class_is_looked_for_where_the_sdk_keeps_it(name, module):
    assert _module_of(name) == module, "the SDK's own naming of files"


def test_one_class_does_not_load_its_whole_service():
    loaded = python("import sys, twin.lean\ntwin.lean.load_leanly()\n"
                    "from pulumi_azure_native.web import WebApp, SiteConfigArgs\n"
                    "print(sum(name.startswith('pulumi_azure_native.web.') for name in sys.modules))")
    assert int(loaded) < 10, "that is what a preview would wait for"


def test_classes_functions_and_what_is_elsewhere_are_found():
    said = python("import twin.lean\ntwin.lean.load_leanly()\nfrom pulumi_azure_native import authorization, storage\n"
                  "print(authorization.get_client_config.__name__, storage.StorageAccount.__name__, "
                  "storage.SkuArgs.__name__, storage.SkuName.STANDARD_LRS.value, storage.Blob.__name__, "
                  "storage.outputs.EndpointsResponse.__name__)")
    assert said == "get_client_config StorageAccount SkuArgs Standard_LRS Blob EndpointsResponse", "as if loaded whole"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    said = python("import twin.lean\ntwin.lean.load_leanly()\nfrom pulumi_azure_native import storage\n"
                  "print(getattr(storage, 'NoSuchThing', 'nothing'))")
    assert said == "nothing", "a misspelt class must not look like one"


def test_debug_lines_come_back_on_request():
    code = "import pulumi, twin.lean\ntwin.lean.speak_only_when_asked()\nprint(pulumi.log.debug.__name__)"
    assert python(code) == "<lambda>", "silent unless asked"
    assert python(code, TRACKING_DEBUG="1") == "debug", "the SDK's own when asked"
