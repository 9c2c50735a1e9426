import check_includes
import pytest


def check(tmp_path, file, *includes):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"#include {include}\n" for include in includes))
    return check_includes.check(tmp_path)


@pytest.mark.parametrize(
    ("file", "include"),
    [
        ("base/id.cc", '"core/process/process.h"'),
        ("base/id.cc", "<grpcpp/grpcpp.h>"),
        ("core/process/process.cc", "<grpcpp/grpcpp.h>"),
        ("core/process/process.cc", "<google/protobuf/message.h>"),
        ("core/process/process.cc", '"grpc_os/v1/process_services.pb.h"'),
        ("core/process/process.cc", "<sqlite3.h>"),
        ("core/process/process.cc", '"sqlite3.h"'),
        ("core/process/process.cc", "<spdlog/spdlog.h>"),
        ("core/process/process.cc", "<prometheus/counter.h>"),
        ("core/process/process.cc", "<yaml.h>"),
        ("core/process/process.cc", '"store/store.h"'),
        ("core/process/process.cc", "<chrono>"),
        ("core/process/process.cc", "<unistd.h>"),
        ("core/process/process.cc", "<sys/stat.h>"),
        ("init/init.cc", "<grpcpp/grpcpp.h>"),
        ("init/init.cc", '"core/process/transition.h"'),
        ("init/init.cc", '"grpc_os/v1/process_services.grpc.pb.h"'),
        ("supervise/supervise.cc", '"core/process/processes.h"'),
        ("supervise/supervise.cc", '"runtime/log_reader.h"'),
        ("store/store.cc", '"runtime/log_reader.h"'),
        ("runtime/client.cc", '"store/store.h"'),
        ("runtime/client.cc", '"services/handler.h"'),
        ("runtime/client.cc", '"init/init.h"'),
        ("services/handler.cc", '"store/store.h"'),
        ("services/handler.cc", '"server/server.h"'),
        ("services/handler.cc", '"protocol/packet.h"'),
        ("services/handler_test.cc", '"store/store.h"'),
        ("server/server.cc", '"runtime/log_reader.h"'),
        ("server/server.cc", "<microhttpd.h>"),
        ("gateway/page.cc", '"services/call.h"'),
        ("gateway/page.cc", '"store/store.h"'),
        ("client/client.cc", '"core/process/process.h"'),
        ("client/client.cc", '"manifest/env_file.h"'),
        ("shell/shell.cc", '"core/process/process.h"'),
        ("shell/shell.cc", "<grpcpp/grpcpp.h>"),
        ("services/handlers.cc", "<grpcpp/grpcpp.h>"),
        ("services/convert/process.cc", '"grpc_os/v1/process_services.grpc.pb.h"'),
        ("gateway/http_server.cc", "<grpcpp/grpcpp.h>"),
        ("manifest/env_file.cc", '"core/process/process.h"'),
        ("host/clock.cc", '"store/store.h"'),
        ("store/store.cc", '"testing/fake_clock.h"'),
        ("store/store.cc", "<gtest/gtest.h>"),
        ("init/init.cc", '"init/program_harness.h"'),
        ("main/osd_main.cc", '"testing/fake_clock.h"'),
        ("main/init_main.cc", '"services/handler.h"'),
        ("main/init_main.cc", "<grpcpp/grpcpp.h>"),
        ("main/supervise_main.cc", '"grpc_os/v1/process_services.pb.h"'),
        ("base/id.cc", "<boost/asio.hpp>"),
        ("base/id.cc", '"id.h"'),
        ("base/id.cc", '"../core/process/process.h"'),
        ("base/id.cc", "SOME_MACRO"),
    ],
)
def test_refuses(tmp_path, file, include):
    found = check(tmp_path, file, "<string>", include)
    assert len(found) == 1
    assert found[0].startswith(f"src/{file}:2: include")


@pytest.mark.parametrize(
    ("file", "include"),
    [
        ("base/id.cc", '"absl/status/status.h"'),
        ("base/id.cc", "<sys/random.h>"),
        ("core/process/process.cc", '"base/id.h"'),
        ("core/process/process.cc", '"core/event/event.h"'),
        ("core/process/process.cc", "<csignal>"),
        ("supervise/supervise.cc", '"core/process/transition.h"'),
        ("supervise/supervise.cc", '"core/process/process.h"'),
        ("supervise/supervise.cc", '"core/tagged.h"'),
        ("supervise/supervise.cc", '"core/process/transition_table.h"'),
        ("protocol/packet.h", "<google/protobuf/message_lite.h>"),
        ("init/init.cc", '"protocol/messages.pb.h"'),
        ("runtime/client.cc", '"protocol/messages.pb.h"'),
        ("store/sqlite.cc", "<sqlite3.h>"),
        ("host/crypto.cc", "<openssl/hmac.h>"),
        ("client/client.cc", "<grpcpp/grpcpp.h>"),
        ("services/convert/process.cc", '"grpc_os/v1/process_services.pb.h"'),
        ("server/server.cc", '"services/handler.h"'),
        ("gateway/http_server.cc", "<microhttpd.h>"),
        ("gateway/connect.cc", '"grpc_os/v1/process_services.pb.h"'),
        ("client/client.cc", '"grpc_os/v1/process_services.grpc.pb.h"'),
        ("shell/render.cc", '"grpc_os/v1/process_services.pb.h"'),
        ("shell/line.cc", "<readline/readline.h>"),
        ("shell/line.cc", '"client/client.h"'),
        ("services/handler_test.cc", '"testing/fake_clock.h"'),
        ("services/handler_test.cc", "<gmock/gmock.h>"),
        ("init/program_harness.h", "<gtest/gtest.h>"),
        ("init/init_program_test.cc", '"init/program_harness.h"'),
        ("main/osd_main.cc", '"store/store.h"'),
        ("main/init_main.cc", '"init/init.h"'),
    ],
)
def test_allows(tmp_path, file, include):
    assert check(tmp_path, file, include) == []


def test_sees_an_include_in_a_header_and_with_spaces(tmp_path):
    path = tmp_path / "core" / "a.h"
    path.parent.mkdir()
    path.write_text("int x;\n  #  include   <sqlite3.h>\n")
    assert check_includes.check(tmp_path) == ["src/core/a.h:2: includes sqlite3.h: core may not use SQLite"]


def test_refuses_a_folder_that_is_no_room(tmp_path):
    assert len(check(tmp_path, "utils/strings.cc", "<string>")) == 1


def test_a_tree_without_sources_is_a_failure(tmp_path):
    assert check_includes.main([str(tmp_path)]) == 1


def test_the_program_ends_with_1_on_a_bad_tree_and_0_on_a_good_one(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.h").write_text("#include <string>\n")
    assert check_includes.main([str(tmp_path)]) == 0
    (tmp_path / "base" / "b.h").write_text('#include "store/store.h"\n')
    assert check_includes.main([str(tmp_path)]) == 1
