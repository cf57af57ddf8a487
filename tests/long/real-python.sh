# python3 with a heap of 200 MB adds up, and less than 1 % of it is unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
python=/usr/bin/python3  # the distribution's
[[ -x $python ]] || skip 'needs /usr/bin/python3'

cat >hold.py <<'PY'
import time
held = [str(i) * 3 for i in range(1500000)], {i: [i] for i in range(400000)}, bytearray(50 << 20)
open("ready", "w").close()
time.sleep(3600)
PY
$python hold.py &
eventually test -e ready
holds_up $! python3
