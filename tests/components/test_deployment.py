"""Deployments and site files as Pulumi resources: when they change, and what they do then."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic import dynamic
from pulumi.runtime import rpc

from components import content, packages
from components.content import ContentProvider
from components.deployment import DeploymentFailed, DeploymentProvider

OLD = {"site": "/id/web", "app": "web", "region": "eastus", "package": "portal", "sha256": "a" * 64,
       "scmHost": "scm", "appHost": "app", "build": "a" * 12, "files": {}}


def not_yet_known():
    """A value that the engine does not know in a preview, as it reaches a provider."""
    sent = Struct()
    sent["value"] = rpc.UNKNOWN
    return rpc.deserialize_properties(sent, True)["value"]


UNKNOWN = not_yet_known()
COMPARE = None
"""What the engine takes as a request to compare the inputs itself, which is how a preview comes to name a file."""


def diff(**changes):
    found = DeploymentProvider().diff("id", OLD, {**OLD, **changes})
    return found.changes, found.replaces


def test_nothing_is_deployed_again_without_a_change():
    assert diff() == (False, []), "a second `up` restarts nothing"


def test_another_build_is_an_update():
    assert diff(sha256="b" * 64) == (COMPARE, []), "a changed line shows in the preview"


def test_a_site_that_is_replaced_gets_its_code_again():
    assert diff(site=UNKNOWN) == (COMPARE, ["site"]), "a new site has no code"


def test_a_site_that_is_only_updated_keeps_its_code():
    assert diff(scmHost=UNKNOWN, appHost=UNKNOWN) == (False, []), "its hosts are unknown in the preview, but stay"


def test_sources_that_changed_meanwhile_are_not_deployed():
    with pytest.raises(DeploymentFailed, match="changed while `pulumi up` ran"):
        DeploymentProvider().create(OLD)


def test_a_deployment_posts_the_package_of_this_clone(monkeypatch):
    posted = []
    monkeypatch.setattr("components.publish.publish", lambda *args: posted.append(args))
    props = {**OLD, "sha256": packages.load("portal").sha256, "build": packages.load("portal").build}
    made = DeploymentProvider().create(props)
    assert (made.id, made.outs) == ("web-eastus", props), "the state keeps what was asked for"
    sent = ("scm", "app", packages.load("portal").archive(), props["build"], False)
    assert posted == [sent], "and this is what was sent"


def test_the_functions_are_built_remotely_since_flex_refuses_the_setting(monkeypatch):
    posted = []
    monkeypatch.setattr("components.publish.publish", lambda *args: posted.append(args))
    DeploymentProvider().create({**OLD, "package": "functions", "sha256": packages.load("functions").sha256})
    assert posted[0][-1] is True, "without a build the worker has no libraries"


def test_the_providers_state_is_the_same_in_every_clone():
    for provider in (DeploymentProvider(), ContentProvider()):
        kept = dynamic.serialize_provider(provider)
        assert len(kept) < 200, "a reference to the class, no code and no path"
        assert not provider.serialize_as_secret_always, "there is no secret in it, and a preview can show it"


class Container:
    """A container that remembers; `closed` times it refuses for lack of a right."""

    def __init__(self, closed=0):
        self.blobs, self.closed = {}, closed

    def upload_blob(self, path, data, overwrite, content_settings):
        if self.closed:
            self.closed -= 1
            error = HttpResponseError("AuthorizationPermissionMismatch")
            error.status_code = 403
            raise error
        self.blobs[path] = (data, content_settings.content_type)

    def delete_blob(self, path):
        if path not in self.blobs:
            raise ResourceNotFoundError("BlobNotFound")
        del self.blobs[path]


@pytest.fixture
def write(monkeypatch):
    """write(container, old files, new files) as an update does."""
    def written(container, old, new):
        service = type("Service", (), {"get_container_client": lambda self, name: container,
                                       "__enter__": lambda self: self, "__exit__": lambda *_: None})
        monkeypatch.setattr("azure.storage.blob.BlobServiceClient", lambda endpoint, credential: service())
        monkeypatch.setattr(content, "PAUSE", 0)
        props = {"account": "/id/s", "endpoint": "https://s/", "container": "site", "files": new,
                 "sha256": packages.load("site").sha256}
        return ContentProvider().update("site", {"files": old}, props)
    return written


def test_all_files_of_the_site_are_uploaded_with_their_type(write):
    container, files = Container(), packages.load("site").files
    write(container, {}, files)
    assert set(container.blobs) == set(files) >= {"health.txt", "logo.svg", "portal.css", "help.html"}, "every file"
    assert container.blobs["portal.css"][1] == "text/css", "a browser needs the type"
    assert container.blobs["logo.svg"][1] == "image/svg+xml", "of each"


def test_only_what_changed_is_uploaded_and_what_is_gone_is_removed(write):
    container, files = Container(), packages.load("site").files
    container.blobs = {"old.css": (b"", "text/css"), "logo.svg": (b"kept", "image/svg+xml")}
    write(container, {**files, "help.html": "00000000", "old.css": "11111111"}, files)
    assert container.blobs["logo.svg"][0] == b"kept", "an unchanged file is left alone"
    assert "help.html" in container.blobs, "a changed one is written"
    assert "old.css" not in container.blobs, "one that is gone is removed"


def test_an_up_after_one_that_was_broken_off_does_not_mind_a_file_that_is_gone_already(write):
    container, files = Container(), packages.load("site").files
    write(container, {**files, "old.css": "11111111"}, files)
    assert "old.css" not in container.blobs, "it is gone, which is what was wanted"


def test_a_right_that_is_not_yet_in_force_is_waited_for(write):
    container = Container(closed=2)
    write(container, {}, packages.load("site").files)
    assert "health.txt" in container.blobs, "role assignments take minutes to be in force"


def test_site_files_go_again_only_into_another_account():
    old = {"account": "/id/s", "container": "site", "endpoint": "https://s/", "files": {"a": "1"}}
    def found(**changes):
        answer = ContentProvider().diff("site", old, {**old, **changes})
        return answer.changes, answer.replaces
    assert found() == (False, []), "nothing to do"
    assert found(endpoint=UNKNOWN) == (False, []), "an account that is only updated keeps its endpoint"
    assert found(files={"a": "2"}) == (COMPARE, []), "a changed file"
    assert found(account=UNKNOWN) == (COMPARE, ["account"]), "a new account is empty"
