# Daemons with one guard removed, by which tests prove that they can fail. Never shipped, and not part of `all`.
# grpc_os_osd_mutation(NAME FILE): build/PRESET/mutations/NAME/grpc-osd, in which FILE, of some room, was compiled with
# GRPC_OS_MUTATION_NAME. Its own object comes before the room's archive, of which that member is then not taken.
function(grpc_os_osd_mutation name file)
  add_executable(osd-${name} EXCLUDE_FROM_ALL src/main/osd_main.cc ${file})
  target_compile_definitions(osd-${name} PRIVATE GRPC_OS_MUTATION_${name})
  target_link_libraries(osd-${name} PRIVATE main shared_programs_libraries)
  set_target_properties(osd-${name} PROPERTIES
    OUTPUT_NAME grpc-osd RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/mutations/${name})
endfunction()
