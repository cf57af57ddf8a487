# node that holds 200 MB adds up, and less than 1 % of it is unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
needs node

node -e 'globalThis.held = [Buffer.alloc(60 << 20, 1), new Map()];
  for (let i = 0; i < 1000000; ++i) held[1].set("key " + i, {i, text: "value " + i});
  require("fs").writeFileSync("ready", "");
  setInterval(() => 0, 1 << 30)' &
eventually test -e ready
holds_up $! node
