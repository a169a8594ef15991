// What users read when something is wrong, in whole sentences.

import {Departed, NoVoice, ServerSilent} from './call.js';
import {HttpError} from './http.js';
import {InsecurePage} from './microphone.js';

const UNAVAILABLE = {
  'the room is full': 'This room is full. Try again later, or choose another room.',
  'too many rooms': 'The server has no space for another room. Try again later, or choose a room that exists.',
  'too many players': 'The server has no space for another player. Try again later.',
  'draining: no new players': 'The server is about to stop, and accepts no new players. Try again in a few minutes.',
};

function explainStatus(error) {
  switch (error.status) {
    case 400:
      if (error.field === 'room') return 'The server does not accept this room name. Choose another one.';
      if (error.field === 'player') return 'The server does not accept this name. Choose another one.';
      return 'The server does not accept calls from this browser. Try another browser.';
    case 401: return 'The link that you used is not valid, or no longer valid. Ask for a new link.';
    case 403: return 'The link that you used is for another room or another name. Ask for a new link.';
    case 404: return 'This server offers no TURN relay.';
    case 429: return 'The server gets too many requests from your network. Wait a moment, then try again.';
    case 503: return UNAVAILABLE[error.problem] ?? 'The server accepts no new players now. Try again later.';
    default: return `The server has a problem (HTTP status ${error.status}). Try again later.`;
  }
}

function explainNoVoice(error) {
  if (error.reached) {
    return 'The server was reached, but the encrypted connection for voice could not be set up. ' +
        'Reload the page. If that does not help, tell the people who run this server.';
  }
  const relay = {
    none: 'This server offers no TURN relay, which can help on some networks.',
    failed: 'A connection through the TURN relay of this server was tried too, and failed.',
  }[error.relay];
  return 'No voice connection: the server answers this page, but no voice packets (UDP) come back. A firewall, a VPN or ' +
      `your network may block UDP. ${relay} Try another network, turn off the VPN, or ask the people who run this server ` +
      'whether its UDP port is open.';
}

export function explain(error) {
  if (error instanceof HttpError) return explainStatus(error);
  if (error instanceof NoVoice) return explainNoVoice(error);
  if (error instanceof Departed) return explainDeparture(error.reason).text;
  if (error instanceof ServerSilent) return 'The server cannot be reached. Check your network, then try again.';
  if (error instanceof InsecurePage) {
    return 'Browsers give the microphone to https pages and to localhost only. ' +
        'Open this page under one of those, or only listen.';
  }
  switch (error.name) {
    case 'NotAllowedError': return 'The microphone was denied. Allow it in the address bar, or only listen.';
    case 'NotFoundError': return 'There is no microphone. You can still listen.';
    case 'NotReadableError': return 'The microphone is in use by another program.';
    default: return `This page has a problem (${error.name}). Reload it, then try again.`;
  }
}

// Why the server says that the player has left, and what the button offers.
export function explainDeparture(reason) {
  switch (reason) {
    case 'replaced': return {
      text: 'You joined with this name in another tab, window or device, so the call has ended here.',
      button: 'Join here instead',
    };
    case 'not_connected': return {
      text: 'The server removed you from the room, because no voice connection was set up in time.',
      button: 'Try again',
    };
    default: return {text: 'The server removed you from the room.', button: 'Join again'};
  }
}

// What a button offers after `error`; empty: no button helps.
export function offerAfter(error) {
  if (error instanceof Departed) return explainDeparture(error.reason).button;
  return error instanceof NoVoice || error instanceof ServerSilent ? 'Try again' : '';
}

// `seconds` is undefined when the server does not say.
export function explainDrain(seconds) {
  if (seconds === undefined) return 'The server is going to stop. It accepts no new players, but this call continues for now.';
  return `The server is going to stop. This call ends in ${seconds} seconds at the latest.`;
}
