"""Counts targets in a Bazel build event file (JSON lines): prints "<passed> <failed>".

A target that does not build counts as failed, even if it is not a test.
"""

import json
import sys


def main():
    results = {}
    with open(sys.argv[1], encoding="utf-8") as lines:
        for event in map(json.loads, lines):
            ident = event["id"]
            if "testSummary" in ident:
                results[ident["testSummary"]["label"]] = event["testSummary"]["overallStatus"]
            elif "targetCompleted" in ident and not event.get("completed", {}).get("success"):
                results.setdefault(ident["targetCompleted"]["label"], "FAILED_TO_BUILD")
    passed = sum(status in ("PASSED", "FLAKY") for status in results.values())
    print(passed, len(results) - passed)


if __name__ == "__main__":
    main()
