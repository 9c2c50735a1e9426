"""Bad weather around the edge: nginx missing, killed, stopped, robbed of its port, without space; the daemon dead or killed
at named places. What is served and what the API says agree again, and other domains never notice."""

import asyncio
import contextlib
import os
import pathlib
import re
import signal
import socket

import grpc
import pytest
from domains_api import ACTIVE, PENDING, REJECTED, domains_of, free_port
from edge_views import EdgeView
from expectations import until
from running_system import PATIENCE_S, is_alive, poll
from test_weather import MOUNTS, mounted_tmpfs

LONG = os.environ.get("GRPC_OS_LONG") == "1"
TEMPLATE = pathlib.Path(__file__).parents[2] / "config/templates/nginx.conf.template"


@contextlib.asynccontextmanager
async def serving(system, **environment):
    """Started, with `web` at a.test."""
    system.start(environment=environment)
    async with domains_of(system) as domains:
        await domains.run("web")
        domain = await domains.assign("a.test", "web")
        assert domain.status.state == ACTIVE, domain.status
        domains.view = EdgeView(system)
        poll(lambda: len(domains.view.workers()) == domains.view.wanted_workers(), "all workers serve")
        yield domains
    await system.close_clients()


async def becomes(domains, name, state, patience_s=PATIENCE_S):
    async def is_so():
        domain = await domains.get(name)
        return domain if domain.status.state == state else None

    return await until(is_so, f"{name} is in state {state}", patience_s)


async def problem(domains):
    return (await domains.call("ListDomains")).edge_problem


async def problem_with(domains, *words):
    async def said():
        text = await problem(domains)
        return text if all(word in text for word in words) else None

    return await until(said, f"the edge's problem is said with {words}")


async def no_problem(domains):
    async def gone():
        return not await problem(domains)

    await until(gone, "the edge has no problem")


async def is_served(domains, host="a.test", by="web"):
    async def served():
        with contextlib.suppress(OSError):
            answer = await domains.fetch(host)
            return answer.status == 200 and answer.json["name"] == by

    await until(served, f"{host} is served by {by}")


def supervisor_of_nginx(domains):
    found = [pid for pid in domains.system.programs("grpc-os-supervise")
             if b"grpc-os-nginx" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]  # fmt: skip
    assert len(found) == 1, found
    return found[0]


def kill_all(pids, number=signal.SIGKILL):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


# ---- nginx ----------------------------------------------------------------------------------------------------------


async def test_without_nginx_all_else_works(idle_system, tmp_path):
    program = tmp_path / "nginx"
    idle_system.start(environment={"EDGE_NGINX": str(program)})
    async with domains_of(idle_system) as domains:
        await domains.run("web")
        domain = await domains.assign("a.test", "web")
        assert domain.status.state == PENDING
        for said in (domain.status.message, await problem(domains)):
            assert "nginx is not installed" in said and "apt-get install" in said
        await domains.process("RestartProcess", name="web")
        await domains.process("StopProcess", name="web")
        await domains.process("StartProcess", name="web")
        program.symlink_to("/usr/sbin/nginx")
        await becomes(domains, "a.test", ACTIVE)
        await is_served(domains)
        await no_problem(domains)
    await idle_system.close_clients()


@pytest.mark.parametrize("who", ["master", "worker", "all"])
async def test_nginx_killed(idle_system, who):
    async with serving(idle_system) as domains:
        view = domains.view
        master, children = view.master(), view.children()
        killed = {"master": [master], "worker": children[:1], "all": [master, *children]}[who]
        kill_all(killed)
        poll(lambda: not any(map(is_alive, killed)), "they are dead")
        view.await_master(but_not=None if who == "worker" else master)
        poll(lambda: not {*view.children()} & {*(children if who != "worker" else killed)}, "what a killed one left is gone")
        await is_served(domains)
        await becomes(domains, "a.test", ACTIVE)
        assert await problem(domains) == ""
        # It is looked after as before.
        assert (await domains.assign("b.test", "web")).status.state == ACTIVE
        await is_served(domains, "b.test")


async def test_an_nginx_that_hangs_holds_nobody_up(idle_system):
    async with serving(idle_system) as domains:
        held = domains.view.processes()
        kill_all(held, signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):  # a drain of 10 s, which cannot be waited for, would take longer, twice
                await domains.process("RestartProcess", name="web")
                await domains.process("RestartProcess", name="web")
            assert "restart grpc-os-nginx" in await problem_with(domains, "does not answer")
            # What cannot be taken over is said, and is kept.
            assigned = asyncio.create_task(domains.assign("b.test", "web"))
            for _ in range(5):
                async with asyncio.timeout(5):
                    await domains.get("a.test")
        finally:
            kill_all(held, signal.SIGCONT)
        await assigned
        await becomes(domains, "b.test", ACTIVE)
        await is_served(domains, "b.test")
        await is_served(domains)
        await no_problem(domains)


