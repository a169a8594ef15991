#!/usr/bin/env bash
# bazel run starts programs in their runfiles, where the paths of the benchmark's parts begin.
exec /usr/bin/python3 -u "$@"
