// The page around a call. Query: ?room=R&name=N&autojoin=1&listen=1&relay=1; #token=T for servers that require tokens.
import {Call, NoVoice, ServerSilent} from './call.js';
import {HttpError} from './http.js';
import {Microphone} from './microphone.js';
import {PeopleView} from './people.js';
import {explain, explainDeparture, explainDrain, offerAfter} from './texts.js';

const DIRECT_MS = 5000;  // plus RELAY_MS less than 10 s, after which the user gets an error message
const RELAY_MS = 4000;
const RECONNECT_MS = 60_000;  // after a lost connection
const RECONNECT_PAUSE_MS = 1000;

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
const people = new PeopleView($('people'));

let wanted = null;       // {room, name, listenOnly, relayOnly} of the call, or null
let call = null;         // connected or connecting
let microphone = null;   // open while `wanted` needs it
let muted = false;       // the user's choice, for all calls of this page
let timers = [];
let lastTotals = null;   // for the loss in the last second

// For tests and the console.
window.sluice = {
  get call() { return call; },
  get pc() { return call?.pc ?? null; },
  get state() { return call?.pc.connectionState ?? 'idle'; },
  get people() { return [...call?.people.values() ?? []]; },
  stats: () => call?.stats() ?? null,
  voices: () => call?.voices() ?? new Map(),
  join, leave,
};

function show(problem, button = '') {
  $('problem-text').textContent = problem ?? '';
  $('again').textContent = button;
  $('again').hidden = !button;
  $('problem').hidden = !problem;
}

function notice(text) {
  $('notice').textContent = text ?? '';
  $('notice').hidden = !text;
}

async function join(listenOnly = query.get('listen') === '1', relayOnly = query.get('relay') === '1') {
  leave();
  const mine = wanted = {room: $('room').value.trim(), name: $('name').value.trim(), listenOnly, relayOnly};
  $('join').disabled = $('listen').disabled = true;
  try {
    if (!listenOnly) {
      const opened = await Microphone.open();
      if (wanted !== mine) return opened.close();
      microphone = opened;
      microphone.setMuted(muted);
    }
    $('status').textContent = 'Connecting…';
    await connect(mine);
  } catch (error) {
    if (wanted === mine) end(explain(error), offerAfter(error));
  }
}

// First without TURN: Chromium accepts only TURN from a port that it uses as a TURN server, and here one port serves both.
async function connect(mine) {
  let failure = null;
  for (const relayOnly of mine.relayOnly ? [true] : [false, true]) {
    const trying = call = new Call(mine.room, mine.name, microphone, token, relayOnly);
    trying.addEventListener('state', onState);
    trying.addEventListener('room', onRoom);
    trying.addEventListener('draining', ({detail}) => notice(explainDrain(detail.ends_within_s)));
    trying.addEventListener('forgotten', () => reconnect(trying));
    trying.addEventListener('left', ({detail}) => onLeft(trying, detail.reason));
    try {
      await trying.join(relayOnly ? RELAY_MS : DIRECT_MS);
      if (call === trying) enterRoom(mine);
      return;
    } catch (error) {
      trying.leave();
      if (wanted !== mine) throw error;
      const offersNoRelay = failure && error instanceof HttpError && error.status === 404;
      if (offersNoRelay) throw failure;
      if (!(error instanceof NoVoice) || error.reached) throw error;
      failure = error;
      failure.relay = relayOnly ? 'failed' : 'none';
    }
  }
  throw failure;
}

// After a connection was lost. The user's choices stay.
async function reconnect(lost) {
  const mine = wanted;
  if (call !== lost || !lost.joined || !mine) return;
  $('status').textContent = 'Connection lost. Reconnecting…';
  notice(null);
  call.leave();
  const giveUp = performance.now() + RECONNECT_MS;
  for (;;) {
    try {
      return await connect(mine);
    } catch (error) {
      if (wanted !== mine) return;
      const temporary = error instanceof ServerSilent || error.status === 429 || error.status >= 500;
      if (!temporary || performance.now() > giveUp) return end(explain(error), offerAfter(error));
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS));
    if (wanted !== mine) return;
  }
}

