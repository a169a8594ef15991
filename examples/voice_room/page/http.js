// Requests to the join API.

let api = null;

// For pages of another origin than the join API: its address.
export function useApi(address) {
  api = address;
}

export class HttpError extends Error {
  // `message` and `field` are the server's, for logs; texts.js has the texts for users.
  constructor(status, message, field) {
    super(field ? `${field}: ${message}` : message);
    this.status = status;
    this.problem = message;
    this.field = field ?? '';
  }
}

// `path` is relative to the join API, or an address. `token` is empty unless the server requires one. Throws an HttpError, or an error of fetch.
export async function request(path, options, token) {
  const headers = {...options.headers};
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(api ? new URL(path, api).href : path, {...options, headers});
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new HttpError(response.status, problem.error ?? `HTTP ${response.status}`, problem.field);
}
