"""Fuzz targets that run everywhere."""

def fuzz_test(name, srcs, deps, seeds = [], runs = 20000):
    """A target of LLVMFuzzerTestOneInput.

    Makes a test that replays the seeds and then mutates them a fixed number of times, in any build; and the manual
    binary <name>_libfuzzer, which searches for as long as one lets it:
    bazel run --config=fuzz //test/fuzz:<name>_libfuzzer -- -max_total_time=60
    test/fuzz/run runs all of them.

    Args:
      name: of the test
      srcs: sources
      deps: what they need
      seeds: files to begin with
      runs: mutations of them that the test runs
    """
    native.cc_test(
        name = name,
        size = "medium",
        timeout = "long",  # twenty thousand runs under sanitizers on a slow machine
        srcs = srcs,
        args = ["$(rootpath %s)" % seed for seed in seeds],
        data = seeds,
        env = {"FUZZ_RUNS": str(runs)},
        tags = ["fuzz"],
        deps = deps + [":standalone_main"],
    )
    native.cc_binary(
        name = name + "_libfuzzer",
        testonly = True,
        srcs = srcs,
        data = seeds,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps,
    )
