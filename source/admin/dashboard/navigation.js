// The URL's fragment says what is shown, so that a link to it can be shared: `room`, with `listener` and `speaker` a
// pair of the room, or `show`, the id of a part of the overview.
import { byId } from './dom.js';

export function shown() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const [room, listener, speaker] = ['room', 'listener', 'speaker'].map((name) => fragment.get(name));
  const pair = room !== null && listener !== null && speaker !== null ? { listener, speaker } : null;
  return { room, pair, part: fragment.get('show') };
}

export const linkTo = (state) => `#${new URLSearchParams(state)}`;

const buttonOf = (pair) => [...byId('matrix-body').querySelectorAll('button')]
  .find(({ dataset }) => dataset.listener === pair.listener && dataset.speaker === pair.speaker);

function targetOf(before, { room, pair, part }) {
  if (pair !== null) return byId('explanation').hidden ? undefined : byId('explanation-title');
  if (room !== null) return (before.room === room && before.pair ? buttonOf(before.pair) : null) ?? byId('room-title');
  return (part === null ? null : byId(part)) ?? byId('main');
}

// Calls `onChange` when something else is to be shown. After that is shown, call the result: it moves the focus there.
export function watch(onChange) {
  let before = null;  // what was shown when the focus was where it belongs
  let last = shown();
  addEventListener('hashchange', () => {
    before ??= last;
    last = shown();
    onChange();
  });
  return () => {
    const target = before === null ? undefined : targetOf(before, last);
    if (target === undefined) return;
    before = null;
    if (target.tabIndex < 0) target.tabIndex = -1;
    target.focus();
    target.scrollIntoView({ block: 'nearest' });
  };
}

// The page's own links and buttons.
export function listen() {
  byId('skip').addEventListener('click', (event) => {
    event.preventDefault();
    byId('main').focus();
  });
  byId('matrix-body').addEventListener('click', ({ target }) => {
    const { listener, speaker } = target.closest('button')?.dataset ?? {};
    if (listener === undefined) return;
    const isOpen = target.closest('button').getAttribute('aria-expanded') === 'true';
    const { room } = shown();
    location.hash = linkTo(isOpen ? { room } : { room, listener, speaker });
  });
  byId('close').addEventListener('click', () => { location.hash = linkTo({ room: shown().room }); });
}
