// tests/replay.cc - runs a fuzzer's corpus as a test, without libFuzzer: each file of the directory
// argv[1] goes through LLVMFuzzerTestOneInput once. A directory without files is a failure.
#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: {} CORPUS-DIRECTORY\n", argv[0]);
    return 2;
  }
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++count;
  }
  fmt::print("{} inputs of {}\n", count, argv[1]);
  if (error) fmt::print(stderr, "error: {}: {}\n", argv[1], error.message());
  return error || count == 0 ? 1 : 0;
}
