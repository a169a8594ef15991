"""External repositories: Debian's packages, plus what Bazel would otherwise download."""

load(":debian.bzl", "debian_rules_cc", "debian_srtp2")

def _debian_library(name):
    native.new_local_repository(
        name = name,
        path = "/usr",
        build_file = "@sluice//source/third_party:%s.BUILD" % name,
    )

def sluice_repositories():
    """Declares every external repository that Sluice builds with."""

    # Bazel's own default repositories, as Debian ships them.
    native.local_repository(name = "rules_java", path = "/usr/share/bazel/rules/java")
    native.local_repository(name = "rules_proto", path = "/usr/share/bazel/rules/proto")
    native.local_repository(name = "bazel_skylib", path = "/usr/share/bazel/tools/skylib")
    native.local_repository(name = "platforms", path = "/usr/share/bazel/tools/platforms")
    debian_rules_cc(name = "rules_cc")
    native.new_local_repository(
        name = "remote_coverage_tools",
        path = "/usr/share/bazel/tools/platforms",
        build_file_content = "filegroup(name = \"coverage_report_generator\", visibility = [\"//visibility:public\"])",
    )

    _debian_library("com_google_protobuf")
    _debian_library("boringssl")
    _debian_library("debian")
    debian_srtp2(name = "srtp2")
