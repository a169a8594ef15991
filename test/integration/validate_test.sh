#!/usr/bin/env bash
# Every configuration on the command line is valid, and errors in an invalid one are named.
set -euo pipefail
sluice=source/server/sluice

for config; do
  answer=$("$sluice" --mode validate --config "$config")
  [[ $answer == OK ]] || { echo "$config: $answer"; exit 1; }
done

echo 'listeners { name: "a" address: "nowhere" }' >"$TEST_TMPDIR/bad.textproto"
if answer=$("$sluice" --mode validate --config "$TEST_TMPDIR/bad.textproto" 2>&1); then
  echo "a bad configuration was accepted: $answer"
  exit 1
fi
[[ $answer == *listeners\[0\].address* ]] || { echo "the field is not named: $answer"; exit 1; }