async def test_a_port_in_use(idle_system):
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        port = theirs.getsockname()[1]
        idle_system.start(environment={"EDGE_HTTP_PORT": str(port)})
        async with domains_of(idle_system) as domains:
            await domains.run("web")
            domain = await domains.assign("a.test", "web")
            assert domain.status.state == PENDING
            for said in (domain.status.message, await problem(domains)):
                assert f"port {port} is in use by" in said and str(os.getpid()) in said and "EDGE_HTTP_PORT" in said
            theirs.close()
            await becomes(domains, "a.test", ACTIVE)
            await is_served(domains)
            await no_problem(domains)
    await idle_system.close_clients()


async def test_a_port_that_is_stolen_while_nginx_restarts(idle_system):
    async with serving(idle_system) as domains:
        port, supervisor, before = idle_system.edge_port(), supervisor_of_nginx(domains), domains.view.processes()
        os.kill(supervisor, signal.SIGSTOP)
        kill_all(before)
        with contextlib.closing(poll(lambda: listener_on(port), "its port is free")):
            os.kill(supervisor, signal.SIGCONT)
            await problem_with(domains, f"port {port} is in use by", str(os.getpid()))
            assert (await domains.assign("b.test", "web")).status.state == PENDING
        await becomes(domains, "b.test", ACTIVE)
        await is_served(domains, "b.test")
        await is_served(domains)
        await no_problem(domains)


def listener_on(port):
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return None


# ---- What it is given -----------------------------------------------------------------------------------------------


@MOUNTS
async def test_a_disk_that_is_full_while_it_is_rendered(idle_system):
    edge = idle_system.data / "edge"
    edge.mkdir(parents=True)
    with mounted_tmpfs(edge, "4m"):
        async with serving(idle_system) as domains:
            workers = domains.view.workers()
            filler = edge / "filler"
            with open(filler, "wb", buffering=0) as file:
                block = 1 << 20
                while block > 0:
                    try:
                        file.write(bytes(block))
                    except OSError:
                        block //= 2
            domain = await domains.assign("b.test", "web")
            assert domain.status.state == PENDING and "full" in domain.status.message, domain.status
            assert "full" in await problem(domains)
            # Endpoints need no space.
            await domains.process("RestartProcess", name="web")
            await is_served(domains)
            assert domains.view.workers() == workers
            filler.unlink()
            await becomes(domains, "b.test", ACTIVE)
            await is_served(domains, "b.test")
            await no_problem(domains)
        idle_system.stop_all()


async def test_shared_memory_that_is_full(idle_system, tmp_path):
    template = tmp_path / "template"
    template.write_text(TEMPLATE.read_text().replace("lua_shared_dict endpoints 16m;", "lua_shared_dict endpoints 12k;"))
    assert "12k" in template.read_text()
    async with serving(idle_system, EDGE_TEMPLATE=str(template)) as domains:
        count = 0
        while not (said := await problem(domains)):
            count += 1
            assert count < 100, "it is never full"
            await domains.call("CreateDomain", domain={"name": f"n{count}.test", "spec": {
                "routes": [{"path": f"/{n}", "targets": [{"process": "web"}]} for n in range(30)]}})
        assert "no memory for all routes" in said
        await is_served(domains)
        # Stops do not wait for it.
        async with asyncio.timeout(10):
            await domains.process("RestartProcess", name="web")
        for number in range(1, count + 1):
            await domains.call("UnassignDomain", name=f"n{number}.test")
        await no_problem(domains)
        await is_served(domains)


async def test_a_template_that_is_broken_and_mended(idle_system, tmp_path):
    template = tmp_path / "template"
    good = TEMPLATE.read_text()
    template.write_text(good)
    async with serving(idle_system, EDGE_TEMPLATE=str(template)) as domains:
        generation = domains.view.generation()
        template.write_text(good.replace("server_tokens off;", "server_tokens offf;"))
        domain = await domains.assign("b.test", "web")
        assert domain.status.state == PENDING, domain.status
        assert 'invalid value "offf" in' in domain.status.message
        assert 'invalid value "offf"' in await problem(domains)
        assert domains.view.generation() == generation
        await is_served(domains)
        template.write_text(good.replace("{{servers}}", ""))
        await problem_with(domains, "{{servers}}")
        template.unlink()
        await problem_with(domains, "EDGE_TEMPLATE")
        template.write_text(good)
        await becomes(domains, "b.test", ACTIVE)
        await is_served(domains, "b.test")
        await no_problem(domains)


