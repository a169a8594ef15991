"""Repository rules that adapt Debian's packages."""

_CC_TOOLCHAIN_TYPE = "[\"@bazel_tools//tools/cpp:toolchain_type\"]"

def _debian_rules_cc_impl(ctx):
    # Debian's rules_cc 0.0.4 loads use_cpp_toolchain, which Bazel 4.2.3 does not have.
    ctx.execute(["cp", "-r", "/usr/share/bazel/rules/cc/.", "."])
    for name in ["compiler_flag.bzl", "cc_flags_supplier.bzl"]:
        path = "cc/private/rules_impl/" + name
        text = ctx.read(path)
        text = text.replace(", \"use_cpp_toolchain\"", "")
        text = text.replace("use_cpp_toolchain()", _CC_TOOLCHAIN_TYPE)
        ctx.delete(path)
        ctx.file(path, text)

debian_rules_cc = repository_rule(implementation = _debian_rules_cc_impl)

_SRTP2_SHA256 = "8a43ef8e9ae2b665292591af62aa1a4ae41e468b6d98d8258f91478735da4e09"

def _debian_srtp2_impl(ctx):
    # Debian's binary uses NSS and is 20 times slower than the same source on BoringSSL. The source is
    # in the archive next to the binary package, so apt knows its address.
    uris = ctx.execute(["apt-get", "download", "--print-uris", "libsrtp2-dev"])
    if uris.return_code != 0 or not uris.stdout.startswith("'"):
        fail("apt has no package libsrtp2-dev; run 'apt-get update' first: " + uris.stderr)
    folder = uris.stdout[1:uris.stdout.index("'", 1)].rpartition("/")[0]
    ctx.download_and_extract(
        url = folder + "/libsrtp2_2.5.0.orig.tar.gz",
        sha256 = _SRTP2_SHA256,
        stripPrefix = "libsrtp-2.5.0",
    )
    ctx.symlink(ctx.attr._build_file, "BUILD.bazel")
    ctx.symlink(ctx.attr._config, "config/config.h")
    ctx.execute(["sh", "-c", "mkdir -p api/srtp2 && ln -s ../../include/srtp.h ../../include/ekt.h api/srtp2/"])

debian_srtp2 = repository_rule(
    implementation = _debian_srtp2_impl,
    attrs = {
        "_build_file": attr.label(default = "//source/third_party:srtp2.BUILD"),
        "_config": attr.label(default = "//source/third_party:srtp2_config.h"),
    },
)
