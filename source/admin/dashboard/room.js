// The parts of the page about one room: its players, who hears whom, and why not.
import { byId, fillRows, keep, setClass, setText } from './dom.js';
import * as format from './format.js';

const kLossyPercent = 5;
const kMostInMatrix = 24;  // rows, and columns

const filtered = (ids) => ids.filter((id) => id.toLowerCase().includes(byId('filter').value.trim().toLowerCase()));

// A player's packets per second, from the last two responses about its room.
export class Rates {
  #old = new Map();
  #new = new Map();

  // `at` in seconds.
  add(at, players) {
    this.#old = this.#new;
    this.#new = new Map(players.map((player) => [player.id, { at, in: player.packets_in, out: player.packets_out }]));
  }
  of(id, direction) {
    const before = this.#old.get(id), now = this.#new.get(id);
    if (before === undefined || now.at <= before.at || now[direction] < before[direction]) return undefined;
    return (now[direction] - before[direction]) / (now.at - before.at);
  }
}

function stateOf({ connected, talking, microphone }) {
  if (!connected) return { text: 'not connected', kind: 'warn' };
  if (talking) return { text: 'talking', kind: 'good' };
  return { text: microphone ? 'silent' : 'only listens', kind: '' };
}

const loss = (percent) => ({ text: `${percent}\u00a0%`, kind: percent >= kLossyPercent ? 'warn' : '' });

export function showPlayers({ room, total, players }, rates) {
  setText(byId('room-title'), `Room ${room}`);
  const shown = new Set(filtered(players.map(({ id }) => id)));
  const rate = (id, direction) => {
    const value = rates.of(id, direction);
    return value === undefined ? '–' : format.rate(value);
  };
  fillRows(byId('players'), players.filter(({ id }) => shown.has(id)).map((player) => ({
    key: player.id,
    cells: [player.id, stateOf(player),
      { level: player.level_dbov, label: player.level_dbov === null ? 'no voice' : `${player.level_dbov}\u00a0dBov` },
      player.rtt_ms === 0 ? 'unknown' : format.milliseconds(player.rtt_ms / 1000),
      loss(player.loss_percent), loss(player.uplink_loss_percent),
      rate(player.id, 'in'), rate(player.id, 'out'), player.worker === null ? '–' : String(player.worker)],
  })));
  const more = players.length < total ? ` The first ${players.length} can be shown here.` : '';
  setText(byId('room-note'), `${total} ${total === 1 ? 'player' : 'players'}.${more}`);
}

export function showNoRoom(room) {
  setText(byId('room-title'), `Room ${room}`);
  setText(byId('room-note'), 'There is no such room now. A room exists while it has players.');
  fillRows(byId('players'), []);
  showNoMatrix('');
}

export function showNoMatrix(why) {
  byId('matrix-head').replaceChildren();
  byId('matrix-body').replaceChildren();
  setText(byId('matrix-note'), why);
}

function fillHead(ids) {
  const cells = keep(byId('matrix-head'), ['', ...ids.map((id) => `to ${id}`)], () => {
    const cell = document.createElement('th');
    cell.scope = 'col';
    return cell;
  });
  setText(cells[0], 'Receiver');
  cells.slice(1).forEach((cell, i) => setText(cell, ids[i]));
}

function fillPair(cell, listener, speaker, hears, isOpen) {
  if (cell.firstElementChild === null) {
    cell.append(document.createElement('button'));
    Object.assign(cell.firstElementChild.dataset, { listener, speaker });
    cell.firstElementChild.type = 'button';
  }
  const button = cell.firstElementChild;
  setText(button, hears ? 'yes' : 'no');
  setClass(button, hears ? '' : 'bad');
  button.setAttribute('aria-label', `${listener} ${hears ? 'hears' : 'does not hear'} ${speaker}`);
  button.setAttribute('aria-expanded', String(isOpen));
}

// `open`: the pair whose explanation is shown, or null.
export function showMatrix({ speakers }, open) {
  const listenersOf = new Map(speakers.map(({ speaker, listeners }) => [speaker, new Set(listeners)]));
  const all = filtered(speakers.map(({ speaker }) => speaker));
  const ids = all.slice(0, kMostInMatrix);
  fillHead(ids);
  const rows = keep(byId('matrix-body'), ids, (id) => {
    const row = document.createElement('tr');
    const header = row.appendChild(document.createElement('th'));
    Object.assign(header, { scope: 'row', textContent: id });
    header.dataset.key = '';
    return row;
  });
  rows.forEach((row, i) => {
    const listener = ids[i];
    const cells = keep(row, ['', ...ids.map((id) => `to ${id}`)], () => document.createElement('td')).slice(1);
    ids.forEach((speaker, column) => {
      if (speaker === listener) return;
      const isOpen = open?.listener === listener && open?.speaker === speaker;
      fillPair(cells[column], listener, speaker, listenersOf.get(speaker).has(listener), isOpen);
    });
  });
  setText(byId('matrix-note'), all.length > ids.length
    ? `These are ${ids.length} of ${all.length} players; the field above selects others by name.` : '');
}

export function showExplanation({ listener, speaker }, explanation) {
  byId('explanation').hidden = false;
  setText(byId('explanation-title'), explanation.heard ? `${listener} hears ${speaker}`
    : `Why ${listener} does not hear ${speaker}`);
  const cause = explanation.cause === '' ? '' : ` (${explanation.cause})`;
  setText(byId('cause'), `${explanation.text}${cause}`);
  setText(byId('advice'), explanation.advice);
  fillRows(byId('steps'), explanation.steps.map(({ step, ok, evidence }) => ({
    key: step, cells: [step, { text: ok ? 'passed' : 'failed', kind: ok ? '' : 'bad' }, evidence],
  })));
}