async def test_the_first_domain_is_not_blamed_for_the_template(idle_system, tmp_path):
    template = tmp_path / "template"
    good = TEMPLATE.read_text()
    template.write_text(good.replace("server_tokens off;", "server_tokens offf;"))
    idle_system.start(environment={"EDGE_TEMPLATE": str(template)})
    async with domains_of(idle_system) as domains:
        await domains.run("web")
        domain = await domains.assign("a.test", "web")
        assert domain.status.state == PENDING and 'invalid value "offf"' in domain.status.message, domain.status
        await problem_with(domains, 'invalid value "offf"')
        template.write_text(good)
        await domains.call("ReloadDomains")
        assert (await domains.get("a.test")).status.state == ACTIVE
        await is_served(domains)
        await no_problem(domains)
    await idle_system.close_clients()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("named", [True, False], ids=["nginx-names-it", "nginx-names-none"])
async def test_a_thousand_at_once_and_one_is_refused(idle_system, tmp_path, named):
    """nginx refuses what says marker.test, in our place: what we render, it takes."""
    wrapper, checks = tmp_path / "nginx", tmp_path / "checks"
    where = "$PWD/$file:3" if named else "nowhere"
    wrapper.write_text(
        f"""#!/bin/sh
case " $* " in *" -t "*)
  echo >>{checks}
  for word; do config=$word; done
  file=$(grep -l marker.test "$(dirname "$config")"/d/*.conf) && {{ echo "nginx: [emerg] marker found in {where}" >&2; exit 1; }}
esac
exec /usr/sbin/nginx "$@"
"""
    )
    wrapper.chmod(0o755)
    async with serving(idle_system, EDGE_NGINX=str(wrapper)) as domains:
        checks.write_text("")
        # With a.test, as many as there may be. A search among them takes half a minute.
        others = 998 if named or LONG else 200
        names = [*(f"n{number}.test" for number in range(others)), "marker.test"]
        (idle_system.home / "domains.conf").write_text("".join(f"domain {name} {{\n    process: web\n}}\n" for name in names))
        await domains.call("ReloadDomains")
        marker = await becomes(domains, "marker.test", REJECTED, 120)
        assert "marker found in" in marker.status.message and marker.status.active_generation == 0

        async def states():
            page = await domains.call("ListDomains", page_size=1000)
            rest = await domains.call("ListDomains", page_size=1000, page_token=page.next_page_token)
            return {domain.name: domain.status.state for domain in [*page.domains, *rest.domains]}

        async def done():
            found = await states()
            return all(found[name] == ACTIVE for name in names[:-1])

        await until(done, "all others are active", 120)
        assert await problem(domains) == ""
        # A search halves; named, it is found at once.
        assert len(checks.read_text().splitlines()) <= (4 if named else 2 * 10 + 6)
        await is_served(domains, "n0.test")
        await is_served(domains, names[-2])
        assert (await domains.fetch("marker.test")).status == 404


# ---- The daemon -----------------------------------------------------------------------------------------------------

FAILPOINTS = {
    "osd.domain.rendered": "assign",
    "osd.domain.swapped": "assign",
    "osd.domain.signalled": "assign",
    "osd.domain.outcome": "assign",
    "osd.domain.endpoints": "restart",
    "osd.domain.posting": "restart",
    "osd.domain.draining": "restart",
}


def test_these_are_all():
    found = set()
    for source in (pathlib.Path(__file__).parents[2] / "src").rglob("*.cc"):
        found.update(re.findall(r'\bFailpoint\("(osd\.domain\.[^"]+)"\)', source.read_text()))
    assert found == set(FAILPOINTS)


@pytest.mark.parametrize("failpoint", FAILPOINTS)
async def test_killed_there_what_is_served_and_what_is_said_agree(idle_system, tmp_path, failpoint):
    async with serving(idle_system, GRPC_OS_FAILPOINT_DIR=str(tmp_path)) as domains:
        await domains.run("other")
        (tmp_path / failpoint).touch()
        with contextlib.suppress(grpc.RpcError):
            if FAILPOINTS[failpoint] == "assign":
                await domains.assign("b.test", "other")
            else:
                await domains.process("RestartProcess", name="web")
            await until_hit(tmp_path, failpoint)
        assert (tmp_path / f"{failpoint}.hit").exists()
        poll(lambda: domains.view.generation() is not None, "nginx serves")
        await asyncio.to_thread(idle_system.await_api)

    async with domains_of(idle_system) as domains:
        view = EdgeView(idle_system)

        async def agree():
            listed = (await domains.call("ListDomains")).domains
            if any(domain.status.state != ACTIVE or domain.status.active_generation != domain.generation for domain in listed):
                return False
            names = {domain.name for domain in listed}
            return set(view.files()) == {domain.id for domain in listed} and names
        # The next daemon does what this one began.
        names = await until(agree, "nginx has what the API says")
        await is_served(domains)
        if FAILPOINTS[failpoint] == "assign":
            assert names == {"a.test", "b.test"}
            await is_served(domains, "b.test", "other")
        assert set(view.endpoints()) == {f"{stem}_0" for stem in view.files()}
        assert all(value.startswith("up ") for value in view.endpoints().values())
        # And goes on.
        assert (await domains.assign("b.test", "web", replace=True)).status.state == ACTIVE
        await is_served(domains, "b.test")
    await idle_system.close_clients()


