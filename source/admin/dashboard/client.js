// Requests to the admin endpoint. The token stays in memory.

const kTimeoutMs = 5000;

export class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let token = '';
export function setToken(given) { token = given; }
export const hasToken = () => token !== '';

async function get(path) {
  const headers = token === '' ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(path, { headers, cache: 'no-store', signal: AbortSignal.timeout(kTimeoutMs) });
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new RequestError(response.status, body.error ?? `status ${response.status}`);
}

export const getText = async (path) => (await get(path)).text();
export const getJson = async (path) => (await get(path)).json();
