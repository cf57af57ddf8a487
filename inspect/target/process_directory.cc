#include "inspect/target/process_directory.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "base/file.h"

namespace strata {

Result<std::vector<pid_t>> read_numbers(int directory, const std::string& path, std::size_t most) {
  auto file = open_file(directory, path, O_RDONLY | O_DIRECTORY);
  if (!file) return pass(file);
  DIR* const listing = fdopendir(file->fd());
  if (listing == nullptr) return fail_errno(errno, "list " + path);
  file->take_fd();
  std::vector<pid_t> numbers;
  for (const dirent* entry; numbers.size() < most && (entry = readdir(listing)) != nullptr;) {
    const std::string_view name = entry->d_name;
    pid_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) numbers.push_back(number);
  }
  closedir(listing);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace strata
