// The parts of the page about the whole process.
import { byId, fill, fillFacts, fillRows, keep, setClass, setText } from './dom.js';
import * as format from './format.js';
import { drops, problems } from './problems.js';

const kTransit = 'sluice_listener_transit_seconds';
const kMostDrops = 30;  // rows

export function showState(data) {
  const { info, history, rooms } = data;
  const found = problems(data);
  const bad = found.filter(({ kind }) => kind === 'bad').length;
  const isMeasured = history.covered(10) > 0;
  const texts = { 0: isMeasured ? 'Nothing is wrong.' : 'Rates are being measured.', 1: 'One problem.' };
  setText(byId('summary'), texts[found.length] ?? `${found.length} problems.`);
  setClass(byId('summary'), bad > 0 ? 'bad' : found.length > 0 ? 'warn' : isMeasured ? 'good' : '');
  const items = keep(byId('problems'), found.map(({ id }) => id), () => document.createElement('li'));
  items.forEach((item, i) => fill(item, found[i]));
  fillFacts(byId('facts'), [
    ['State', info.state], ['Version', info.version], ['Uptime', format.duration(info.uptime_s)],
    ['Sessions', format.count(info.sessions)], ['Rooms', format.count(rooms.total)],
    ['Players', format.count(rooms.players)],
    ['Connected players', format.count(history.sum('sluice_players', { state: 'connected' }))],
    ['Generation', format.count(info.generation)],
  ]);
}

function showTraffic(history) {
  const rate = (direction) => format.rate(history.rate('sluice_listener_packets_total', { direction }));
  const rates = (direction) => ({ spark: history.rates('sluice_listener_packets_total', { direction }) });
  const quantile = (share) => format.milliseconds(history.quantile(kTransit, share));
  fillFacts(byId('traffic'), [
    ['Packets in/s', rate('in')], ['in, last minute', rates('in')],
    ['Packets out/s', rate('out')], ['out, last minute', rates('out')],
    ['Latency p50', quantile(0.5)], ['Latency p95', quantile(0.95)], ['Latency p99', quantile(0.99)],
  ]);
}

function showRooms(rooms) {
  fillRows(byId('rooms'), rooms.rooms.map(({ room, players, connected, talking, lossy }) => ({
    key: room,
    cells: [{ text: room, href: `#${new URLSearchParams({ room })}` }, format.count(players),
      { text: format.count(connected), kind: connected < players ? 'warn' : '' }, format.count(talking),
      { text: format.count(lossy), kind: lossy > 0 ? 'warn' : '' }],
  })));
  const shown = rooms.rooms.length;
  setText(byId('rooms-note'), rooms.total === 0 ? 'There are no rooms.'
    : shown < rooms.total ? `These are ${shown} of ${rooms.total} rooms: those with lossy players, then the largest.`
      : 'Lossy players lose at least 5 % of their packets in one direction.');
}

function showWorkers(history) {
  fillRows(byId('workers'), history.series('sluice_worker_busy_share').map(({ labels: { worker }, value }) => ({
    key: worker,
    cells: [worker, { text: format.percent(value), kind: value >= 0.9 ? 'bad' : value >= 0.75 ? 'warn' : '' },
      { spark: history.values('sluice_worker_busy_share', { worker }), most: 1 },
      format.count(history.increase('sluice_worker_mailbox_full_total', { worker })),
      format.count(history.increase('sluice_worker_packets_exhausted_total', { worker }))],
  })));
}

function showListeners(history, listeners) {
  fillRows(byId('listeners'), listeners.map(({ name, addresses }) => {
    const rate = (direction) => {
      return format.rate(history.rate('sluice_listener_packets_total', { listener: name, direction }));
    };
    return {
      key: name,
      cells: [name, addresses.join(', '), format.count(history.sum('sluice_listener_sessions', { listener: name })),
        rate('in'), rate('out'), format.milliseconds(history.quantile(kTransit, 0.99, { listener: name }))],
    };
  }));
}

function showChains(history, listeners) {
  fillRows(byId('chains'), listeners.flatMap((listener) => listener.filter_chains.map((chain) => {
    const wanted = { listener: listener.name, chain: chain.name, ...(chain.version && { version: chain.version }) };
    const first = { ...wanted, filter: chain.filters[0]?.name, direction: 'ingress' };
    const state = chain.stepped_back ? `${chain.version}, rolled back` : chain.version ?? '–';
    return {
      key: Object.values(wanted).join(' '),
      cells: [`${listener.name} / ${chain.name}`, { text: state, kind: chain.stepped_back ? 'warn' : '' },
        chain.share === undefined ? '–' : format.percent(chain.share),
        format.count(history.sum('sluice_chain_sessions', wanted)),
        format.rate(history.rate('sluice_filter_packets_total', first)),
        format.rate(history.rate('sluice_filter_drops_total', wanted)),
        chain.filters.map(({ name }) => name).join(', ')],
    };
  })));
}

function showDrops(history) {
  const all = drops(history);
  fillRows(byId('drops'), all.slice(0, kMostDrops).map(({ reason, where, rate, increase, total }) => ({
    key: `${reason} ${where}`,
    cells: [reason, where, format.rate(rate), format.count(increase), format.count(total)],
  })));
  setText(byId('drops-note'), all.length === 0 ? 'Nothing was dropped.'
    : all.length > kMostDrops ? `These are ${kMostDrops} of ${all.length} kinds.` : '');
}

function showReloads({ accepted, refused, reloads }) {
  fillRows(byId('reloads'), reloads.map(({ trigger, result, ago_s: ago, errors }, i) => ({
    key: String(accepted + refused - i),
    cells: [`${format.duration(ago)} ago`, trigger, { text: result, kind: result === 'refused' ? 'bad' : '' },
      errors.map(({ field, error }) => (field ? `${field}: ${error}` : error)).join('\n')],
  })));
  setText(byId('reloads-note'), `Since the start: ${accepted} applied, ${refused} refused.`);
}

export function showOverview({ history, rooms, reloads, listeners }) {
  showTraffic(history);
  showRooms(rooms);
  showWorkers(history);
  showListeners(history, listeners);
  showChains(history, listeners);
  showDrops(history);
  showReloads(reloads);
}
