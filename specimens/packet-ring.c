// packet-ring - the receive ring of a packet socket, mapped; the kernel counts it as file memory.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include "specimen.h"

enum { kBlock = 64 << 10, kBlocks = 4, kFrame = 2048 };

int main(void) {
  // Protocol 0: no packet is received.
  const int packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (packets < 0) skip("a packet socket needs CAP_NET_RAW");
  const struct tpacket_req ring = {.tp_block_size = kBlock,
                                   .tp_block_nr = kBlocks,
                                   .tp_frame_size = kFrame,
                                   .tp_frame_nr = kBlock / kFrame * kBlocks};
  must(setsockopt(packets, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) == 0);
  const size_t size = (size_t)kBlock * kBlocks;
  Byte* const from = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, packets, 0);
  must(from != MAP_FAILED);
  read_pages(from, size / kPage);
  state_range("ring", from, size);
  state("ring.present", size);
  state("ring.resident", size);
  ready();
}
