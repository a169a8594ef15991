// The texts that users read when something fails, in whole sentences.

import {Departed, NoVoice, ServerSilent} from './call.js';
import {HttpError} from './http.js';
import {InsecurePage} from './microphone.js';

const UNAVAILABLE = {
  'the room is full': 'This room is full. Try again later, or choose another room.',
  'too many rooms': 'The server has no capacity for another room. Try again later, or choose an existing room.',
  'too many players': 'The server has no capacity for another player. Try again later.',
  'draining: no new players': 'The server is shutting down and accepts no new players. Try again in a few minutes.',
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
    case 429: return 'The server received too many requests from your network. Wait a moment, then try again.';
    case 503: return UNAVAILABLE[error.problem] ?? 'The server accepts no new players now. Try again later.';
    default: return `The server reported an error (HTTP status ${error.status}). Try again later.`;
  }
}

function explainNoVoice(error) {
  if (error.reached) {
    return 'The server was reached, but the encrypted connection for voice could not be set up. ' +
        'Reload the page. If that does not help, contact the operator of this server.';
  }
  const relay = {
    none: 'This server offers no TURN relay, which can help on some networks.',
    failed: 'A connection through the TURN relay of this server was tried too, and failed.',
  }[error.relay];
  return 'No voice connection: the server responds to this page, but no voice packets (UDP) arrive. A firewall, a VPN or ' +
      `your network may block UDP. ${relay} Try another network, turn off the VPN, or ask the people who run this server ` +
      'whether its UDP port is open.';
}

export function explain(error) {
  if (error instanceof HttpError) return explainStatus(error);
  if (error instanceof NoVoice) return explainNoVoice(error);
  if (error instanceof Departed) return explainDeparture(error.reason).text;
  if (error instanceof ServerSilent) return 'The server cannot be reached. Check your network, then try again.';
  if (error instanceof InsecurePage) {
    return 'Browsers give access to the microphone only to pages from https and from localhost. ' +
        'Open this page from one of them, or only listen.';
  }
  switch (error.name) {
    case 'NotAllowedError': return 'Access to the microphone was denied. Allow it in the address bar, or only listen.';
    case 'NotFoundError': return 'No microphone was found. You can still listen.';
    case 'NotReadableError': return 'The microphone is in use by another program.';
    default: return `An error occurred on this page (${error.name}). Reload it, then try again.`;
  }
}

// The text for the reason of a departure that the server reports, and the label of the button.
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

// The label of the button after `error`; empty: no button is shown.
export function offerAfter(error) {
  if (error instanceof Departed) return explainDeparture(error.reason).button;
  return error instanceof NoVoice || error instanceof ServerSilent ? 'Try again' : '';
}

// `seconds` is undefined if the server reports no limit.
export function explainDrain(seconds) {
  if (seconds === undefined) return 'The server is shutting down. It accepts no new players, but this call continues for now.';
  return `The server is shutting down. This call ends within ${seconds} seconds.`;
}
