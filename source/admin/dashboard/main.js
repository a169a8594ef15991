// Requests the state of the proxy once a second while the page is visible, and shows it.
import { RequestError, getJson, getText, hasToken, setToken } from './client.js';
import { byId, setText } from './dom.js';
import { History, parse } from './metrics.js';
import { listen, shown, watch } from './navigation.js';
import { showOverview, showState } from './overview.js';
import { Rates, showExplanation, showMatrix, showNoMatrix, showNoRoom, showPlayers } from './room.js';

const kIntervalMs = 1000;
const kSeldom = 10;         // the listeners are requested each tenth time
const kMatrixInterval = 5;  // and the matrix of a room with more than kManyPlayers each fifth time
const kManyPlayers = 50;

const history = new History();
let data = null;  // of the whole process
let room = null;  // the room that is shown: {name, rates, players, matrix, explained}
let polls = 0;

const now = () => performance.now() / 1000;

async function pollProcess(inRoom) {
  const [info, metrics, rooms, reloads, listeners] = await Promise.all([
    getJson('/server_info'), getText('/metrics'), getJson(inRoom ? '/rooms?limit=1' : '/rooms'), getJson('/reloads'),
    polls % kSeldom === 0 ? getJson('/listeners') : data.listeners,
  ]);
  history.add(now(), parse(metrics));
  data = { info, rooms, reloads, listeners, history };
}

async function matrixOf(path, total) {
  if (room.matrix !== undefined && total > kManyPlayers && polls % kMatrixInterval !== 0) return room.matrix;
  try {
    return await getJson(`${path}/matrix`);
  } catch (error) {
    if (!(error instanceof RequestError) || error.status === 401) throw error;
    return { refused: error.message };
  }
}

async function pollRoom(name, pair) {
  if (room?.name !== name) room = { name, rates: new Rates() };
  const path = `/rooms/${encodeURIComponent(name)}`;
  try {
    room.players = await getJson(path);
    room.rates.add(now(), room.players.players);
    room.matrix = await matrixOf(path, room.players.total);
  } catch (error) {
    if (error.status !== 404) throw error;
    room.players = null;
  }
  room.explained = null;
  if (pair === null) return;
  room.explained = { pair, explanation: await getJson(`${path}/explain?${new URLSearchParams(pair)}`) };
}

function showRoom(pair) {
  if (room.players === null) showNoRoom(room.name);
  else showPlayers(room.players, room.rates);
  if (room.players !== null) {
    if (room.matrix.refused) showNoMatrix(`There is no matrix: ${room.matrix.refused}.`);
    else showMatrix(room.matrix, pair);
  }
  const explained = room.explained;
  const isCurrent = explained?.pair.listener === pair?.listener && explained?.pair.speaker === pair?.speaker;
  byId('explanation').hidden = explained === null || !isCurrent;
  if (explained !== null && isCurrent) showExplanation(explained.pair, explained.explanation);
}

function show() {
  const { room: name, pair } = shown();
  if (name !== null && room?.name !== name) return;  // its request follows
  showState(data);
  byId('overview').hidden = name !== null;
  byId('room').hidden = name === null;
  if (name === null) showOverview(data);
  else showRoom(pair);
  moveFocus();
}

function requestToken(problem) {
  byId('main').hidden = true;
  byId('token-form').hidden = false;
  setText(byId('connection'), '');
  setText(byId('token-problem'), problem);
  byId('token').focus();
}

// False if the user must act first.
async function pollOnce() {
  const { room: name, pair } = shown();
  try {
    await pollProcess(name !== null);
    if (name !== null) await pollRoom(name, pair);
  } catch (error) {
    if (error.status === 401) {
      requestToken(hasToken() ? 'The token is wrong.' : '');
      return false;
    }
    setText(byId('connection'), `The proxy does not respond as expected (${error.message}). The values are old.`);
    return true;
  }
  ++polls;
  setText(byId('connection'), '');
  byId('token-form').hidden = true;
  byId('main').hidden = false;
  show();
  return true;
}

let timer = 0;
let polling = false;
let urgent = false;  // poll again as soon as the current poll is done

// One poll at a time, and none while the page is hidden.
async function poll() {
  clearTimeout(timer);
  if (document.hidden) return;
  urgent = polling;
  if (polling) return;
  polling = true;
  const start = performance.now();
  const mayContinue = await pollOnce();
  polling = false;
  const elapsed = performance.now() - start;
  if (mayContinue) timer = setTimeout(poll, urgent ? 0 : Math.max(0, kIntervalMs - elapsed));
}

const moveFocus = watch(poll);
listen();
document.addEventListener('visibilitychange', poll);
byId('filter').addEventListener('input', show);
byId('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(byId('token').value);
  byId('token').value = '';
  poll();
});
poll();
