"""Server packages: only what is missing, never as a service, and a sentence where installing is not ours to do."""

import subprocess

import pytest

from tools import packages
from tools.packages import Need, System
from tools.problem import SetupProblem

APT_ROOT = System("apt", root=True, sudo=False)


class Machine:
    """What is installed; running an installer adds it."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)

    def need(self, name: str) -> Need:
        return Need(f"{name} 1 or newer", lambda: name in self.there, f"{name}-debian", f"{name}-brew")

    def installed_by(self, words, _cwd) -> None:
        self.there |= {word.partition("-debian")[0].partition("-brew")[0] for word in words}


def test_nothing_is_run_when_everything_is_there(fake_host):
    host, machine = fake_host(), Machine("redis", "haproxy")
    packages.provide(host, (machine.need("redis"), machine.need("haproxy")), APT_ROOT)
    assert (host.commands, host.lines) == ([], []), "a machine that has all of it is not touched"


def test_only_what_is_missing_is_installed(fake_host):
    machine = Machine("redis")
    host = fake_host(sh=machine.installed_by)
    packages.provide(host, (machine.need("redis"), machine.need("haproxy")), APT_ROOT)
    assert host.commands == [("sh", str(packages.INSTALLER), "haproxy-debian")], "redis was there already"


def test_sudo_is_used_without_asking(fake_host):
    machine = Machine()
    host = fake_host(sh=machine.installed_by)
    packages.provide(host, (machine.need("redis"),), System("apt", root=False, sudo=True))
    assert host.commands[0][:3] == ("sudo", "-n", "sh"), "-n fails instead of waiting for a password that nobody types"


def test_without_root_and_sudo_the_exact_command_is_told(fake_host):
    host, machine = fake_host(), Machine()
    with pytest.raises(SetupProblem) as refused:
        packages.provide(host, (machine.need("redis"),), System("apt", root=False, sudo=False))
    assert f"sudo sh {packages.INSTALLER} redis-debian" in str(refused.value), "it can be pasted"
    assert host.commands == [], "nothing was tried"


def test_homebrew_is_used_on_macos_without_sudo(fake_host):
    machine = Machine()
    host = fake_host(brew=machine.installed_by)
    packages.provide(host, (machine.need("redis"),), System("brew", root=False, sudo=True))
    assert host.commands == [("brew", "install", "redis-brew")], "Homebrew refuses to run as root"


def test_elsewhere_the_list_names_every_missing_program(fake_host):
    machine = Machine("haproxy")
    with pytest.raises(SetupProblem) as refused:
        packages.provide(
            fake_host(), tuple(map(machine.need, ("redis", "haproxy", "postgres"))), System("", True, False)
        )
    text = str(refused.value)
    assert "redis 1 or newer" in text, "what is missing is named with its version"
    assert "postgres 1 or newer" in text, "all of it at once, not one per attempt"
    assert "haproxy" not in text, "what is there is not asked for"


def test_an_install_that_did_not_help_is_reported(fake_host):
    machine = Machine()
    with pytest.raises(SetupProblem, match="not found on PATH"):
        packages.provide(fake_host(), (machine.need("redis"),), APT_ROOT)


def test_a_missing_browser_stops_no_other_test(fake_host, failing, monkeypatch):
    browser = Machine().need("chromium")
    monkeypatch.setattr(packages, "NEEDS", ())
    monkeypatch.setattr(packages, "FOR_TESTS", (browser,))
    monkeypatch.setattr(System, "here", classmethod(lambda cls: APT_ROOT))
    host = fake_host(sh=failing)
    packages.for_tests(host)
    assert "going on without a browser" in host.told, "the user learns what will be missing, and why"


def test_the_installer_forbids_services_to_start_and_takes_its_policy_away(tmp_path):
    """Runs the real script with a recording apt-get, its policy file moved into this test's folder."""
    policy, bin_folder = tmp_path / "policy-rc.d", tmp_path / "bin"
    bin_folder.mkdir()
    script = tmp_path / "script.sh"
    script.write_text(packages.INSTALLER.read_text().replace("/usr/sbin/policy-rc.d", str(policy)))
    apt = bin_folder / "apt-get"
    apt.write_text(f'#!/bin/sh\nsh {policy}; echo "$1 $? $*" >> {tmp_path}/calls\n')
    apt.chmod(0o755)
    environment = {"PATH": f"{bin_folder}:/usr/bin:/bin"}
    subprocess.run(["sh", script, "redis-server"], env=environment, check=True)
    call = (tmp_path / "calls").read_text()
    assert call.startswith("install 101 "), "while apt-get runs, the policy answers 101: start nothing"
    assert call.endswith(" redis-server\n"), "the asked package is installed"
    assert not policy.exists(), "and the machine's policy is as it was"
