// Numbers as texts.

const rounded = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const count = (value) => rounded.format(value);

// A rate that is not 0 never reads as 0.
export function rate(value) {
  if (value > 0 && value < 0.1) return '< 0.1';
  return value < 10 ? precise.format(value) : rounded.format(value);
}

export const percent = (share) => `${precise.format(share * 100)}\u00a0%`;

// `seconds` as milliseconds; undefined: nothing was measured.
export function milliseconds(seconds) {
  if (seconds === undefined) return '–';
  return `${seconds < 0.01 ? (seconds * 1000).toFixed(2) : precise.format(seconds * 1000)}\u00a0ms`;
}

export function duration(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole}\u00a0s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}\u00a0min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)}\u00a0min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}
