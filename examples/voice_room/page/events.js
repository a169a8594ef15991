// Server-sent events by fetch, which unlike EventSource can send a token. Yields {name, data}, and ends with the stream.
// Throws like request().

import {request} from './http.js';

export async function* serverEvents(path, token, signal) {
  const response = await request(path, {signal}, token);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    text += value;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n').map((line) => /^(event|data): (.*)$/.exec(line)).filter(Boolean);
      const {event, data} = Object.fromEntries(lines.map(([, field, content]) => [field, content]));
      text = text.slice(end + 2);
      if (event) yield {name: event, data: JSON.parse(data)};
    }
  }
}
