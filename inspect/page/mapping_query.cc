#include "inspect/page/mapping_query.h"

#include <sys/ioctl.h>

#include "inspect/target/kernel_abi.h"

namespace strata {

std::optional<Bytes> query_page_size(const File& maps, Address address) {
  abi::ProcmapQuery query{};
  query.size = sizeof(query);
  query.query_addr = address.value;
  if (ioctl(maps.fd(), abi::kProcmapQuery, &query) != 0) return std::nullopt;
  return Bytes{query.vma_page_size};
}

}  // namespace strata