async def until_hit(directory, failpoint):
    async def hit():
        return (directory / f"{failpoint}.hit").exists()

    await until(hit, f"{failpoint} is hit")


@contextlib.contextmanager
def no_daemon(system):
    """Until the block ends."""
    pid = system.daemon_pid()
    system.init.send_signal(signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        poll(lambda: not is_alive(pid), "grpc-osd is dead")
        yield
        assert not system.programs("grpc-osd"), "there was a daemon: nothing was proved"
    finally:
        system.init.send_signal(signal.SIGCONT)
    system.await_api()


async def test_the_edge_with_the_daemon_dead(idle_system):
    async with serving(idle_system) as domains:
        view = domains.view
        web = (await domains.process("GetProcess", name="web")).status.pid
        with no_daemon(idle_system):
            await is_served(domains)
            # A process that crashes comes back on its port, and who waits finds it.
            os.kill(web, signal.SIGKILL)
            poll(lambda: not is_alive(web), "it is dead")
            assert (await domains.fetch("a.test")).status == 200
            # nginx comes back by its files.
            before = view.processes()
            kill_all(before)
            poll(lambda: not any(map(is_alive, before)), "nginx is dead")
            view.await_master(but_not=before[0])
            assert (await domains.fetch("a.test")).status == 200
            poll(lambda: len(view.workers()) == len(before) - 1, "all of its workers are there")
            workers = view.workers()
        # Another one takes over what it finds, without a reload.
        await becomes(domains, "a.test", ACTIVE)
        await domains.process("RestartProcess", name="web")
        await is_served(domains)
        assert view.workers() == workers
        assert (await domains.assign("b.test", "web")).status.state == ACTIVE
        assert view.workers() != workers


async def test_domains_stay_served_across_a_stop_of_the_control_plane(idle_system):
    async with serving(idle_system) as domains:
        workers = domains.view.workers()
        idle_system.stop()
        for _ in range(3):
            assert (await domains.fetch("a.test")).status == 200
        idle_system.start()
        await becomes(domains, "a.test", ACTIVE)
        await domains.process("RestartProcess", name="web")
        await is_served(domains)
        assert domains.view.workers() == workers


async def test_a_silent_supervisor_does_not_keep_the_edge_from_working(idle_system):
    """Of some other process, after a start of the daemon."""
    async with serving(idle_system) as domains:
        other = await domains.run("other")
        (supervisor,) = [pid for pid in idle_system.programs("grpc-os-supervise")
                         if other.id.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]  # fmt: skip
        os.kill(supervisor, signal.SIGSTOP)
        try:
            await asyncio.to_thread(idle_system.kill_daemon)
            async with asyncio.timeout(40):
                await domains.process("RestartProcess", name="web")
            await is_served(domains)
            await domains.assign("b.test", "web")
            await becomes(domains, "b.test", ACTIVE)
        finally:
            os.kill(supervisor, signal.SIGCONT)


# ---- Memory ---------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
async def test_the_memory_of_nginx_is_flat_over_reloads(idle_system):
    reloads = 200 if LONG else 50
    async with serving(idle_system) as domains:
        view = domains.view
        workers = view.wanted_workers()

        async def reload(number):
            before = view.generation()
            await domains.assign("b.test", "web", max_body_bytes=1000 + number)
            assert view.generation() != before
            poll(lambda: len(view.workers()) == len(view.processes()) - 1 == workers, "the old workers are gone")

        samples = []
        for number in range(reloads):
            await reload(number)
            if number >= 10:
                samples.append(view.memory_kib())
        await is_served(domains)
        first, last = sorted(samples[:10])[5], sorted(samples[-10:])[5]
        print(f"after 10 to 20 reloads {first} KiB, after {reloads} {last} KiB")
        assert last <= first * 1.1 + 512
