// Decides what is wrong now.
import * as format from './format.js';

const kBusy = 0.75, kSaturated = 0.9;  // shares of a worker's time
const kNotable = 0.01;  // drops as a share of the packets that arrive
const kSeconds = 10;    // over which drops are compared

// Reasons that occur without a fault: packets of calls that have ended, silence, and more speakers than slots.
const kNormal = new Set(['no_session', 'session_closing', 'draining', 'silence', 'no_slot']);
// Reasons that mean an overload, a limit or a bug even when they are rare.
const kFaults = new Set(['mailbox_full', 'send_queue_full', 'send_refused', 'no_tuple', 'unhandled', 'no_packet',
  'session_limit', 'listener_limit', 'source_limit']);

const kDropMetrics = ['sluice_listener_drops_total', 'sluice_filter_drops_total', 'sluice_filter_socket_drops_total'];

// Drops of all kinds that have occurred: {reason, where, rate, increase, total}, the fastest first.
export function drops(history) {
  const all = kDropMetrics.flatMap((name) => history.series(name).filter(({ value }) => value > 0)
    .map(({ labels, value }) => ({
      reason: labels.reason,
      where: [labels.listener, labels.chain, labels.version, labels.filter].filter(Boolean).join(' / '),
      rate: history.rate(name, labels, kSeconds),
      increase: history.increase(name, labels),
      total: value,
    })));
  return all.sort((a, b) => b.rate - a.rate || b.increase - a.increase || b.total - a.total);
}

function ofWorkers(history) {
  return history.series('sluice_worker_busy_share').filter(({ value }) => value >= kBusy).map(({ labels, value }) => ({
    id: `worker ${labels.worker}`,
    kind: value >= kSaturated ? 'bad' : 'warn',
    text: `Worker ${labels.worker} is ${format.percent(value)} busy.`,
    href: '#show=workers-title',
  }));
}

function ofDrops(history) {
  const arriving = history.rate('sluice_listener_packets_total', { direction: 'in' }, kSeconds);
  return drops(history).filter(({ reason, rate }) => rate > 0 && !kNormal.has(reason)
    && (kFaults.has(reason) || rate >= kNotable * arriving)).map(({ reason, where, rate }) => ({
    id: `drop ${reason} ${where}`,
    kind: kFaults.has(reason) ? 'bad' : 'warn',
    text: `${where} drops ${format.rate(rate)} packets per second: ${reason}.`,
    href: '#show=drops-title',
  }));
}

function ofReloads({ reloads }) {
  const last = reloads[0];
  if (last?.result !== 'refused') return [];
  const [error] = last.errors;
  const why = [error?.field, error?.error].filter(Boolean).join(': ');
  return [{
    id: 'reload',
    kind: 'bad',
    text: `The last reload was refused, and the old configuration is in use: ${why}`,
    href: '#show=reloads-title',
  }];
}

function ofRooms(rooms) {
  if (rooms.lossy === 0) return [];
  const [worst] = rooms.rooms;
  const text = `${rooms.lossy} of ${rooms.players} players lose at least 5 % of their packets`;
  if (!worst) return [{ id: 'lossy', kind: 'warn', text: `${text}.`, href: '#show=rooms-title' }];
  const href = `#${new URLSearchParams({ room: worst.room })}`;
  return [{ id: 'lossy', kind: 'warn', text: `${text}, ${worst.lossy} of them in room ${worst.room}.`, href }];
}

function ofVersions(listeners) {
  return listeners.flatMap((listener) => listener.filter_chains.filter((chain) => chain.stepped_back).map((chain) => ({
    id: `version ${listener.name} ${chain.name} ${chain.version}`,
    kind: 'warn',
    text: `Version ${chain.version} of ${listener.name} / ${chain.name} was rolled back.`,
    href: '#show=chains-title',
  })));
}

function ofProcess(info, history) {
  const out = [];
  if (info.state === 'draining') {
    out.push({ id: 'draining', kind: 'warn', text: 'The proxy is draining: it accepts no new sessions.' });
  }
  if (history.sum('sluice_worker_packets_unaccounted_total') > 0) {
    const text = 'A filter has lost packets without giving a reason: this is a bug of the filter.';
    out.push({ id: 'unaccounted', kind: 'bad', text });
  }
  const limited = history.sum('sluice_overload_limited_rooms');
  if (limited > 0) {
    const text = `A worker is saturated: in ${format.count(limited)} rooms the players hear fewer speakers.`;
    out.push({ id: 'overload', kind: 'bad', text, href: '#show=workers-title' });
  }
  const exhausted = history.increase('sluice_worker_packets_exhausted_total');
  if (exhausted > 0) {
    out.push({ id: 'exhausted', kind: 'bad', text: 'A worker has had no free packet buffer in the last minute.' });
  }
  const refused = history.increase('sluice_http_refused_total');
  if (refused > 0) {
    const text = `Limits of the HTTP endpoints have refused ${format.count(refused)} requests in the last minute.`;
    out.push({ id: 'http', kind: 'warn', text });
  }
  return out;
}

// {id, kind: 'bad' or 'warn', text, href}, the bad ones first. An id stays while its problem lasts.
export function problems({ info, history, rooms, reloads, listeners }) {
  const all = [...ofWorkers(history), ...ofProcess(info, history), ...ofReloads(reloads), ...ofDrops(history),
    ...ofVersions(listeners), ...ofRooms(rooms)];
  return [...all.filter(({ kind }) => kind === 'bad'), ...all.filter(({ kind }) => kind !== 'bad')];
}
