// The page of a world in which the game decides who hears whom. Query: ?name=N&autojoin=1&listen=1. The game's server
// has this page, and the modules of the voice room's page.
import {Call} from './call.js';
import {useApi} from './http.js';
import {Microphone} from './microphone.js';
import {SpatialSound} from './spatial.js';
import {explain, explainDeparture} from './texts.js';
import {describeGame, GameError, World} from './world.js';

const RATE_HZ = 20;
const CONNECT_MS = 5000;
const STEP = 1;       // world units
const TURN = 15;      // degrees
const RANGE = 30;     // audible_distance of the rules, for the circle
const FACTORS = {WHISPER: 0.4, NORMAL: 1, SHOUT: 2};
const KEYS = {    // steps ahead, and turns to the right
  arrowup: [1, 0], w: [1, 0], arrowdown: [-1, 0], s: [-1, 0],
  arrowleft: [0, -1], a: [0, -1], arrowright: [0, 1], d: [0, 1],
};
const SVG = 'http://www.w3.org/2000/svg';

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

let call = null;
let microphone = null;
let sound = null;
let world = null;
let muted = false;
const slots = new Map();   // the last state of each slot, by mid
const dots = new Map();    // by player
const rows = new Map();
const blocks = new Set();

// For tests and the console.
window.sluice = {
  get state() { return call?.pc.connectionState ?? 'idle'; },
  get call() { return call; },
  get sound() { return sound; },
  get world() { return world; },
  get heard() { return heard(); },
};

// The players who have a slot, and how they are heard.
function heard() {
  return new Map([...slots.values()].filter((slot) => slot.player !== undefined).map((slot) => [slot.player, slot]));
}

function show(problem) {
  $('problem-text').textContent = problem ?? '';
  $('problem').hidden = !problem;
}

async function join(listenOnly) {
  show(null);
  $('join').disabled = $('listen').disabled = true;
  const name = $('name').value.trim();
  try {
    if (!listenOnly) microphone = await Microphone.open();
    const game = await describeGame();
    const choices = {team: $('team').value, channel: $('channel').value, voice: $('voice').value};
    world = new World(game.size, name, {x: game.size / 2, z: game.size / 2, heading: 0, ...choices, blocks: []});
    await world.enter();
    useApi(game.voice);
    call = new Call(game.room, name, microphone, '', false, RATE_HZ);
    const context = new AudioContext();
    sound = new SpatialSound(context);
    call.addEventListener('audible', ({detail}) => onAudible(detail));
    call.addEventListener('left', ({detail}) => call?.joined && end(explainDeparture(detail.reason).text));
    call.addEventListener('forgotten', () => call?.joined && end('The server no longer knows this call. Join again.'));
    call.addEventListener('state', onState);
    world.addEventListener('world', drawPlayers);
    world.addEventListener('lost', ({detail}) => show(explainGame(detail)));
    world.addEventListener('found', () => show(null));
    await call.join(CONNECT_MS);
    for (const {mid, receiver} of call.slots) sound.add(mid, receiver);
    for (const slot of slots.values()) sound.render(slot);
    enter();
  } catch (error) {
    end(error instanceof GameError ? explainGame(error) : explain(error));
  }
}

function explainGame({problem}) {
  if (problem) return `The game refuses this player (${problem}).`;
  return 'The game does not respond. Is examples/game_world/game.py running?';
}

function onState() {
  if (call?.joined && call.pc.connectionState === 'failed') end('The connection is lost.');
}

function enter() {
  $('status').textContent = 'Connected';
  $('entrance').hidden = true;
  $('world').hidden = false;
  $('mute').hidden = !microphone;
  setMuted(muted);
  drawMap();
  $('map').focus();
}

function end(problem) {
  world?.close();
  sound?.close();
  sound?.context.close();
  call?.leave();
  microphone?.close();
  world = sound = call = microphone = null;
  for (const map of [slots, dots, rows, blocks]) map.clear();
  $('map').replaceChildren();
  $('players').tBodies[0].replaceChildren();
  $('status').textContent = 'Not connected';
  $('entrance').hidden = false;
  $('world').hidden = true;
  $('join').disabled = $('listen').disabled = false;
  show(problem);
}

function setMuted(value) {
  muted = value;
  microphone?.setMuted(muted);
  $('mute').classList.toggle('muted', muted);
  $('mute').textContent = muted ? 'Unmute' : 'Mute';
}

function onAudible({all, slots: changed}) {
  if (all) slots.clear();
  for (const slot of changed) {
    slots.set(slot.mid, slot);
    sound?.render(slot);
  }
  drawPlayers();
}

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function drawMap() {
  const map = $('map');
  map.setAttribute('viewBox', `0 0 ${world.size} ${world.size}`);
  map.replaceChildren();
  dots.clear();
  for (let at = 10; at < world.size; at += 10) {
    element('path', {class: 'grid', d: `M${at} 0V${world.size}M0 ${at}H${world.size}`}, map);
  }
  element('circle', {class: 'range', r: RANGE}, map);
  drawPlayers();
}

