"""Get and list."""

import pytest
from expectations import SLEEP, names, python, refused, texts, until
from running_system import poll


async def test_by_id_and_by_name(client):
    created = await client.create_process("web", SLEEP)
    assert (await client.get_process("web")).id == created.id
    assert (await client.get_process(created.id)).name == "web"


async def test_a_list_is_in_the_order_of_names(client):
    for name in ("b", "a", "c", "B", "10", "9"):
        await client.create_process(name, SLEEP)
    assert await names(client) == sorted(["b", "a", "c", "B", "10", "9"])


async def test_a_list_is_paged(client):
    for number in range(7):
        await client.create_process(f"p{number}", SLEEP)
    await client.stop_process("p3")
    sizes, found, token = [], [], ""
    while True:
        page = await client.list_processes_page(3, token)
        sizes.append(len(page.processes))
        found += [process.name for process in page.processes]
        assert page.revision > 0
        token = page.next_page_token
        if not token:
            break
    assert sizes == [3, 3, 1]
    assert found == [f"p{number}" for number in range(7)]
    assert [process.name async for process in client.list_processes(page_size=2)] == found


async def test_pages_stay_true_while_processes_come_and_go(client):
    for name in ("a", "c", "e", "g"):
        await client.create_process(name, SLEEP)
    first = await client.list_processes_page(2)
    await client.delete_process("c", force=True)
    await client.delete_process("e", force=True)
    await client.create_process("b", SLEEP)
    await client.create_process("f", SLEEP)
    second = await client.list_processes_page(2, first.next_page_token)
    assert [process.name for process in first.processes] == ["a", "c"]
    assert [process.name for process in second.processes] == ["f", "g"]


async def test_an_empty_list(client):
    page = await client.list_processes_page()
    assert not page.processes and not page.next_page_token


async def test_a_large_page_is_capped_without_a_word(client):
    await client.create_process("web", SLEEP)
    assert len((await client.list_processes_page(2**31 - 1)).processes) == 1


async def test_a_negative_page_size_is_refused(client):
    with refused("FIELD_INVALID", fields={"page_size"}):
        await client.list_processes_page(-1)


@pytest.mark.parametrize("token", ["nonsense", "x" * 10_000, "\0", "AAAA"])
async def test_a_page_token_that_is_none_is_refused(client, token):
    with refused("PAGE_TOKEN_INVALID"):
        await client.list_processes_page(0, token)


async def test_a_page_token_outlives_the_daemon(system, client):
    for name in ("a", "b"):
        await client.create_process(name, SLEEP)
    token = (await client.list_processes_page(1)).next_page_token
    system.kill_daemon()
    assert [process.name for process in (await client.list_processes_page(1, token)).processes] == ["b"]


async def test_memory_and_processor_time_are_of_all_its_processes(client):
    script = (
        "import os, time\n"
        "block = bytearray(os.urandom(1)) * (64 << 20)\n"
        "child = os.fork()\n"
        "block[::4096] = bytes(len(block[::4096]))\n"
        "end = time.process_time() + 0.3\n"
        "while time.process_time() < end: pass\n"
        "os.write(1, f'ready {child}\\n'.encode())\n"
        "time.sleep(3600)\n"
    )
    await client.create_process("web", python(script))

    async def both_ready():
        return len([text for text in await texts(client, "web") if text.startswith("ready")]) == 2

    await until(both_ready, "both have filled their memory")
    status = (await client.get_process("web")).proto.status
    assert 128 << 20 <= status.memory_bytes < 400 << 20
    assert 0.5 <= status.cpu_time.ToNanoseconds() / 1e9 < 60


async def test_reads_change_nothing(system, client):
    await client.create_process("web", SLEEP)
    await client.wait_process("web", "ready")
    revision = (await client.get_system()).revision
    await client.get_process("web")
    await names(client)
    await client.wait_process("web", "running")
    assert (await client.get_system()).revision == revision


def test_poll_gives_up():
    with pytest.raises(AssertionError, match="never"):
        poll(lambda: False, "never", 0.05)
