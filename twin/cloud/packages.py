"""Posted packages: what is refused, and why, before any of it runs."""

import hashlib
import importlib.metadata
import json
import os
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement

PACKED_LIMIT, UNPACKED_LIMIT = 256 << 20, 1 << 30
"""Bytes.  Azure takes packages of up to 2048 MB (https://learn.microsoft.com/azure/app-service/deploy-zip)."""
BUILD_LENGTH = 12


class PackageRefused(Exception):
    """The deployment fails; the text is its status message."""


def check(file: Path) -> str:
    """The build id of a zip (its build.json, else the start of its SHA-256); raises PackageRefused."""
    if file.stat().st_size > PACKED_LIMIT:
        raise PackageRefused(f"The package is larger than {PACKED_LIMIT >> 20} MiB.")
    if not zipfile.is_zipfile(file):
        raise PackageRefused("The package is not a zip file.")
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        for entry in entries:
            path = PurePosixPath(entry.filename.replace("\\", "/"))
            outside = path.is_absolute() or ".." in path.parts or ":" in entry.filename
            if outside or stat.S_ISLNK(entry.external_attr >> 16):
                raise PackageRefused(f"The zip entry {entry.filename!r} would leave the app's folder.")
        size = sum(entry.file_size for entry in entries)
        if size > UNPACKED_LIMIT:
            raise PackageRefused(f"The package unpacks to {size >> 20} MiB; the limit is {UNPACKED_LIMIT >> 20} MiB.")
        if bad := archive.testzip():
            raise PackageRefused(f"The zip entry {bad!r} is damaged.")
        names = set(archive.namelist())
        if "requirements.txt" in names:
            _check_requirements(archive.read("requirements.txt").decode())
        return _build(archive.read("build.json") if "build.json" in names else None, file)


def _build(told: bytes | None, file: Path) -> str:
    try:
        build = json.loads(told)["build"] if told else hashlib.sha256(file.read_bytes()).hexdigest()[:BUILD_LENGTH]
    except (ValueError, KeyError, TypeError) as error:
        raise PackageRefused('build.json must be {"build": "<id>"}.') from error
    if not isinstance(build, str) or not build.isalnum() or len(build) > 64:
        raise PackageRefused("The build id in build.json must be 1 to 64 letters and digits.")
    return build


def _check_requirements(text: str) -> None:
    """Azure builds an environment from requirements.txt; here all apps share the twin's, which must satisfy it."""
    missing = []
    for line in filter(None, (line.partition(" #")[0].strip() for line in text.splitlines())):
        if line.startswith(("#", "-")):
            continue
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise PackageRefused(f"requirements.txt: {line!r} is not a requirement: {error}.") from error
        if requirement.marker is None or requirement.marker.evaluate():
            missing += _unsatisfied(requirement)
    if missing:
        raise PackageRefused(f"requirements.txt cannot be installed here: {'; '.join(missing)}. Pin the same versions "
                             "in every requirements file and run `make setup`.")


def _unsatisfied(requirement: Requirement) -> list[str]:
    try:
        have = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return [f"{requirement} is not in the environment"]
    fits = requirement.specifier.contains(have, prereleases=True)
    return [] if fits else [f"{requirement} is wanted, {have} is there"]


def unpack(file: Path, folder: Path) -> None:
    """Into `folder`, complete or not at all; a build that is there already is left alone."""
    if folder.exists():
        return
    folder.parent.mkdir(exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(partial)
    partial.rename(folder)
