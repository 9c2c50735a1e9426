"""What dpkg does where systemd runs the unit."""

from debian import DATA, HIGHER
from running_system import poll

UNIT = "grpc-os.service"


def is_active(debian):
    return debian.run("systemctl", "is-active", UNIT, check=False).stdout.strip()


def schema(debian, version):
    debian.sh(
        f"python3 -c 'import sqlite3; c = sqlite3.connect(\"{DATA}/grpc-os.db\");"
        f' c.execute("UPDATE store_meta SET schema_version = {version}"); c.commit()\''
    )


def test_it_runs_once_installed_and_an_upgrade_stops_no_process(debian_with_systemd):
    debian = debian_with_systemd
    debian.install()
    assert is_active(debian) == "active"
    assert debian.run("systemd-analyze", "verify", UNIT).stdout == ""
    debian.run("grpc-os", "login")
    pid, built = debian.start_process("web"), debian.version()
    debian.install(version=HIGHER)
    assert (debian.pid("web"), debian.version()) == (pid, HIGHER)
    debian.install()
    assert (debian.pid("web"), debian.version()) == (pid, built)
    said = debian.run("dpkg", "--remove", "grpc-os").stdout
    assert f"kept in {DATA}" in said and not debian.is_alive(pid)
    assert is_active(debian) == "inactive" and debian.programs() == set()
    debian.install()
    assert debian.pid("web") != pid, "what was running runs again"


def test_a_downgrade_below_the_database_says_why_it_does_not_start_and_the_next_upgrade_mends_it(debian_with_systemd):
    debian = debian_with_systemd
    debian.install(version=HIGHER)
    debian.run("grpc-os", "login")
    pid = debian.start_process("web")
    debian.run("systemctl", "stop", UNIT)
    schema(debian, 99)
    said = debian.install().stdout
    assert "the control plane does not start" in said and "made by a newer gRPC OS" in said
    assert debian.is_alive(pid)
    schema(debian, 7)
    debian.install(version=HIGHER)
    poll(lambda: debian.run("grpc-os", "whoami", check=False).returncode == 0, "it serves again")
    assert (debian.pid("web"), debian.version()) == (pid, HIGHER)


def test_over_one_that_was_started_by_hand_it_says_so_and_takes_over_once_that_has_ended(debian_with_systemd):
    debian = debian_with_systemd
    debian.install()
    debian.run("systemctl", "stop", UNIT)
    debian.start_by_hand()
    pid = debian.start_process("web")
    assert f"another grpc-os-init runs on {DATA}" in debian.install(version=HIGHER).stdout
    assert debian.version() != HIGHER
    debian.run("grpc-os-init", "--data-dir", DATA, "--stop")
    poll(lambda: debian.run("grpc-os", "whoami", check=False).returncode == 0, "the unit's serves")
    assert (debian.pid("web"), debian.version(), is_active(debian)) == (pid, HIGHER, "active")


def test_over_a_hand_made_etc_that_it_cannot_read_it_says_so_and_starts_once_it_can(debian_with_systemd):
    debian = debian_with_systemd
    debian.sh("mkdir -m 700 /etc/grpc-os")
    said = debian.install().stdout
    assert "the control plane does not start" in said and "run: chmod a+rx /etc/grpc-os" in said
    debian.sh("chgrp grpc-os /etc/grpc-os && chmod 750 /etc/grpc-os")
    poll(lambda: debian.run("grpc-os", "login", check=False).returncode == 0, "it serves")


def test_a_policy_against_starts_is_obeyed(debian_with_systemd):
    debian = debian_with_systemd
    debian.sh("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d")
    debian.install()
    assert is_active(debian) == "inactive"
    assert debian.run("systemctl", "is-enabled", UNIT).stdout == "enabled\n"


def test_what_an_administrator_disabled_stays_so(debian_with_systemd):
    debian = debian_with_systemd
    debian.install()
    debian.run("systemctl", "disable", "--now", UNIT)
    debian.install(version=HIGHER)
    assert is_active(debian) == "inactive"
    assert debian.run("systemctl", "is-enabled", UNIT, check=False).stdout == "disabled\n"
