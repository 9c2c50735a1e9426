"""What dpkg does where no systemd runs, as in a container: over a running system, a hand-made /etc/grpc-os, a full disk."""

from debian import BOTH, DATA, HIGHER

START = f"grpc-os-init --data-dir {DATA} --user grpc-os"


def test_it_says_how_to_start_and_an_upgrade_and_a_downgrade_stop_nothing(debian):
    assert START in debian.install().stdout
    debian.start_by_hand()
    pid = debian.start_process("web")
    assert debian.sh(f"stat -c %U /proc/{pid}") == "grpc-os-run\n"
    for version in (HIGHER, ""):
        said = debian.install(version=version).stdout
        assert f"grpc-os-init --data-dir {DATA} --stop" in said and debian.pid("web") == pid
        running = debian.version()
        debian.run("grpc-os-init", "--data-dir", DATA, "--stop")
        debian.start_by_hand()
        assert debian.pid("web") == pid and debian.version() != running


def test_a_removal_stops_everything_and_keeps_the_data_for_the_next_installation(debian):
    debian.install()
    debian.start_by_hand()
    pid = debian.start_process("web")
    said = debian.run("dpkg", "--remove", "grpc-os").stdout
    assert f"kept in {DATA}" in said and not debian.is_alive(pid)
    assert debian.programs() == set()
    assert START in debian.install("grpc-os").stdout
    debian.start_by_hand()
    assert debian.pid("web") != pid, "what was running runs again"


def test_a_removal_stops_what_an_ended_control_plane_has_left(debian):
    debian.install()
    debian.start_by_hand()
    pid = debian.start_process("web")
    debian.run("grpc-os-init", "--data-dir", DATA, "--stop")
    assert debian.is_alive(pid)
    debian.run("dpkg", "--remove", "grpc-os")
    assert not debian.is_alive(pid)


def purge(debian, answer):
    return debian.sh(f"echo {answer} | DEBIAN_FRONTEND=teletype dpkg --purge grpc-os")


def test_a_purge_asks_whether_to_remove_the_data(debian):
    for answer, left in (("no", True), ("yes", False)):
        debian.install("grpc-os")
        debian.sh(f"touch {DATA}/here")
        said = purge(debian, answer)
        assert "Remove all data of gRPC OS?" in said and (f"rm -r {DATA}" in said) == left
        assert (debian.run("ls", f"{DATA}/here", check=False).returncode == 0) == left
        assert debian.run("ls", "/etc/grpc-os", check=False).returncode != 0


def test_a_purge_keeps_the_data_where_nobody_answers_or_a_link_leads_to_it(debian):
    debian.install("grpc-os")
    debian.sh(f"touch {DATA}/here")
    assert f"rm -r {DATA}" in debian.run("dpkg", "--purge", "grpc-os").stdout
    assert debian.sh(f"ls {DATA}") == "here\n"
    debian.install("grpc-os")
    debian.sh(f"mv {DATA} /srv/grpc-os && ln -s /srv/grpc-os {DATA}")
    assert f"rm -r {DATA}" in purge(debian, "yes")
    assert debian.sh("ls /srv/grpc-os") == "here\n"


def test_a_hand_made_etc_is_kept(debian):
    debian.sh(
        "useradd --system mine; mkdir /etc/grpc-os; cd /etc/grpc-os; echo mine >accounts; echo '# mine' >domains.conf;"
        "chmod 600 accounts; chown daemon:daemon . && chmod 750 ."
    )
    # dpkg's own question, to which there is no answer here.
    refused = debian.install(check=False)
    assert refused.returncode != 0 and "'/etc/grpc-os/accounts'" in refused.stdout
    debian.run("dpkg", "--force-confold", "--configure", "--pending")
    assert debian.sh("cat /etc/grpc-os/accounts /etc/grpc-os/domains.conf") == "mine\n# mine\n"
    assert debian.sh("cd /etc/grpc-os && stat -c '%U %a' . accounts") == "daemon 750\nroot 600\n"
    assert debian.sh("cd /etc/grpc-os && grep -v ^# system-accounts") == "grpc-os-edge\n"
    debian.install(version=HIGHER)
    assert debian.sh("cat /etc/grpc-os/accounts") == "mine\n"
    # It may have settings in it, and grpc-osd cannot read them.
    cure = "chmod a+rx /etc/grpc-os"
    for command in (START, "grpc-os config check"):
        refused = debian.run(*command.split(), check=False)
        assert refused.returncode != 0 and "/etc/grpc-os cannot be read by the account of uid" in refused.stdout
        assert f"run: {cure}\n" in refused.stdout
    debian.sh(f"{cure} && grpc-os config check")
    debian.start_by_hand()
    assert debian.sh(f"stat -c %U /proc/{debian.start_process('web')}") == "mine\n"


def test_a_data_directory_that_is_there_stays_whose_it_is(debian):
    debian.sh(f"mkdir -m 700 {DATA}; chown daemon {DATA}; touch {DATA}/note")
    debian.install()
    assert debian.sh(f"stat -c '%U %a' {DATA}") == "daemon 700\n"
    refused = debian.run(*START.split(), check=False)
    assert refused.returncode != 0 and "choose another --data-dir" in refused.stdout


def test_a_full_disk_fails_the_configuration_until_there_is_space(debian):
    debian.sh("mkdir /small && mount -t tmpfs -o size=32m tmpfs /small && cp -a /etc/. /small && mount --move /small /etc")
    before = debian.sh("cat /etc/passwd /etc/group")
    debian.sh("dpkg --unpack /packages/packages/grpc-os_*.deb")
    debian.sh("dd if=/dev/zero of=/etc/filler bs=4k || true")
    refused = debian.run("dpkg", "--configure", "grpc-os", check=False)
    assert refused.returncode != 0 and "No space left on device" in refused.stdout
    assert debian.sh("cat /etc/passwd /etc/group") == before
    debian.sh("rm /etc/filler")
    assert START in debian.run("dpkg", "--configure", "--pending").stdout
    assert debian.sh("id -un grpc-os") == "grpc-os\n"


PROGRAM = """
import asyncio, importlib.metadata, grpc_os

async def main():
    async with grpc_os.GrpcOSClient("unix:/var/lib/grpc-os/run/api.sock") as client:
        await client.login_peer()
        print(importlib.metadata.version("grpc-os"), (await client.create_process("web", "sleep 1000")).name)

asyncio.run(main())
"""


def test_debians_own_python_calls_the_system(debian):
    debian.install(*BOTH, "python3-grpc-os")
    debian.start_by_hand()
    debian.sh(f"cat >/root/program.py <<'EOF'{PROGRAM}EOF")
    built = debian.version()
    assert debian.run("/usr/bin/python3", "/root/program.py").stdout == f"{built} web\n"
    assert "grpc_os/__pycache__" in debian.sh("find /usr/lib/python3/dist-packages/grpc_os -name __pycache__")
    debian.run("dpkg", "--remove", "python3-grpc-os")
    assert debian.run("ls", "/usr/lib/python3/dist-packages/grpc_os", check=False).returncode != 0
