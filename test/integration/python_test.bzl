"""Tests in Python that drive the built proxy."""

def python_test(name, src, data = [], **kwargs):
    """A test that Debian's Python runs; its modules need only Debian's packages.

    Args:
      name: of the target
      src: the script
      data: what else the script reads or runs
      **kwargs: as for any test
    """
    native.sh_test(
        name = name,
        srcs = ["//test/integration:python_test.sh"],
        args = ["$(rootpath %s)" % src],
        data = [src, "//test/integration:harness"] + data,
        **kwargs
    )
