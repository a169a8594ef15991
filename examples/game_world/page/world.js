// The game's server: where everyone is, and what this player does.

import {serverEvents} from './events.js';
import {request} from './http.js';

const SEND_MS = 50;      // between two messages about this player, at least
const REPEAT_MS = 2000;  // at most; the server forgets players who say nothing
const RETRY_MS = 1000;

// Events: `world` when `players` has changed, `lost` when the server does not respond.
export class World extends EventTarget {
  constructor(name, me) {
    super();
    this.server = location.origin;
    this.name = name;
    this.me = me;  // {x, z, heading, team, channel, voice, blocks}
    this.players = {};
    this.size = 80;
    this.ending = new AbortController();
    this.sentAt = 0;
    this.timer = null;
    this.follow();
    this.changed();
  }

  // Call it when `me` has changed.
  changed() {
    if (this.timer !== null && this.timerIsSoon) return;
    clearTimeout(this.timer);
    this.timerIsSoon = true;
    this.timer = setTimeout(() => this.send(), Math.max(0, this.sentAt + SEND_MS - performance.now()));
  }

  async send() {
    this.sentAt = performance.now();
    this.timerIsSoon = false;
    this.timer = setTimeout(() => this.send(), REPEAT_MS);
    const options = {method: 'POST', body: JSON.stringify(this.me), signal: this.ending.signal};
    await request(`${this.server}/players/${encodeURIComponent(this.name)}`, options, '').catch((error) => this.lose(error));
  }

  async follow() {
    while (!this.ending.signal.aborted) {
      try {
        for await (const {data} of serverEvents(`${this.server}/world`, '', this.ending.signal)) {
          this.players = data.players;
          this.size = data.size;
          this.dispatchEvent(new Event('world'));
        }
      } catch (error) {
        this.lose(error);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  lose(error) {
    if (this.ending.signal.aborted) return;
    this.dispatchEvent(new CustomEvent('lost', {detail: error}));
  }

  close() {
    clearTimeout(this.timer);
    this.ending.abort();
  }
}
