"""The first start is killed between the file of the first password and the user whose it is."""

from grpc_os import GrpcOSClient


async def test_the_password_of_the_file_is_the_admins_though_the_daemon_died_in_between(system, failpoints):
    failpoints.arm("osd.start.first_password")
    system.start(environment=system.environment)
    assert failpoints.hit("osd.start.first_password")
    file = system.data / "secrets/admin.password"
    password = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600 and len(password) >= 12
    async with GrpcOSClient(f"localhost:{system.port}") as client:
        await client.login("admin", password)
        assert (await client.whoami()).roles == ["admin"]
    assert [path.name for path in file.parent.iterdir() if path.name.startswith("admin.password")] == [file.name]