function enterRoom({room, name}) {
  $('sounds').replaceChildren();
  for (const {receiver} of call.slots) {
    const audio = document.createElement('audio');
    audio.autoplay = true;
    audio.srcObject = new MediaStream([receiver.track]);
    audio.play().catch(() => show('The browser blocks sound until you click somewhere on the page.'));
    $('sounds').append(audio);
  }
  const address = new URL(location.href);
  address.searchParams.set('room', room);
  address.searchParams.set('name', name);
  history.replaceState(null, '', address);
  $('call-title').textContent = `Room ${room}`;
  const entering = $('call').hidden;
  $('entrance').hidden = true;
  $('call').hidden = false;
  $('mute').hidden = !microphone;
  setMuted(muted);
  if (entering) $(microphone ? 'mute' : 'leave').focus();
  lastTotals = null;
  timers.forEach(clearInterval);
  timers = [setInterval(drawVoices, 100), setInterval(refreshFigures, 1000)];
  onState();
  onRoom();
}

function leave() {
  wanted = null;
  timers.forEach(clearInterval);
  timers = [];
  call?.leave();
  call = null;
  microphone?.close();
  microphone = null;
  people.clear();
  $('sounds').replaceChildren();
  $('entrance').hidden = false;
  $('call').hidden = true;
  $('join').disabled = $('listen').disabled = false;
  $('status').textContent = 'Not connected';
  show(null);
  notice(null);
}

function end(problem, button) {
  const {listenOnly, relayOnly} = wanted;
  leave();
  show(problem, button);
  $('again').onclick = () => join(listenOnly, relayOnly);
  if (button) $('again').focus();
}

function onState() {
  if (!call?.joined) return;
  const state = call.pc.connectionState;
  if (state === 'connected') $('status').textContent = 'Connected';
  if (state === 'disconnected') {
    $('status').textContent = 'Connection interrupted…';
    findPath();
  }
  if (state === 'failed') reconnect(call);
}

// The network may have changed. The call continues if another path leads to the server.
async function findPath() {
  const finding = call;
  if (!finding?.joined || finding.finding) return;
  finding.finding = true;
  while (call === finding && finding.pc.connectionState !== 'failed') {
    try {
      await finding.restartIce();
      break;
    } catch (error) {
      console.warn('The ICE restart failed:', error);
      if (!(error instanceof ServerSilent)) break;
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS));
  }
  finding.finding = false;
}

// The server has ended the connection of this call, without a request of the call.
function onLeft(left, reason) {
  if (call !== left || !left.joined) return;  // join() reports it
  if (reason === 'session_ended') return reconnect(left);
  const {text, button} = explainDeparture(reason);
  end(text, button);
}

function onRoom() {
  if (!call?.joined) return;
  people.show(call.people, call.name);
  drawVoices();
}

function setMuted(value) {
  muted = value;
  microphone?.setMuted(muted);
  $('mute').classList.toggle('muted', muted);
  $('mute').textContent = muted ? 'Unmute' : 'Mute';
}

function drawVoices() {
  people.draw(call.people, call.voices(), {name: call.name, level: muted ? 0 : microphone?.level() ?? 0, muted});
}

async function refreshFigures() {
  const current = call;
  const totals = await call.stats();
  if (call !== current) return;
  const percent = (fraction) => `${(fraction * 100).toFixed(1)} %`;
  if (totals.rttMs !== null) $('rtt').textContent = totals.rttMs < 1 ? '< 1 ms' : `${totals.rttMs.toFixed(0)} ms`;
  if (lastTotals) {
    const lost = Math.max(0, totals.packetsLost - lastTotals.packetsLost);
    const expected = totals.packetsReceived - lastTotals.packetsReceived + lost;
    $('loss-in').textContent = expected > 0 ? percent(lost / expected) : '–';
  }
  if (totals.fractionLostOut !== null) $('loss-out').textContent = percent(totals.fractionLostOut);
  lastTotals = totals;
}

$('room').value = query.get('room') ?? 'lobby';
$('name').value = query.get('name') ?? `guest-${Math.floor(Math.random() * 9000) + 1000}`;
$('entrance').addEventListener('submit', (event) => {
  event.preventDefault();
  join(false);
});
$('listen').addEventListener('click', () => $('entrance').reportValidity() && join(true));
$('leave').addEventListener('click', leave);
$('mute').addEventListener('click', () => setMuted(!muted));
addEventListener('click', () => document.querySelectorAll('audio').forEach((audio) => audio.play().catch(() => {})));
addEventListener('online', findPath);
let network = navigator.connection?.type;  // if the browser reports it; events also report changed speed estimates
navigator.connection?.addEventListener('change', () => {
  if (navigator.connection.type === network) return;
  network = navigator.connection.type;
  findPath();
});
addEventListener('pagehide', leave);
if (query.get('autojoin') === '1') join();
