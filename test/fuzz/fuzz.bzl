"""Fuzz targets that run everywhere."""

def fuzz_test(name, srcs, deps, seeds = []):
    """A target of LLVMFuzzerTestOneInput.

    Makes a test that replays the seeds and then mutates them a fixed number of times, in any build; and the manual
    binary <name>_libfuzzer, which searches for as long as one lets it:
    bazel run --config=fuzz //test/fuzz:<name>_libfuzzer -- -max_total_time=60

    Args:
      name: of the test
      srcs: sources
      deps: what they need
      seeds: files to begin with
    """
    native.cc_test(
        name = name,
        size = "medium",
        srcs = srcs + ["standalone_main.cc"],
        args = ["$(rootpath %s)" % seed for seed in seeds],
        data = seeds,
        tags = ["fuzz"],
        deps = deps,
    )
    native.cc_binary(
        name = name + "_libfuzzer",
        testonly = True,
        srcs = srcs,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps,
    )
