"""Posting a package: what is sent, what is waited for, what is refused."""

import json

import httpx
import pytest

from components import publish as publishing
from components.publish import PublishFailed, publish

BUILD = "0123456789ab"


class App:
    """An app's deployment side and its own; answers are (status, body) in order, the last one again and again.
    `before` is what the deployment side says of the time before the package."""

    def __init__(self, posted=((202, ""),), deployment=((200, {"status": 4, "complete": True}),),
                 livez=((200, {"build": BUILD}),), before=(404, "")):
        self.answers = {"/api/publish": list(posted), "/api/deployments/latest": [before, *deployment],
                        "/livez": list(livez)}
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answers = self.answers[request.url.path]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(body, Exception):
            raise body
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))

    def asked(self, path):
        return [request for request in self.requests if request.url.path == path]


@pytest.fixture
def post(monkeypatch):
    """post(app) publishes to it without waiting."""
    class Credential:
        def get_token(self, scope):
            assert scope == "https://management.azure.com/.default", "the scope of deployment endpoints"
            return type("Token", (), {"token": "entra"})
    def posted(app, within=5.0, **more):
        client = httpx.Client
        wire = httpx.MockTransport(app)
        monkeypatch.setattr(publishing.httpx, "Client", lambda **more: client(transport=wire, **more))
        monkeypatch.setattr(publishing, "DefaultAzureCredential", Credential)
        publish("app.scm.azurewebsites.net:8443", "app.azurewebsites.net", b"zip", BUILD, pause=0, within=within,
                **more)
    return posted


def test_the_zip_is_posted_with_a_token_to_the_deployment_endpoint(post):
    app = App()
    post(app)
    [request] = app.asked("/api/publish")
    assert str(request.url) == "https://app.scm.azurewebsites.net:8443/api/publish?type=zip&async=true", "OneDeploy"
    assert (request.headers["Authorization"], request.content) == ("Bearer entra", b"zip"), "a token, no password"
    assert all("Authorization" not in r.headers for r in app.asked("/livez")), "the app itself gets no management token"


def test_it_waits_for_the_deployment_and_then_for_the_build(post):
    app = App(deployment=((202, ""), (202, ""), (200, {"status": 4, "complete": True})),
              livez=((503, ""), (200, {"build": "old"}), (200, {"build": BUILD})))
    post(app)
    assert len(app.asked("/api/deployments/latest")) == 4, "once before the package; then 202 means that it is building"
    assert len(app.asked("/livez")) == 3, "an old build still answers while the new one starts"


def test_a_function_app_is_asked_to_build_the_package(post):
    app = App()
    post(app, remote_build=True)
    assert app.asked("/api/publish")[0].url.params["RemoteBuild"] == "true", "Flex installs nothing otherwise"


def test_the_success_of_the_deployment_before_is_not_taken_for_this_ones(post):
    old = {"id": "old", "status": 4, "complete": True}
    app = App(before=(200, old), deployment=((200, old), (202, ""), (200, {**old, "id": "new"})))
    post(app)
    assert len(app.asked("/api/deployments/latest")) == 4, "the new one may not be listed at once"


def test_a_new_site_whose_name_does_not_resolve_yet_is_tried_again(post):
    lost = (0, httpx.ConnectError("no such host"))
    app = App(before=lost, posted=(lost, (202, "")), deployment=(lost, (200, {"status": 4, "complete": True})))
    post(app)
    assert len(app.asked("/api/publish")) == 2, "the name of a site that was just made takes a while to be known"


@pytest.mark.parametrize("status", [-1, 3, 5, 6])
def test_a_deployment_that_ends_otherwise_than_in_success_has_failed(post, status):
    with pytest.raises(PublishFailed, match="could not deploy"):
        post(App(deployment=((200, {"status": status, "complete": True}),)))


def test_a_site_that_restarts_gets_the_package_again(post):
    app = App(posted=((404, "no such site"), (503, "restarting"), (409, "busy"), (202, "")))
    post(app)
    assert len(app.asked("/api/publish")) == 4, "it was just made, or its settings have just been changed"


def test_an_app_that_only_front_door_may_ask_is_taken_at_its_word(post):
    app = App(livez=((403, "Forbidden"),))
    post(app)
    assert len(app.asked("/livez")) == 1, "the deployment was complete, and nobody but Front Door sees more"


def test_a_connection_that_breaks_while_the_app_restarts_is_tried_again(post):
    app = App(livez=((0, httpx.ConnectError("refused")), (200, "not json"), (200, {"build": BUILD})))
    post(app)
    assert len(app.asked("/livez")) == 3, "an app in the middle of a restart says all kinds of things"


def test_a_refusal_says_what_to_look_at(post):
    with pytest.raises(PublishFailed, match=r"answered 401 to the package.*allowed to deploy"):
        post(App(posted=((401, "who are you"),)))


def test_a_failed_build_fails_the_deployment_with_the_reason(post):
    failed = {"status": 3, "complete": True, "status_text": "Building", "message": "no matching distribution for x"}
    with pytest.raises(PublishFailed, match="no matching distribution for x"):
        post(App(deployment=((202, ""), (200, failed))))


def test_an_app_that_never_gets_there_ends_in_an_error_that_says_so(post):
    with pytest.raises(PublishFailed, match=r"waiting for build 0123456789ab.*old"):
        post(App(livez=((200, {"build": "old"}),)), within=0.05)
