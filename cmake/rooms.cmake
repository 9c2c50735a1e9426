# How this project builds: one static library per folder of src/ (a "room"), its *_test.cc files
# beside the code in one test program per room, protos by Debian's protoc.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# A release's tests are half of what there is to compile, and mostly headers: those are parsed once for all of them, and
# the tests, other than what they test, are not optimised. The other presets see what a test includes itself.
set(quick_tests OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(quick_tests ON)
endif()
option(GRPC_OS_QUICK_TESTS "Compile the tests with precompiled headers and unoptimised" ${quick_tests})

# GCC 12 sees overlaps in the assignment of a literal to a std::string that cannot be (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options($<$<CONFIG:Release>:-Wno-restrict>)
endif()

# abseil by pkg-config, because the static programs need the archives and the others the libraries.
pkg_check_modules(ABSL REQUIRED absl_status absl_statusor absl_strings absl_str_format)
pkg_check_modules(PROTOBUF REQUIRED protobuf)
pkg_check_modules(PROTOBUF_LITE REQUIRED protobuf-lite)

# Shared, gRPC and abseil are some 60 libraries, and relocating them takes longer than the work of a short command line
# (docs/PERFORMANCE.md). OpenSSL and libc stay shared: their security updates are the system's.
set(static_grpc OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT GRPC_OS_SANITIZE AND NOT GRPC_OS_CORE_ONLY)
  set(static_grpc ON)
endif()
option(GRPC_OS_STATIC_GRPC "Link gRPC, protobuf and abseil into grpc-osd and grpc-os" ${static_grpc})

# What programs that are not static link, besides the packages of their rooms.
add_library(shared_programs_libraries INTERFACE)
if(GRPC_OS_STATIC_GRPC)
  pkg_check_modules(GRPC REQUIRED grpc++)
  set(archives)
  set(others)
  set(names ${GRPC_LIBRARIES} ${PROTOBUF_LIBRARIES} ${ABSL_LIBRARIES})
  list(REMOVE_DUPLICATES names)
  foreach(library ${names})
    if(library MATCHES "^(grpc|gpr|absl_|protobuf|upb|re2|cares|address_sorting)")
      find_library(ARCHIVE_${library} lib${library}.a REQUIRED)
      list(APPEND archives ${ARCHIVE_${library}})
    else()
      list(APPEND others ${library})
    endif()
  endforeach()
  list(JOIN archives "," archives)
  target_link_libraries(shared_programs_libraries INTERFACE
    "$<LINK_GROUP:RESCAN,${archives}>" ${others} Threads::Threads)
else()
  target_link_libraries(shared_programs_libraries INTERFACE
    ${PROTOBUF_LIBRARIES} ${ABSL_LIBRARIES} Threads::Threads)
endif()

# grpc_os_protos(NAME [LITE|GRPC] ROOT dir FILES a.proto ...)
function(grpc_os_protos name)
  cmake_parse_arguments(A "LITE;GRPC" "ROOT" "FILES" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/gen/${name})
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(file ${A_FILES})
    file(RELATIVE_PATH stem ${CMAKE_SOURCE_DIR}/${A_ROOT} ${CMAKE_SOURCE_DIR}/${file})
    string(REGEX REPLACE "\\.proto$" "" stem ${stem})
    set(outputs ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(args --cpp_out=${out})
    if(A_GRPC)
      list(APPEND outputs ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      list(APPEND args --grpc_out=${out} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(OUTPUT ${outputs}
      COMMAND ${PROTOC} -I ${CMAKE_SOURCE_DIR}/${A_ROOT} ${args} ${CMAKE_SOURCE_DIR}/${file}
      DEPENDS ${CMAKE_SOURCE_DIR}/${file} VERBATIM)
    list(APPEND sources ${outputs})
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_compile_options(${name} PRIVATE -w)
endfunction()

# grpc_os_room(NAME DEPENDS rooms PACKAGES pkg-config names): src/NAME as a static library, without its *_main.cc.
function(grpc_os_room name)
  cmake_parse_arguments(A "" "" "DEPENDS;PACKAGES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|main)\\.cc$")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(${name} PUBLIC ${A_DEPENDS})
    set(scope PUBLIC)
  else()  # headers only
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(${name} INTERFACE ${A_DEPENDS})
    set(scope INTERFACE)
  endif()
  foreach(package ${A_PACKAGES})
    if(GRPC_OS_STATIC_GRPC AND package STREQUAL "grpc++")
      target_link_libraries(${name} ${scope} shared_programs_libraries)
      continue()
    endif()
    pkg_check_modules(PKG_${package} REQUIRED IMPORTED_TARGET ${package})
    target_link_libraries(${name} ${scope} PkgConfig::PKG_${package})
  endforeach()
  if(tests)
    set_property(GLOBAL APPEND PROPERTY GRPC_OS_TESTED_ROOMS ${name})
    set_property(GLOBAL PROPERTY GRPC_OS_TESTS_${name} ${tests})
  endif()
endfunction()

# grpc_os_version(TARGET VERSION): the version that a target's programs say, in one source of its own (src/base/version.h).
function(grpc_os_version target GRPC_OS_VERSION)
  set(source ${CMAKE_BINARY_DIR}/gen/${target}_version.cc)
  configure_file(src/base/version.cc.in ${source} @ONLY)
  target_sources(${target} PRIVATE ${source})
endfunction()

# A program on shared libraries (but for those of gRPC, if GRPC_OS_STATIC_GRPC).
function(grpc_os_program name source)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS;PACKAGES" ${ARGN})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${source})
    return()
  endif()
  add_executable(${name} ${source} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPENDS})
  foreach(package ${A_PACKAGES})
    pkg_check_modules(PKG_${package} REQUIRED IMPORTED_TARGET ${package})
    target_link_libraries(${name} PRIVATE PkgConfig::PKG_${package})
  endforeach()
  target_link_libraries(${name} PRIVATE shared_programs_libraries)
endfunction()

# A program without a shared library to load.
function(grpc_os_static_program name source)
  cmake_parse_arguments(A "" "" "DEPENDS" ${ARGN})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${source})
    return()
  endif()
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE ${A_DEPENDS})
  if(GRPC_OS_STATIC)
    target_link_options(${name} PRIVATE -static)
    set_target_properties(${name} PROPERTIES GRPC_OS_STATIC_PROGRAM ON)
    # Archives are searched in their order: these come after the lowest rooms, for such a program only.
    set(archives ${PROTOBUF_LITE_STATIC_LIBRARIES} ${ABSL_STATIC_LIBRARIES})
    foreach(lowest base protos_internal)
      target_link_libraries(${lowest} INTERFACE
        "$<$<BOOL:$<TARGET_PROPERTY:GRPC_OS_STATIC_PROGRAM>>:${archives}>")
    endforeach()
  else()
    target_link_libraries(${name} PRIVATE ${PROTOBUF_LITE_LIBRARIES} ${ABSL_LIBRARIES} Threads::Threads)
  endif()
endfunction()

# Archives are searched in their order: those of gRPC come after all rooms and protos that use them.
function(grpc_os_archives_last)
  if(NOT GRPC_OS_STATIC_GRPC)
    return()
  endif()
  foreach(lowest base protos_internal)
    target_link_libraries(${lowest} INTERFACE
      "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:GRPC_OS_STATIC_PROGRAM>>>:shared_programs_libraries>")
  endforeach()
  target_link_libraries(protos INTERFACE shared_programs_libraries)
endfunction()

# What bench/ measures with, of the same gRPC and options as the release's programs. Built when asked for.
function(grpc_os_bench_programs)
  if(NOT GRPC_OS_STATIC_GRPC)
    return()
  endif()
  grpc_os_protos(bench_protos GRPC ROOT bench FILES bench/rpc/echo.proto bench/store/store.proto)
  target_link_libraries(bench_protos INTERFACE shared_programs_libraries)
  grpc_os_program(bench-echo bench/rpc/echo_server.cc DEPENDS bench_protos)
  grpc_os_program(bench-store bench/store/store_server.cc DEPENDS bench_protos store host transport)
  grpc_os_program(bench-load bench/load/load_main.cc SOURCES bench/load/load_client.cc)
  target_include_directories(bench-load PRIVATE bench)
  grpc_os_program(bench-watch bench/load/watch_main.cc DEPENDS protos)
  grpc_os_program(bench-pack bench/deploy/pack_main.cc DEPENDS bundle)
  set_target_properties(bench_protos bench-echo bench-store bench-load bench-watch bench-pack PROPERTIES EXCLUDE_FROM_ALL ON)
endfunction()

# The servers of the suites of scripts/verify_transport.sh, which also brings the protos of conformance. Built when asked for.
function(grpc_os_transport_suites)
  set(here tests/transport)
  set(theirs build/conformance)
  set(names service server_compat config)
  list(TRANSFORM names PREPEND ${theirs}/connectrpc/conformance/v1/)
  list(TRANSFORM names APPEND .proto)
  grpc_os_protos(conformance_protos ROOT ${theirs} FILES ${names})
  grpc_os_program(transport-conformance ${here}/conformance_main.cc SOURCES ${here}/blocking_call.cc
    DEPENDS transport conformance_protos)
  set_target_properties(conformance_protos transport-conformance PROPERTIES EXCLUDE_FROM_ALL ON)
  if(NOT GRPC_OS_CORE_ONLY)
    grpc_os_protos(interop_protos ROOT ${here}/protos FILES ${here}/protos/grpc/testing/test.proto)
    grpc_os_program(transport-interop ${here}/interop_main.cc SOURCES ${here}/blocking_call.cc
      DEPENDS transport interop_protos protos)
    set_target_properties(interop_protos transport-interop PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endfunction()

# One test program per room that has *_test.cc files.
function(grpc_os_tests)
  include(GoogleTest)
  get_property(rooms GLOBAL PROPERTY GRPC_OS_TESTED_ROOMS)
  if(GRPC_OS_QUICK_TESTS)
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/gen/test_headers.cc CONTENT "")
    add_library(test_headers STATIC ${CMAKE_BINARY_DIR}/gen/test_headers.cc)
    target_link_libraries(test_headers PRIVATE GTest::gmock GTest::gtest)
    target_compile_options(test_headers PRIVATE -O0)
    target_precompile_headers(test_headers PRIVATE <algorithm> <atomic> <chrono> <filesystem> <fstream> <functional>
      <future> <map> <memory> <optional> <set> <string> <string_view> <thread> <utility> <vector>
      <absl/status/statusor.h> <absl/strings/str_cat.h> <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  foreach(room ${rooms})
    get_property(files GLOBAL PROPERTY GRPC_OS_TESTS_${room})
    add_executable(${room}_test ${files})
    target_link_libraries(${room}_test PRIVATE ${room} testing GTest::gmock GTest::gtest_main
      shared_programs_libraries)
    # Where ld drops libraries that nothing before them on the line needs, our archives' own come too early.
    target_link_options(${room}_test PRIVATE -Wl,--no-as-needed)
    if(GRPC_OS_QUICK_TESTS AND NOT room STREQUAL "store")  # whose tests compute much themselves
      target_compile_options(${room}_test PRIVATE -O0)
      if(NOT room STREQUAL "shell")  # readline's package defines a macro, for which GCC does not take the headers
        target_precompile_headers(${room}_test REUSE_FROM test_headers)
      endif()
    endif()
    gtest_discover_tests(${room}_test DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 240)
  endforeach()
  add_test(NAME include_table COMMAND python3 ${CMAKE_SOURCE_DIR}/scripts/check_includes.py)
  set_tests_properties(include_table PROPERTIES LABELS unit)
endfunction()

# grpc_os_text(ROOM NAMESPACE NAME=file ...): the texts of files as `const std::string_view NAME` of the namespace, in the room.
function(grpc_os_text room namespace)
  set(source ${CMAKE_BINARY_DIR}/gen/${room}_texts.cc)
  set(files)
  foreach(text ${ARGN})
    string(REGEX REPLACE "^.*=" "" file ${text})
    list(APPEND files ${CMAKE_SOURCE_DIR}/${file})
  endforeach()
  add_custom_command(OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -D OUTPUT=${source} -D NAMESPACE=${namespace} -D "TEXTS=${ARGN}" -D ROOT=${CMAKE_SOURCE_DIR}
      -P ${CMAKE_SOURCE_DIR}/cmake/texts.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/texts.cmake VERBATIM)
  target_sources(${room} PRIVATE ${source})
endfunction()
