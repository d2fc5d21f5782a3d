"""The stack's configuration follows the platform: `primary` is where it runs."""

import asyncio
import os
import shlex
import signal

from failover.cloud import Cloud
from failover.errors import NotAsAsked
from failover.steps import SwapPrimary

KEY = "tracking:platform"
LAST_WORDS = 12


class Manual(NotAsAsked):
    """Somebody has to run the commands that the text gives; nothing failed."""


class Configuration:
    """Runs FAILOVER_APPLY, or says what to run."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud

    async def swap(self, step: SwapPrimary) -> str:
        """Raises Manual with the commands when no command is set, or when services run apart from the database, which
        is a matter of the configuration's own review."""
        command = self.cloud.settings.apply
        if not command or step.overrides:
            raise Manual("the stack's configuration has to follow; in its checkout run:\n" + "\n".join(
                f"    {line}" for line in commands(self.cloud.platform.platform.stack, services(self.cloud), step)))
        words = [word.replace("{primary}", step.primary) for word in shlex.split(command)]
        status, said = await run(words)
        if status:
            raise NotAsAsked(f"`{shlex.join(words)}` ended with {status}:\n{last_words(said)}\nThe platform serves "
                             f"from {step.primary} all the same. Mend it, then run the same verb again.")
        return shlex.join(words)


def services(cloud: Cloud) -> list[str]:
    return [service.name for service in cloud.platform.listed]


def commands(stack: str, names: list[str], step: SwapPrimary) -> list[str]:
    """What makes the stack prefer where its services run (https://www.pulumi.com/docs/iac/cli/commands/pulumi_config_set/).
    `--refresh` first: promotion and storage failover changed resources outside of the state."""
    pinned = [f"pulumi config set -s {stack} --path '{KEY}.services[{names.index(name)}].primary' {region}"
              for name, region in step.overrides.items()]
    return [f"pulumi config set -s {stack} --path '{KEY}.primary' {step.primary}", *pinned,
            f"pulumi preview -s {stack} --refresh --diff", f"pulumi up -s {stack} --refresh"]


async def run(words: list[str]) -> tuple[int, str]:
    """(exit code, output) of a command in a group of its own, which is interrupted when we are."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True)
    except OSError as error:
        raise NotAsAsked(f"`{words[0]}` could not be started ({error.strerror}). Set FAILOVER_APPLY to a command that "
                         "exists, with {primary} for the region.") from error
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        os.killpg(process.pid, signal.SIGINT)
        await process.wait()
        raise
    return process.returncode or 0, said.decode(errors="replace")


def last_words(said: str) -> str:
    return "\n".join(f"    {line}" for line in said.strip().splitlines()[-LAST_WORDS:])
