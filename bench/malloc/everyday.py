"""everyday.py work: records made, written as JSON, read, grouped and sorted; everyday.py records: as JSON."""

import json
import sys


def records(count):
    return [
        {"name": f"name {i * 7919 % count}", "values": [i, i * 3 % 101, i % 7], "flag": i % 2 == 0}
        for i in range(count)
    ]


def work():
    read = json.loads(json.dumps(records(80_000)))
    groups = {}
    for record in read:
        groups.setdefault(sum(record["values"]) % 997, []).append(record["name"])
    names = sorted(name.upper() for group in groups.values() for name in group)
    print(len(groups), names[0], names[-1])


if sys.argv[1] == "work":
    work()
else:
    json.dump(records(60_000), sys.stdout)
