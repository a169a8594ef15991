// Reads the metrics of GET /metrics, and compares those of the last minute.

const kNames = new Set([
  'sluice_uptime_seconds', 'sluice_players', 'sluice_worker_busy_share', 'sluice_worker_mailbox_full_total',
  'sluice_worker_packets_exhausted_total', 'sluice_worker_packets_unaccounted_total', 'sluice_listener_packets_total',
  'sluice_listener_drops_total', 'sluice_listener_sessions', 'sluice_listener_transit_seconds_bucket',
  'sluice_filter_packets_total', 'sluice_filter_drops_total', 'sluice_filter_socket_drops_total',
  'sluice_chain_sessions', 'sluice_http_refused_total', 'sluice_overload_limited_rooms',
]);

// The series of one moment by name: arrays of {labels, value}.
export function parse(text) {
  const byName = new Map();
  for (const line of text.split('\n')) {
    const [, name, labels, value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (!kNames.has(name)) continue;
    const series = { labels: {}, value: Number(value) };
    for (const [, label, text] of (labels ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      series.labels[label] = text.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    }
    if (!byName.has(name)) byName.set(name, []);
    byName.get(name).push(series);
  }
  return byName;
}

const matches = (labels, wanted) => Object.entries(wanted).every(([label, value]) => labels[label] === value);

function sumOf(metrics, name, wanted) {
  let sum = 0;
  for (const { labels, value } of metrics.get(name) ?? []) {
    if (matches(labels, wanted)) sum += value;
  }
  return sum;
}

export class History {
  static kSeconds = 60;
  #moments = [];  // {at, metrics}, oldest first; `at` in seconds

  // `at` in seconds. A process that has restarted begins a new history.
  add(at, metrics) {
    const uptime = (moment) => sumOf(moment, 'sluice_uptime_seconds', {});
    if (this.#moments.length > 0 && uptime(metrics) < uptime(this.#moments.at(-1).metrics)) this.#moments = [];
    this.#moments.push({ at, metrics });
    while (at - this.#moments[0].at > History.kSeconds) this.#moments.shift();
  }

  get #newest() { return this.#moments.at(-1); }
  #oldest(seconds) {
    return this.#moments.find(({ at }) => this.#newest.at - at <= seconds);
  }
  // The time that increases over `seconds` really cover.
  covered(seconds) {
    return this.#newest.at - this.#oldest(seconds).at;
  }

  series(name, wanted = {}) {
    return (this.#newest?.metrics.get(name) ?? []).filter(({ labels }) => matches(labels, wanted));
  }
  sum(name, wanted = {}) {
    return sumOf(this.#newest.metrics, name, wanted);
  }
  increase(name, wanted = {}, seconds = History.kSeconds) {
    return Math.max(0, this.sum(name, wanted) - sumOf(this.#oldest(seconds).metrics, name, wanted));
  }
  // Per second.
  rate(name, wanted = {}, seconds = 10) {
    const covered = this.covered(seconds);
    return covered > 0 ? this.increase(name, wanted, seconds) / covered : 0;
  }
  // The values of a gauge, oldest first.
  values(name, wanted = {}) {
    return this.#moments.map(({ metrics }) => sumOf(metrics, name, wanted));
  }
  // A counter's increases per second between one moment and the next, oldest first.
  rates(name, wanted = {}) {
    const sums = this.values(name, wanted);
    return sums.slice(1).map((sum, i) => Math.max(0, sum - sums[i]) / (this.#moments[i + 1].at - this.#moments[i].at));
  }

  // The quantile of a histogram of seconds, over the last minute, interpolated within a bucket; undefined: nothing was
  // measured.
  quantile(name, share, wanted = {}) {
    const bounds = [...new Set(this.series(`${name}_bucket`, wanted).map(({ labels }) => labels.le))]
      .map((le) => ({ le, bound: le === '+Inf' ? Infinity : Number(le) })).sort((a, b) => a.bound - b.bound);
    if (bounds.length === 0) return undefined;
    const below = bounds.map(({ le }) => this.increase(`${name}_bucket`, { ...wanted, le }));
    const rank = share * below.at(-1);
    if (rank === 0) return undefined;
    const i = below.findIndex((amount) => amount >= rank);
    const low = i > 0 ? bounds[i - 1].bound : 0, beneath = i > 0 ? below[i - 1] : 0;
    if (bounds[i].bound === Infinity) return low;
    return low + (bounds[i].bound - low) * ((rank - beneath) / (below[i] - beneath));
  }
}
