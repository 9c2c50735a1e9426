"""No stranger is ever signalled: no number that was read from a file is used as a pid."""

import asyncio
import pathlib
import shutil
import subprocess

import pytest
import strangers as strangers_of
from beaters import Beaters
from expectations import SLEEP, wait_for_state
from load import until
from outcomes import STUBBORN, assert_reported_lost, await_new_mains, create_all
from programs import kill, kill_everything, kill_init, start_again, supervisors
from running_system import RunningSystem
from strangers import strangers

_CHECKOUT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="session")
def stranger_program(tmp_path_factory):
    return strangers_of.build(tmp_path_factory.mktemp("stranger"))


async def survives_what_is_recorded(system, beaters, stranger_program, *arguments):
    """A supervisor and its process die while init is away; a stranger gets the pid that the journal has of the process;
    another init starts it again."""
    client = await system.client()
    process = await beaters.create(client, "web")
    main = await until(lambda: beaters.main("web"), "it runs")
    await wait_for_state(client, "web", "running")
    assert (await client.get_process("web")).details.pid == main[0]
    supervisor = supervisors(system)[process.id]
    kill_init(system)
    kill([supervisor])
    await until(lambda: not beaters.living(), "its process is gone")
    with strangers(stranger_program, [main[0], supervisor]):
        system.start(*arguments, environment=system.environment)
        await await_new_mains(beaters, {"web": main})
        await assert_reported_lost(client, "web")
        await client.signal_process("web", "CONT")
        await client.restart_process("web")
        await client.stop_process("web")


async def test_the_recorded_pid_of_a_process(running, beaters, stranger_program):
    await survives_what_is_recorded(running, beaters, stranger_program)


# It compiles a supervisor.
@pytest.mark.timeout(900)
async def test_a_supervisor_that_does_signal_it_is_noticed(running, beaters, stranger_program):
    """The test above, with a supervisor that was built to be wrong: it must fail."""
    build = _CHECKOUT / "build/mutation"
    configure = [
        "cmake", "-S", _CHECKOUT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None",
        "-DGRPC_OS_MUTATION=signal_recorded_pid", "-DGRPC_OS_CORE_ONLY=ON",
    ]  # fmt: skip
    if shutil.which("ccache"):
        configure.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    for command in (configure, ["cmake", "--build", build, "--target", "grpc-os-supervise"]):
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(AssertionError, match="of the strangers .*killed"):
        await survives_what_is_recorded(
            running, beaters, stranger_program, "--supervise", str(build / "bin/grpc-os-supervise")
        )


@pytest.mark.parametrize("boot", ["the same", "another"])
async def test_the_pids_of_everything(running, beaters, stranger_program, tmp_path, boot):
    client = await running.client()
    names = [f"web-{i}" for i in range(3)]
    await create_all(client, beaters, names, *STUBBORN, stop_timeout=0.1)
    await asyncio.gather(*(wait_for_state(client, name, "running") for name in names))
    before = beaters.mains(names)
    pids = [running.init.pid, running.daemon_pid(), *supervisors(running).values(), *(pid for pid, _ in before.values())]
    kill_everything(running)
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("0123456789abcdef\n")
    with strangers(stranger_program, pids):
        arguments = ["--boot-id-file", str(boot_id)] if boot == "another" else []
        running.start(*arguments, environment=running.environment)
        await await_new_mains(beaters, before)
        for name in names:
            await client.restart_process(name)
            await client.stop_process(name)


@pytest.mark.parametrize("damage", ["journal cut", "journal garbage", "journal gone", "spec gone", "launch garbage", "launch gone"])
async def test_a_damaged_record(running, beaters, stranger_program, rng, damage):
    client = await running.client()
    await create_all(client, beaters, ["web", "other"])
    await asyncio.gather(*(wait_for_state(client, name, "running") for name in ("web", "other")))
    before, others = beaters.mains(["web"]), beaters.mains(["other"])
    web = await client.get_process("web")
    supervisor = supervisors(running)[web.id]
    (directory,) = [p.parent for p in (running.data / "run/i").glob("*/launch") if web.id.encode() in p.read_bytes()]
    kill_init(running)
    kill([supervisor])
    await until(lambda: not beaters.mains(["web"]), "its process is gone")
    file, how = damage.split()
    path = directory / file
    if how == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 2 // 3] if how == "cut" else rng.randbytes(len(content)))
    with strangers(stranger_program, [before["web"][0], supervisor]):
        start_again(running)
        # Without its spec it cannot be executed, and says so; `start` gives it another instance.
        process = await wait_until_not_as_before(client, "web", web.details.pid)
        if process.status == "failed":
            assert process.details.message
            await client.start_process("web")
        await await_new_mains(beaters, before)
        await client.restart_process("web")
        await client.stop_process("web")
        assert beaters.mains(["other"]) == others


async def wait_until_not_as_before(client, name, pid):
    while True:
        process = await client.get_process(name)
        if process.status in ("running", "failed") and process.details.pid != pid:
            return process
        await asyncio.sleep(0.02)


async def test_records_of_another_data_directory(running, beater_program, stranger_program, tmp_path):
    """run/ was copied while the processes that it tells of live: neither they nor strangers are harmed."""
    # Without the check for doubles: the copy does run them too, that is what was copied.
    beaters = Beaters(beater_program, tmp_path / "copied")
    client = await running.client()
    await create_all(client, beaters, ["web", "gone"])
    await asyncio.gather(*(wait_for_state(client, name, "running") for name in ("web", "gone")))
    web, gone = beaters.main("web"), beaters.main("gone")
    programs = running.programs("grpc-osd") + running.programs("grpc-os-supervise")
    with RunningSystem() as copy:
        for source in (running.data / "run").rglob("*"):
            target = copy.data / "run" / source.relative_to(running.data / "run")
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_file():
                shutil.copyfile(source, target)
        await client.stop_process("gone")
        with strangers(stranger_program, [gone[0]]):
            copy.start()
            theirs = await copy.client()
            await theirs.create_process("sleep", SLEEP)
            await until(lambda: len(beaters.starts("web")) == 2 == len(beaters.starts("gone")), "the copies run")
            copy.stop_all()
        await copy.close_clients()
    assert beaters.living() == {"web": [web]}
    assert len(beaters.starts("web")) == 2
    assert set(programs) >= {running.daemon_pid(), *running.programs("grpc-os-supervise")}
    assert (await client.get_process("web")).details.pid == web[0]
