"""What the test of a filter has in common with the others."""

def filter_test(name, deps = []):
    """The test of a filter: <name>_test.cc in a folder with the filter's name.

    Args:
      name: the filter's name.
      deps: dependencies in addition to the filter and the harness.
    """
    native.cc_test(
        name = name + "_test",
        size = "small",
        srcs = [name + "_test.cc"],
        deps = deps + [
            "//filters/" + name,
            "//test/support:doctest",
            "//test/support:harness",
        ],
    )
