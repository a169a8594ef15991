// The game's server: where everyone is, and what this player does.

import {serverEvents} from './events.js';
import {HttpError, request} from './http.js';

const SEND_MS = 50;      // between two messages about this player, at least
const REPEAT_MS = 2000;  // at most; the server forgets players who say nothing
const RETRY_MS = 1000;

// The game refuses this player, or does not respond. `problem` is the game's; empty: it does not respond.
export class GameError extends Error {
  constructor(cause) {
    super(cause.message);
    this.problem = cause instanceof HttpError ? cause.problem : '';
  }
}

// Throws a GameError, or an AbortError.
async function ask(path, options = {}) {
  try {
    return await request(`${location.origin}${path}`, options, '');
  } catch (error) {
    throw error.name === 'AbortError' ? error : new GameError(error);
  }
}

// {voice, room, size}: the address of the join API, the voice room, and the side of the world.
export async function describeGame() {
  return (await ask('/game')).json();
}

// Events: `world` when `players` has changed, `lost` with a GameError in `detail` when a message about this player
// failed, and `found` when the next one succeeded.
export class World extends EventTarget {
  constructor(size, name, me) {
    super();
    this.size = size;
    this.name = name;
    this.me = me;  // {x, z, heading, team, channel, voice, blocks}
    this.players = {};
    this.ending = new AbortController();
    this.sentAt = 0;
    this.timer = null;
    this.timerIsSoon = false;
    this.lost = false;
  }

  // Enters the world. Throws a GameError.
  async enter() {
    await this.tell();
    this.follow();
    this.changed();
  }

  // Call it when `me` has changed.
  changed() {
    if (this.timerIsSoon) return;
    clearTimeout(this.timer);
    this.timerIsSoon = true;
    this.timer = setTimeout(() => this.send(), Math.max(0, this.sentAt + SEND_MS - performance.now()));
  }

  async send() {
    this.sentAt = performance.now();
    this.timerIsSoon = false;
    this.timer = setTimeout(() => this.send(), REPEAT_MS);
    try {
      await this.tell();
      if (this.lost) this.dispatchEvent(new Event('found'));
      this.lost = false;
    } catch (error) {
      if (this.ending.signal.aborted) return;
      this.lost = true;
      this.dispatchEvent(new CustomEvent('lost', {detail: error}));
    }
  }

  tell() {
    const options = {method: 'POST', body: JSON.stringify(this.me), signal: this.ending.signal};
    return ask(`/players/${encodeURIComponent(this.name)}`, options);
  }

  async follow() {
    while (!this.ending.signal.aborted) {
      try {
        for await (const {data} of serverEvents(`${location.origin}/world`, '', this.ending.signal)) {
          this.players = data.players;
          this.dispatchEvent(new Event('world'));
        }
      } catch {
        if (this.ending.signal.aborted) return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  close() {
    clearTimeout(this.timer);
    this.ending.abort();
  }
}
