"""Edits of the voice room's configuration that must not disturb calls, in a random order that a seed repeats."""

import random

from harness import voice_room_config

FILTER = "    filters {\n      name: \"%s\"\n      typed_config { [type.googleapis.com/sluice.filters.%s] { %s } }\n    }\n"
SECOND = """
listeners {
  name: "second"
  address: "127.0.0.1:0"
  filter_chains {
    name: "plain"
    filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: "elsewhere" } } }
  }
}
clusters { name: "elsewhere" endpoints: "127.0.0.1:9" endpoints: "127.0.0.1:%d" }
"""
TURN = 'turn { allowed_peers: "127.0.0.0/8" %s }'


class Edits:
    """`text()` is the current configuration; `step()` edits it and returns the kind of edit."""

    KINDS = ("mark", "pacer", "filter", "order", "repair", "listener", "cluster", "secret", "turn", "version", "limits")

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.base = voice_room_config()
        self.state = {"mark": 46, "pacer": 0, "filter": "none", "order": False, "repair": 150, "listener": False,
                      "cluster": 10, "secret": 0, "turn": 256, "version": 0, "limits": 250}
        self.changed = dict.fromkeys(self.KINDS, 0)

    def step(self):
        kind = self.random.choice(self.KINDS)
        self.changed[kind] += 1
        new = self.state[kind]
        while new == self.state[kind]:
            new = self.draw(kind)
        self.state[kind] = new
        return kind

    def draw(self, kind):
        pick = self.random.randrange
        return {"mark": lambda: pick(64), "pacer": lambda: pick(4), "filter": lambda: self.random.choice(
                    ("none", "marker", "impair", "both", "no pacer")),
                "order": lambda: not self.state["order"], "repair": lambda: 100 + pick(100),
                "listener": lambda: not self.state["listener"], "cluster": lambda: 10 + pick(1000),
                "secret": lambda: pick(1000), "turn": lambda: 64 + pick(400),
                "version": lambda: self.random.choice((0, 10, 50, 90, 100)), "limits": lambda: 100 + pick(400)}[kind]()

    def text(self):
        s = self.state
        begin = self.base.index("    filters {\n      name: \"marker\"")
        end = self.base.index("  }\n}\n\nadmin {")
        filters = self.base[begin:end].replace("dscp: 46", f"dscp: {s['mark']}")
        pacing = "adaptation {}" if s["pacer"] == 0 else f"rate_bps: {500_000 * s['pacer']}"
        filters = filters.replace("{ adaptation {} }", "{ %s }" % pacing).replace("sluice.filters.Repair] {}",
            "sluice.filters.Repair] { uplink { budget_ms: %d } }" % s["repair"])
        assert "turn {}" in filters and "budget_ms" in filters
        filters = filters.replace("turn {}", TURN % f"max_peers_per_allocation: {s['turn']}")
        extra = []
        if s["filter"] in ("marker", "both"):
            extra.append(FILTER % ("marker2", "Marker", "ingress { all { ttl: 7 } }"))
        if s["filter"] in ("impair", "both"):
            extra.append(FILTER % ("impair", "Impair", ""))
        at = filters.index("    filters {\n      name: \"pacer\"")
        after = filters.index("    filters {\n      name: \"repair\"")
        pacer = "" if s["filter"] == "no pacer" else filters[at:after]
        parts = [*extra, pacer]
        if s["order"]:
            parts.reverse()
        filters = filters[:at] + "".join(parts) + filters[after:]
        other = filters.replace(f"dscp: {s['mark']}", f"dscp: {63 - s['mark']}")
        versions = ("    versions {\n      name: \"old\"\n      weight: %d\n%s    }\n    versions {\n      name: \"new\"\n"
                    "      weight: %d\n%s    }\n" % (100 - s["version"], filters, s["version"], other))
        text = self.base[:begin] + versions + self.base[end:]
        text = text.replace('shared_secrets: "a secret', 'users { name: "alice" password: "alice\'s password" } '
                            'shared_secrets: "another secret, number %d" shared_secrets: "a secret' % s["secret"])
        text += "limits { max_players_per_room: %d drain_timeout_s: 1 }\n" % s["limits"]
        return text + (SECOND % s["cluster"] if s["listener"] else "")
