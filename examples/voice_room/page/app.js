// The page around a call. Query: ?room=R&name=N&autojoin=1&listen=1&relay=1; a server that wants tokens gets #token=T.
import {Call, HttpError} from './call.js';

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';

let call = null;
let timers = [];
let muted = false;
let meter = null;        // of the own microphone
let people = [];         // as the server lists them
let lastTotals = null;   // for loss since the last second
const cards = new Map();  // by name

// For tests and the console.
window.sluice = {
  get call() { return call; },
  get pc() { return call?.pc ?? null; },
  get state() { return call?.pc.connectionState ?? 'idle'; },
  get people() { return people; },
  stats: () => call?.stats() ?? null,
  voices: () => call?.voices() ?? new Map(),
  join, leave,
};

function show(problem) {
  $('problem').textContent = problem ?? '';
  $('problem').hidden = !problem;
}

function explain(error) {
  if (error instanceof HttpError) {
    if (error.status === 401) return `The server wants a valid token (${error.message}). Ask for a new link.`;
    if (error.status === 403) return `Your token does not open this: ${error.message}.`;
    if (error.status === 429) return 'Too many requests. Wait a moment and try again.';
    if (error.status === 503) return `The server takes nobody in now: ${error.message}.`;
    return `The server refused: ${error.message} (HTTP ${error.status}).`;
  }
  switch (error.name) {
    case 'NotAllowedError': return 'The microphone was denied. Allow it in the address bar, or only listen.';
    case 'NotFoundError': return 'There is no microphone. You can still listen.';
    case 'NotReadableError': return 'The microphone is in use by another program.';
    case 'TypeError': return 'The server cannot be reached.';
    default: return String(error.message || error);
  }
}

async function openMicrophone() {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    throw new Error('Browsers give the microphone to https pages and to localhost only. ' +
                    'Open this page under one of those, or only listen.');
  }
  return navigator.mediaDevices.getUserMedia({
    audio: {echoCancellation: true, noiseSuppression: true, autoGainControl: true},
  });
}

function startMeter(stream) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    level() {
      analyser.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    },
    stop: () => context.close(),
  };
}

// First without TURN: Chromium hears nothing but TURN from a port that it knows as a TURN server, and here both are one.
async function join(listenOnly = query.get('listen') === '1', relayOnly = query.get('relay') === '1') {
  leave();
  show(null);
  const room = $('room').value.trim(), name = $('name').value.trim();
  $('join').disabled = $('listen').disabled = true;
  $('status').textContent = 'Connecting…';
  let stream = null;
  try {
    if (!listenOnly) stream = await openMicrophone();
    const joining = call = new Call(room, name, stream, token, relayOnly);
    call.addEventListener('state', onState);
    await call.join();
    if (call !== joining) return;
    if (stream) meter = startMeter(stream);
    enterRoom(room, name);
  } catch (error) {
    stream?.getTracks().forEach((track) => track.stop());
    leave();
    show(explain(error));
  } finally {
    $('join').disabled = $('listen').disabled = false;
  }
}

function enterRoom(room, name) {
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
  $('entrance').hidden = true;
  $('call').hidden = false;
  $('mute').disabled = !call.microphone;
  setMuted(false);
  $('mute').focus();
  timers = [setInterval(refreshPeople, 1000), setInterval(refreshVoices, 100), setInterval(refreshFigures, 1000)];
  refreshPeople();
}

function leave() {
  timers.forEach(clearInterval);
  timers = [];
  meter?.stop();
  meter = null;
  call?.leave();
  call = null;
  people = [];
  lastTotals = null;
  cards.clear();
  $('people').replaceChildren();
  $('sounds').replaceChildren();
  $('entrance').hidden = false;
  $('call').hidden = true;
  $('status').textContent = 'Not connected';
}

function onState() {
  const state = call.pc.connectionState;
  $('status').textContent = {connected: 'Connected', disconnected: 'Connection interrupted…'}[state] ?? 'Connecting…';
  if (state !== 'failed' && state !== 'closed') return;
  if (state === 'failed' && !call.relayOnly) return join(!call.microphone, true);
  leave();
  show('The connection was lost: no voice packets come through. Check that the server’s UDP port can be reached.');
}

function setMuted(value) {
  muted = value;
  call?.setMuted(muted);
  $('mute').setAttribute('aria-pressed', String(muted));
  $('mute').textContent = muted ? 'Unmute' : 'Mute';
}

async function refreshPeople() {
  const asked = call;
  try {
    const list = await call.people();
    if (call !== asked) return;
    people = list;
  } catch (error) {
    if (call !== asked) return;
    if (!(error instanceof HttpError)) return;  // the voice may well go on without the API
    people = [];
  }
  drawPeople();
}

function cardOf(name) {
  if (cards.has(name)) return cards.get(name);
  const item = document.createElement('li');
  const face = Object.assign(document.createElement('span'), {className: 'face', textContent: name[0].toUpperCase()});
  const note = Object.assign(document.createElement('span'), {className: 'note'});
  face.setAttribute('aria-hidden', 'true');
  face.style.setProperty('--hue', [...name].reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) % 360, 7));
  item.append(face, name === call.name ? `${name} (you)` : name, note);
  item.dataset.name = name;
  const card = {item, face, note};
  cards.set(name, card);
  $('people').append(item);
  return card;
}

function drawPeople() {
  const present = new Set(people.map((person) => person.id));
  for (const [name, card] of cards) {
    if (present.has(name)) continue;
    card.item.remove();
    cards.delete(name);
  }
  for (const person of people) {
    cardOf(person.id).item.classList.toggle('away', !person.connected);
  }
}

function refreshVoices() {
  const voices = call.voices();
  for (const person of people) {
    const card = cardOf(person.id);
    const own = person.id === call.name;
    const level = own ? (muted ? 0 : meter?.level() ?? 0) : voices.get(person.csrc) ?? 0;
    const speaking = level > 0.005;
    card.face.style.setProperty('--level', speaking ? Math.min(1, Math.sqrt(level)).toFixed(2) : '0');
    card.item.classList.toggle('speaking', speaking);
    const note = own && muted ? 'muted' : !person.connected ? 'connecting…' : speaking ? 'speaking' : '';
    if (card.note.textContent !== note) card.note.textContent = note;
  }
}

async function refreshFigures() {
  const asked = call;
  const totals = await call.stats();
  if (call !== asked) return;
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
  join();
});
$('listen').addEventListener('click', () => $('entrance').reportValidity() && join(true));
$('leave').addEventListener('click', leave);
$('mute').addEventListener('click', () => setMuted(!muted));
addEventListener('click', () => document.querySelectorAll('audio').forEach((audio) => audio.play().catch(() => {})));
addEventListener('pagehide', leave);
if (query.get('autojoin') === '1') join();
