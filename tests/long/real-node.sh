# node that holds 200 MB adds up, and less than 1 % of it is unexplained.
# STRATA_TEST_NODES may name more of them, separated by colons: V8 keeps its pages otherwise in each.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
needs node

IFS=: read -ra nodes <<<"$(command -v node):${STRATA_TEST_NODES-}"
for node in "${nodes[@]}"; do
  [[ -n $node ]] || continue
  rm -f ready
  "$node" -e 'globalThis.held = [Buffer.alloc(60 << 20, 1), new Map()];
    for (let i = 0; i < 1000000; ++i) held[1].set("key " + i, {i, text: "value " + i});
    require("fs").writeFileSync("ready", "");
    setInterval(() => 0, 1 << 30)' &
  eventually test -e ready
  holds_up $! "$("$node" --version)"
  kill $!
done
