# Chromium with a page that holds memory adds up in each of its processes, and less than 1 % of each is
# unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
needs unshare pgrep
for browser in chromium chromium-browser google-chrome none; do
  ! command -v "$browser" >/dev/null || break
done
[[ $browser != none ]] || skip 'needs chromium'

cat >page.html <<'HTML'
<!doctype html><title>holding</title><body><script>
const held = {objects: [], bytes: []};
for (let i = 0; i < 300000; ++i) held.objects.push({i, text: "value " + i});
for (let i = 0; i < 40; ++i) held.bytes.push(new Uint8Array(1 << 20).fill(1));
for (let i = 0; i < 20000; ++i) {
  const paragraph = document.createElement("p");
  paragraph.textContent = "paragraph " + i;
  document.body.append(paragraph);
}
document.title = "held";
</script>
HTML
# Its processes end with their PID namespace, whatever happens. Root has to do without its sandbox.
((EUID == 0)) && namespaces=() || namespaces=(--user --map-current-user)
unshare "${namespaces[@]}" --pid --fork --kill-child "$browser" --headless --no-sandbox \
  --disable-gpu --no-first-run --disable-dev-shm-usage --user-data-dir="$PWD/profile" \
  --remote-debugging-port=0 "file://$PWD/page.html" >log 2>&1 &
namespace=$!

descendants() {
  local child
  for child in $(pgrep -P "$1" || true); do  # one without any is no failure
    echo "$child"
    descendants "$child"
  done
}
kind_of() {
  local words
  words=$(tr '\0' ' ' <"/proc/$1/cmdline")
  case $words in
    *crashpad_handler*) echo crashpad ;;
    *--type=*) sed -E 's/.*--type=([a-z-]+).*/\1/' <<<"$words" ;;
    *) echo browser ;;
  esac
}
# The page's renderer holds its 40 MiB and its objects when it is done.
page_is_held() {
  kill -0 "$namespace" 2>/dev/null || fail "it ended: $(tail -n 3 log)"
  local pid
  for pid in $(descendants "$namespace"); do
    [[ $(kind_of "$pid") == renderer ]] || continue
    (($(awk '$1 == "RssAnon:" { print $2 }' "/proc/$pid/status") < 100 << 10)) || return 0
  done
  return 1
}
eventually page_is_held

declare -A kinds=()
for pid in $(descendants "$namespace"); do
  grep -q ^VmRSS: "/proc/$pid/status" || continue  # a helper may have ended
  kind=$(kind_of "$pid")
  kinds[$kind]=1
  holds_up "$pid" "$kind $pid"
done
for kind in browser zygote renderer; do
  [[ -v kinds[$kind] ]] || fail "there was no $kind among: ${!kinds[*]}"
done
