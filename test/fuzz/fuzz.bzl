"""Fuzz targets: one source file with LLVMFuzzerTestOneInput each."""

def fuzz_test(name, src, deps, seeds = [], **kwargs):
    """A fuzz target and its smoke test.

    As a plain test it runs the seeds and a fixed number of mutations of them, always the same. With --config=fuzz it is
    a libFuzzer binary: bazel run --config=fuzz //test/fuzz:NAME -- -max_total_time=60 CORPUS

    Args:
      name: of the target
      src: the source file
      deps: what is fuzzed
      seeds: files or filegroups to begin with
      **kwargs: as for any test
    """
    native.cc_test(
        name = name,
        size = "small",
        srcs = [src] + select({
            "//test/fuzz:libfuzzer": [],
            "//conditions:default": ["//test/fuzz:smoke_main.cc"],
        }),
        args = ["$(rootpaths %s)" % seed for seed in seeds],
        data = seeds,
        linkopts = select({
            "//test/fuzz:libfuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = deps,
        **kwargs
    )