function makeDot(name) {
  const dot = element('g', {class: 'player'}, $('map'));
  element('circle', {r: 1.6}, dot);
  element('path', {d: 'M0 -1.6V-3.2'}, dot);  // where it looks
  element('text', {y: 4.6}, dot).textContent = name;
  return dot;
}

function makeRow(name) {
  const row = $('players').tBodies[0].insertRow();
  const head = Object.assign(document.createElement('th'), {scope: 'row', textContent: name});
  const [team, hears, block] = [0, 1, 2].map(() => document.createElement('td'));
  const button = Object.assign(document.createElement('button'), {type: 'button', textContent: 'Block'});
  button.addEventListener('click', () => toggleBlock(name));
  block.append(button);
  row.append(head, team, hears, block);
  row.dataset.name = name;
  return {row, team, hears, button};
}

function toggleBlock(name) {
  if (!blocks.delete(name)) blocks.add(name);
  world.me.blocks = [...blocks];
  world.changed();
  drawPlayers();
}

function textOf(name, slot) {
  if (blocks.has(name)) return 'blocked';
  if (!slot) return 'no';
  return `${Math.round(slot.gain * 100)} %${slot.distance === undefined ? '' : `, ${Math.round(slot.distance)} away`}`;
}

function drawPlayers() {
  if (!world || $('world').hidden) return;
  const now = heard();
  const others = Object.entries(world.players).filter(([name]) => name !== world.name);
  const all = [...others, [world.name, world.me]];
  for (const name of [...dots.keys()].filter((known) => !all.some(([there]) => there === known))) {
    dots.get(name).remove();
    dots.delete(name);
    rows.get(name)?.row.remove();
    rows.delete(name);
  }
  for (const [name, player] of all) {
    if (!dots.has(name)) dots.set(name, makeDot(name));
    const dot = dots.get(name);
    const [circle, look, label] = dot.children;
    dot.setAttribute('transform', `translate(${player.x} ${player.z})`);
    look.setAttribute('transform', `rotate(${player.heading})`);
    circle.setAttribute('r', call?.people.get(name)?.talking ? 2.2 : 1.6);
    const me = name === world.name;
    const classes = ['player', player.team, me && 'me', now.has(name) && 'heard', blocks.has(name) && 'blocked'];
    dot.setAttribute('class', classes.filter(Boolean).join(' '));
    circle.setAttribute('stroke-opacity', 0.3 + 0.7 * (now.get(name)?.gain ?? 1));  // the louder, the clearer
    if (me) {
      label.textContent = 'you';
      const range = $('map').querySelector('.range');
      range.setAttribute('transform', `translate(${player.x} ${player.z})`);
      range.setAttribute('r', RANGE * FACTORS[player.voice]);
      continue;
    }
    if (!rows.has(name)) rows.set(name, makeRow(name));
    const {team, hears, button} = rows.get(name);
    team.textContent = player.team || 'none';
    hears.textContent = textOf(name, now.get(name));
    button.textContent = blocks.has(name) ? 'Unblock' : 'Block';
    button.setAttribute('aria-label', `${button.textContent} ${name}`);
  }
}

function moveTo(x, z) {
  world.me.x = Math.min(Math.max(x, 0), world.size);
  world.me.z = Math.min(Math.max(z, 0), world.size);
  world.changed();
  drawPlayers();
}

function onKey(event) {
  const [walk, turn] = KEYS[event.key.toLowerCase()] ?? [];
  if (walk === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const {me} = world;
  me.heading = (me.heading + turn * TURN + 360) % 360;
  const radians = me.heading * Math.PI / 180;
  moveTo(me.x + walk * STEP * Math.sin(radians), me.z - walk * STEP * Math.cos(radians));
}

function onDrag(event) {
  if (!event.buttons) return;
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform($('map').getScreenCTM().inverse());
  moveTo(point.x, point.y);
}

$('name').value = query.get('name') ?? `guest-${Math.floor(Math.random() * 9000) + 1000}`;
$('entrance').addEventListener('submit', (event) => {
  event.preventDefault();
  join(false);
});
$('listen').addEventListener('click', () => $('entrance').reportValidity() && join(true));
$('leave').addEventListener('click', () => end(null));
$('mute').addEventListener('click', () => setMuted(!muted));
for (const choice of ['team', 'channel', 'voice']) {
  $(choice).addEventListener('change', () => {
    world.me[choice] = $(choice).value;
    world.changed();
    drawPlayers();
  });
}
$('map').addEventListener('keydown', onKey);
$('map').addEventListener('pointerdown', (event) => {
  $('map').setPointerCapture(event.pointerId);
  onDrag(event);
});
$('map').addEventListener('pointermove', onDrag);
addEventListener('click', () => sound?.context.resume());
addEventListener('pagehide', () => end(null));
if (query.get('autojoin') === '1') join(query.get('listen') === '1');
