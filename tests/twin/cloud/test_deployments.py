"""The deployment endpoint."""

import asyncio
import io
import stat
import zipfile

import pytest

from twin.cloud import packages

MANAGEMENT = "https://management.azure.com"
PUBLISH = "/scm/web-east/api/publish?type=zip&async=true"
LATEST = "/scm/web-east/api/deployments/latest"


def package(**files: str) -> bytes:
    """A zip; double underscores in names are dots."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return content.getvalue()


@pytest.fixture
async def post(client, app_with_identity, bearer):
    headers = await bearer(MANAGEMENT)

    async def post(content: bytes):
        answer = await client.post(PUBLISH, content=content, headers=headers)
        assert answer.status_code == 202, answer.text
        for _ in range(200):
            latest = await client.get(LATEST, headers=headers)
            if latest.status_code == 200:
                return latest.json()
            await asyncio.sleep(0.01)
        raise AssertionError("the deployment did not end")
    return post


async def test_a_package_runs_under_its_build_id(post, service, cloud, home):
    record = await post(package(build__json='{"build": "abc123"}', app__py="x = 1"))
    assert (record["status"], record["complete"], record["active"]) == (4, True, True), record["message"]
    assert service.calls[-1] == ("publish", "web-east", "abc123", ["app.py", "build.json"]), "its service ran it"
    assert cloud.deployments.current("web-east") == (home.apps / "web-east" / "abc123", "abc123"), "and it is current"
    assert (home.packages / "web-east" / "abc123.zip").exists(), "the package is kept"


async def test_while_it_is_deployed_the_latest_is_202_and_another_one_is_refused(
        client, app_with_identity, bearer, service):
    headers, content = await bearer(MANAGEMENT), package(build__json='{"build": "a1"}')
    service.gate.clear()
    posted = await client.post(PUBLISH, content=content, headers=headers)
    assert posted.headers["location"].endswith("/api/deployments/latest"), "Kudu tells where to look"
    assert (await client.get(LATEST, headers=headers)).status_code == 202, "still at work"
    assert (await client.post(PUBLISH, content=content, headers=headers)).status_code == 409, "one at a time"
    service.gate.set()


async def test_the_code_of_the_last_two_successes_stays(post, home):
    for build in ("a1", "b2", "c3"):
        await post(package(build__json=f'{{"build": "{build}"}}'))
    assert sorted(folder.name for folder in (home.apps / "web-east").iterdir()) == ["b2", "c3"], "older ones go"
    assert sorted(file.name for file in (home.packages / "web-east").glob("*.zip")) == ["b2.zip", "c3.zip"], "too"


async def test_a_failed_deployment_leaves_the_current_one(post, service, cloud):
    await post(package(build__json='{"build": "good"}'))
    service.failing = {"web-east"}
    record = await post(package(build__json='{"build": "bad"}'))
    assert (record["status"], record["message"]) == (3, "Failed: the app does not start: its log"), "with the reason"
    assert cloud.deployments.current("web-east")[1] == "good", "what ran goes on"


@pytest.mark.parametrize(("content", "reason"), [
    (b"no zip", "not a zip file"),
    (package(**{"../evil": "x"}), "would leave the app's folder"),
    (package(**{"/etc/evil": "x"}), "would leave the app's folder"),
    (package(build__json="{}"), "build.json must be"),
    (package(build__json='{"build": "../../x"}'), "letters and digits"),
    (package(requirements__txt="fastapi==0.0.1\nno-such-package==1"), "fastapi==0.0.1 is wanted, .* is there; no-such"),
    (package(requirements__txt="@@@"), "is not a requirement"),
])
async def test_a_package_that_cannot_run_fails_with_the_reason(post, service, content, reason):
    record = await post(content)
    assert record["status"] == 3, "failed"
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(record["message"])
    assert not any(call[0] == "publish" for call in service.calls), "no service was asked to run it"


def test_a_zip_that_unpacks_too_large_or_holds_a_link_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "a.zip"
    file.write_bytes(package(a="x" * 1000))
    monkeypatch.setattr(packages, "UNPACKED_LIMIT", 500)
    with pytest.raises(packages.PackageRefused, match="the limit is"):
        packages.check(file)
    monkeypatch.setattr(packages, "PACKED_LIMIT", 10)
    with pytest.raises(packages.PackageRefused, match="larger than"):
        packages.check(file)
    monkeypatch.undo()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(packages.PackageRefused, match="would leave"):
        packages.check(file)


def test_requirements_that_are_there_or_not_for_this_platform_are_accepted(tmp_path):
    file = tmp_path / "a.zip"
    wanted = "# web\nfastapi>=0.1  # api\nuvicorn[standard]\npywin32; os_name == 'nt'\n"
    file.write_bytes(package(requirements__txt=wanted))
    assert len(packages.check(file)) == packages.BUILD_LENGTH, "no build.json: the id is of the content"


async def test_posting_needs_a_management_token_and_a_site(client, app_with_identity, bearer):
    assert (await client.post(PUBLISH, content=b"")).status_code == 401, "the control token is none of Entra's"
    headers = await bearer("https://storage.azure.com")
    assert (await client.post(PUBLISH, content=b"", headers=headers)).status_code == 401, "another audience"
    headers = await bearer(MANAGEMENT, "c-1")
    assert (await client.post(PUBLISH, content=b"", headers=headers)).status_code == 403, "an app deploys nothing"
    headers = await bearer(MANAGEMENT)
    assert (await client.post("/scm/none/api/publish?type=zip", headers=headers)).status_code == 404, "no such site"
    assert (await client.post("/scm/web-east/api/publish?type=war", headers=headers)).status_code == 400, "only zips"
    assert (await client.get(LATEST, headers=headers)).status_code == 404, "nothing was deployed yet"


async def test_a_package_that_never_came_whole_is_not_kept(client, app_with_identity, bearer):
    async def broken_off():
        yield b"PK"
        raise ConnectionError

    answer = await client.post(PUBLISH, content=broken_off(), headers=await bearer(MANAGEMENT))
    assert answer.status_code == 500, "nobody is there to read it"
    assert list(app_with_identity.home.packages.rglob("*.zip")) == [], "its beginning is of no use"


async def test_a_deployment_that_a_killed_daemon_left_has_failed(app_with_identity, make_cloud, ids, service):
    service.gate.clear()
    deployments, site = app_with_identity.deployments, app_with_identity.get(ids.site)
    file = app_with_identity.home.packages / "posted.zip"
    file.write_bytes(package(build__json='{"build": "a1"}'))
    deployments.begin(site, file)
    again = make_cloud()
    again.deployments.interrupted()
    record = again.deployments.records("web-east")[-1]
    assert (record["status"], record["complete"]) == (3, True), "the poster is not left waiting"
    service.gate.set()
