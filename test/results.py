"""Reads a Bazel build event file (JSON lines).

results.py count FILE     prints "<passed> <failed>", counted in targets. A target that does not build counts as failed,
                          also when it is no test.
results.py slowest FILE   prints the tests that took longest.
"""

import json
import sys

SHOWN = 8


def events(path):
    with open(path, encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def count(path):
    results = {}
    for event in events(path):
        ident = event["id"]
        if "testSummary" in ident:
            results[ident["testSummary"]["label"]] = event["testSummary"]["overallStatus"]
        elif "targetCompleted" in ident and not event.get("completed", {}).get("success"):
            results.setdefault(ident["targetCompleted"]["label"], "FAILED_TO_BUILD")
    passed = sum(status in ("PASSED", "FLAKY") for status in results.values())
    print(passed, len(results) - passed)


def slowest(path):
    seconds = {
        event["id"]["testResult"]["label"]: int(event["testResult"].get("testAttemptDurationMillis", 0)) / 1000
        for event in events(path)
        if "testResult" in event["id"]
    }
    longest = sorted(seconds, key=seconds.get, reverse=True)[:SHOWN]
    if longest:
        print(f"{sum(seconds.values()):.0f} s of tests; the slowest:")
    for label in longest:
        print(f"  {seconds[label]:6.1f} s  {label}")


def main():
    {"count": count, "slowest": slowest}[sys.argv[1]](sys.argv[2])


if __name__ == "__main__":
    main()
