"""Packages: the same from every clone, and a changed line is another build."""

import io
import json
import zipfile

import pytest

from components import packages


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A small repository of its own; clone(path=text, …) writes files into it."""
    def write(**files):
        for name, text in files.items():
            file = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    write(portal__serve_DOT_py="serve", portal__requirements_DOT_txt="fastapi", shipments__state_DOT_py="state",
          functions__function_app_DOT_py="app", functions__requirements_DOT_txt="azure-functions")
    return write


def test_the_portals_package_holds_portal_domain_and_requirements(clone):
    assert list(packages.load("portal").contents) == [
        "portal/requirements.txt", "portal/serve.py", "requirements.txt", "shipments/state.py"], "in their places"


def test_the_functions_package_has_its_app_at_the_root(clone):
    assert list(packages.load("functions").contents) == [
        "function_app.py", "requirements.txt", "shipments/state.py"], "where the Functions host looks for it"


def test_a_changed_line_is_another_build_and_names_its_file(clone):
    before, files = packages.load("portal").sha256, packages.load("portal").files
    clone(shipments__state_DOT_py="changed")
    assert packages.load("portal").sha256 != before, "another build"
    differing = {path for path, digest in packages.load("portal").files.items() if files[path] != digest}
    assert differing == {"shipments/state.py"}, "a preview shows which file it was"


def test_a_renamed_file_is_another_build(clone):
    before = packages.load("portal").sha256
    root = clone()
    (root / "shipments/state.py").rename(root / "shipments/states.py")
    clone()
    assert packages.load("portal").sha256 != before, "contents alone do not tell"


def test_what_python_and_editors_leave_behind_is_no_part_of_it(clone):
    before = packages.load("portal").sha256
    root = clone()
    (root / "shipments/__pycache__").mkdir()
    for stray in ("shipments/__pycache__/state.cpython-312.pyc", "shipments/.state.py.swp", "portal/serve.py~"):
        (root / stray).write_text("x")
    clone()
    assert packages.load("portal").sha256 == before, "running the tests must not redeploy the platform"


def test_the_archive_is_the_same_bytes_each_time_and_tells_its_build(clone):
    first, second = packages.load("portal").archive(), packages.load("portal").archive()
    assert first == second, "no clock and no order of the disk gets into it"
    with zipfile.ZipFile(io.BytesIO(first)) as zipped:
        build = json.loads(zipped.read("build.json"))
        assert zipped.read("shipments/state.py") == b"state", "the files are in it"
    assert build == {"build": packages.load("portal").build}, "each instance can tell what it runs"


def test_a_package_without_its_folder_is_refused(clone, tmp_path):
    with pytest.raises(FileNotFoundError, match="package 'site' needs site"):
        packages.load("site")


def test_no_path_of_this_machine_is_in_what_the_engine_keeps(recorded):
    for item in recorded.resources:
        if "dynamic" in item.type:
            assert str(packages.ROOT) not in json.dumps(item.inputs), f"{item.name}: another clone would see a change"
