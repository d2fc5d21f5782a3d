"""`python -m bench.floor.program N`: previews N trivial resources with the bare engine and a trivial provider."""

import os
import stat
import sys
import tempfile
from pathlib import Path

import pulumi
from pulumi import automation

from tools import locate

ROOT = Path(__file__).resolve().parents[2]


class Thing(pulumi.CustomResource):
    """A resource with one property."""

    def __init__(self, name: str):
        super().__init__("floor:index:Thing", name, {"size": 1})


def preview(count: int) -> None:
    """One preview of `count` resources from an empty state, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        plugin = Path(folder, "pulumi-resource-floor")
        plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" -u -m bench.floor.provider "$@"\n')
        plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
        environment = {
            "PATH": os.pathsep.join([folder, str(locate.pulumi().parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "PULUMI_HOME": f"{folder}/home",
            "PULUMI_CONFIG_PASSPHRASE": "floor",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "false",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        os.environ.update(environment)
        stack = automation.create_stack(
            "floor",
            project_name="floor",
            program=lambda: [Thing(f"thing-{number}") for number in range(count)] and None,
            opts=automation.LocalWorkspaceOptions(
                work_dir=folder,
                env_vars=environment,
                project_settings=automation.ProjectSettings(
                    name="floor", runtime="python", backend=automation.ProjectBackend(url=f"file://{folder}")
                ),
            ),
        )
        print(stack.preview().change_summary)


if __name__ == "__main__":
    preview(int(sys.argv[1]))
