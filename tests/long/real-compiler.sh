# A C++ compiler in the midst of its work adds up while it stands, and less than 1 % is unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
compiler=${CXX:-c++}
needs "$compiler" pgrep

cat >large.cc <<'CC'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <regex>
#include <string>
template <int N> std::map<std::string, std::function<int(int)>> make() {
  std::map<std::string, std::function<int(int)>> m;
  m["n"] = [](int x) { return x + N; };
  if constexpr (N > 0) { auto n = make<N - 1>(); m.insert(n.begin(), n.end()); }
  return m;
}
int main() { return static_cast<int>(make<800>().size()) + std::regex_match("a", std::regex("a")); }
CC
"$compiler" -std=c++20 -O2 -ftemplate-depth=2000 -c large.cc &
child=$!
is_large() {  # cc1plus under g++, clang++ itself
  compiling=$(pgrep -P "$child" || echo "$child")
  (($(awk '$1 == "VmRSS:" { print $2 }' "/proc/$compiling/status") > 150 << 10))
}
eventually is_large
holds_up "$compiling" "$compiler"
