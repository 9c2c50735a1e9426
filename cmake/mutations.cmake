# Programs with one object replaced. Never shipped, and not part of `all`.

# Daemons with one guard removed, by which tests prove that they can fail:
# grpc_os_osd_mutation(NAME FILE): build/PRESET/mutations/NAME/grpc-osd, in which FILE, of some room, was compiled with
# GRPC_OS_MUTATION_NAME. Its own object comes before the room's archive, of which that member is then not taken.
function(grpc_os_osd_mutation name file)
  add_executable(osd-${name} EXCLUDE_FROM_ALL src/main/osd_main.cc ${file})
  target_compile_definitions(osd-${name} PRIVATE GRPC_OS_MUTATION_${name})
  target_link_libraries(osd-${name} PRIVATE main shared_programs_libraries)
  set_target_properties(osd-${name} PROPERTIES
    OUTPUT_NAME grpc-osd RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/mutations/${name})
endfunction()

# Programs that say another version, for tests of upgrades: build/PRESET/other-version/, built when asked for. One source is
# compiled; its object comes before the base's, as above.
function(grpc_os_other_version version)
  add_library(base_other OBJECT EXCLUDE_FROM_ALL)
  target_include_directories(base_other PRIVATE src)
  grpc_os_version(base_other ${version})
  add_custom_target(other-version)
  foreach(program ${ARGN})
    set(other ${program}-other)
    add_executable(${other} EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${program}> $<TARGET_OBJECTS:base_other>)
    foreach(property LINK_LIBRARIES LINK_OPTIONS GRPC_OS_STATIC_PROGRAM)
      get_target_property(value ${program} ${property})
      if(value)
        set_target_properties(${other} PROPERTIES ${property} "${value}")
      endif()
    endforeach()
    set_target_properties(${other} PROPERTIES
      OUTPUT_NAME ${program} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/other-version)
    add_dependencies(other-version ${other})
  endforeach()
endfunction()
