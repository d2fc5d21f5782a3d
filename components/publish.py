"""Posts a zip to an app's deployment endpoint and waits until the app answers with it."""

import contextlib
import time
from collections.abc import Callable

import httpx
from azure.identity import DefaultAzureCredential

SCOPE = "https://management.azure.com/.default"
WITHIN = 900.0
"""Seconds until the app must run the package; a first build on App Service takes minutes."""
PAUSE = 1.0
SUCCEEDED, FAILED = 4, 3
"""https://github.com/projectkudu/kudu/blob/master/Kudu.Contracts/Deployment/DeployStatus.cs"""
STARTING = (404, 409, 502, 503, 504)
"""Answers to a package that pass by themselves: not known to the front ends yet, deploying, restarting."""
BUSY = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
"""What a new site's deployment host answers with until its name resolves, and any host while it restarts."""


class PublishFailed(Exception):
    """The app did not take the package, or does not answer with it."""


class Deadline:
    """A span of seconds that several waits share."""

    def __init__(self, within: float, clock: Callable[[], float] = time.monotonic):
        self._clock, self._within, self._end = clock, within, clock() + within

    def check(self, doing: str) -> None:
        if self._clock() > self._end:
            raise PublishFailed(f"at most {self._within:.0f} s; still {doing}; "
                                "look at the app's log stream, then run `pulumi up` again")


def publish(scm_host: str, app_host: str, archive: bytes, build: str, remote_build: bool = False,
            pause: float = PAUSE, within: float = WITHIN) -> None:
    """Returns when the app runs `build`.  Raises PublishFailed when it is refused, fails or takes too long.

    https://learn.microsoft.com/azure/app-service/deploy-zip (OneDeploy, authenticated by Entra).  A web app's own
    setting asks for the build that installs requirements.txt; Flex refuses that setting, so there the request asks:
    https://learn.microsoft.com/azure/azure-functions/functions-deployment-technologies#remote-build
    """
    deadline = Deadline(within)
    with httpx.Client(timeout=120) as client:
        token = DefaultAzureCredential().get_token(SCOPE).token
        scm = _Scm(client, f"https://{scm_host}", {"Authorization": f"Bearer {token}"}, pause, deadline)
        before = scm.latest()
        scm.post(archive, "&RemoteBuild=true" if remote_build else "")
        scm.wait(before)
        _wait_for_build(client, app_host, build, pause, deadline)


class _Scm:
    """The deployment side of an app."""

    def __init__(self, client: httpx.Client, url: str, headers: dict[str, str], pause: float, deadline: Deadline):
        self._client, self._url, self._headers = client, url, headers
        self._pause, self._deadline = pause, deadline

    def latest(self) -> tuple[object, object] | None:
        """Which deployment was last; None when there is none, or when the site does not answer yet."""
        try:
            answer = self._client.get(f"{self._url}/api/deployments/latest", headers=self._headers)
        except BUSY:
            return None
        return _identity(answer.json()) if answer.status_code == 200 else None

    def post(self, archive: bytes, more: str) -> None:
        """Tries again while the site starts or restarts, as it does after its settings changed."""
        while True:
            try:
                answer = self._client.post(f"{self._url}/api/publish?type=zip&async=true{more}", content=archive,
                                           headers={**self._headers, "Content-Type": "application/zip"})
                if answer.status_code < 300:
                    return
                if answer.status_code not in STARTING:
                    raise PublishFailed(
                        f"{self._url} answered {answer.status_code} to the package: {answer.text[:300]}; "
                        "is the deployer allowed to deploy to this app, and from this address?")
                said = str(answer.status_code)
            except BUSY as error:
                said = str(error)
            self._pause_after(f"refused with {said} by {self._url}")

    def wait(self, before: tuple[object, object] | None) -> None:
        """Until a deployment later than `before` is complete: 202 while it runs, then 200 with its status."""
        while True:
            with contextlib.suppress(*BUSY):
                answer = self._client.get(f"{self._url}/api/deployments/latest", headers=self._headers)
                if answer.status_code == 200 and _identity(state := answer.json()) != before:
                    if state.get("status") == SUCCEEDED:
                        return
                    if state.get("complete") or state.get("status") == FAILED:
                        raise PublishFailed(f"{self._url} could not deploy: {state.get('status_text')} "
                                            f"{state.get('message')}; its log is at {self._url}/api/deployments")
            self._pause_after(f"building at {self._url}")

    def _pause_after(self, doing: str) -> None:
        self._deadline.check(doing)
        time.sleep(self._pause)


def _identity(state: dict[str, object]) -> tuple[object, object]:
    return state.get("id"), state.get("received_time")


def _wait_for_build(client: httpx.Client, host: str, build: str, pause: float, deadline: Deadline) -> None:
    """Until `/livez` tells the build.  403 means that only Front Door may ask; the deployment was complete."""
    while True:
        try:
            answer = client.get(f"https://{host}/livez", timeout=10)
            if answer.status_code == 403 or (answer.status_code == 200 and answer.json().get("build") == build):
                return
            said = f"{answer.status_code} {answer.text[:100]}"
        except (httpx.TransportError, ValueError) as error:
            said = str(error)
        deadline.check(f"waiting for build {build} of {host}, which said {said}")
        time.sleep(pause)
