# One library a folder, made of every .cc in it; X_test.cc goes into the folder's test program and
# X_fuzz.cc becomes a fuzzer of its own. A new file needs no line anywhere.

add_library(strata_flags INTERFACE)
target_compile_features(strata_flags INTERFACE cxx_std_20)
target_include_directories(strata_flags INTERFACE ${PROJECT_SOURCE_DIR})
# A designated initialiser leaves the other members at their defaults, and means to.
target_compile_options(strata_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers)

function(strata_layer folder)
  cmake_parse_arguments(arg "" "" "USES;LINKS" ${ARGN})
  string(REPLACE "/" "_" name strata_${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc
       ${PROJECT_SOURCE_DIR}/${folder}/*/*.cc)
  # inspect/'s own layers are folders of their own, never swallowed by a parent.
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers ${sources})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.cc$")

  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC strata_flags ${arg_LINKS})
  foreach(used IN LISTS arg_USES)
    string(REPLACE "/" "_" used strata_${used})
    target_link_libraries(${name} PUBLIC ${used})
  endforeach()

  if(STRATA_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} GTest::gtest_main)
    # GoogleTest's EXPECT_* are if-else inside, safe behind an if without braces.
    target_compile_options(${name}_test PRIVATE -Wno-dangling-else)
    add_test(NAME unit/${folder} COMMAND ${name}_test --gtest_brief=1)
  endif()
  if(STRATA_TESTS OR STRATA_FUZZERS)
    foreach(fuzzer IN LISTS fuzzers)
      strata_fuzzer(${name} ${fuzzer})
    endforeach()
  endif()
endfunction()

# With STRATA_FUZZERS a libFuzzer program; without, one that replays the corpus as a test.
function(strata_fuzzer library source)
  get_filename_component(fuzzer ${source} NAME_WE)
  set(corpus ${PROJECT_SOURCE_DIR}/tests/corpora/${fuzzer})
  if(STRATA_FUZZERS)
    add_executable(${fuzzer} ${source})
    target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${fuzzer} PRIVATE ${library})
  else()
    add_executable(${fuzzer} ${source} ${PROJECT_SOURCE_DIR}/tests/replay.cc)
    target_link_libraries(${fuzzer} PRIVATE ${library})
    add_test(NAME corpus/${fuzzer} COMMAND ${fuzzer} ${corpus})
  endif()
endfunction()
