"""The target that every filter's folder has."""

_ENGINE = [
    "//source/base",
    "//source/chain",
    "//source/net",
    "//source/rooms",
    "//source/stats:schema",
]

def sluice_filter(name, srcs = None, hdrs = None, deps = []):
    """A filter's library. Filters see the engine's lower layers, never its runtime or one another.

    Args:
      name: the filter's name and folder; its proto is api/filters/<name>.proto.
      srcs: sources; default <name>.cc.
      hdrs: headers; default <name>.h.
      deps: dependencies in addition to the engine, e.g. "//source/codec:rtp".
    """
    native.cc_library(
        name = name,
        srcs = srcs or [name + ".cc"],
        hdrs = hdrs or [name + ".h"],
        visibility = [
            "//filters:__pkg__",
            "//test:__subpackages__",
        ],
        deps = _ENGINE + ["//api:%s_cc_proto" % name] + deps,
    )
