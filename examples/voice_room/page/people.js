// The cards of the people in the room.

const SPEAKING_LEVEL = 0.005;

function makeCard(name, own) {
  const item = document.createElement('li');
  const face = Object.assign(document.createElement('span'), {className: 'face', textContent: name[0].toUpperCase()});
  const note = Object.assign(document.createElement('span'), {className: 'note'});
  face.setAttribute('aria-hidden', 'true');
  face.style.setProperty('--hue', [...name].reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) % 360, 7));
  item.append(face, own ? `${name} (you)` : name, note);
  item.dataset.name = name;
  return {item, face, note};
}

function noteOf(person, muted, speaking) {
  if (!person.connected) return 'connecting…';
  if (!person.microphone) return 'only listening';
  if (muted) return 'muted';
  return speaking ? 'speaking' : '';
}

export class PeopleView {
  constructor(list) {
    this.list = list;
    this.cards = new Map();  // by name
  }

  clear() {
    this.cards.clear();
    this.list.replaceChildren();
  }

  // Adds and removes cards. `own` is the user's name.
  show(people, own) {
    for (const [name, card] of this.cards) {
      if (people.has(name)) continue;
      card.item.remove();
      this.cards.delete(name);
    }
    for (const [name, person] of people) {
      if (!this.cards.has(name)) {
        this.cards.set(name, makeCard(name, name === own));
        this.list.append(this.cards.get(name).item);
      }
      this.cards.get(name).item.classList.toggle('away', !person.connected);
    }
  }

  // Draws the speakers. `voices`: the others' loudness, 0 to 1, by CSRC. `me`: {name, level, muted}.
  draw(people, voices, me) {
    for (const [name, card] of this.cards) {
      const person = people.get(name);
      if (!person) continue;
      const own = name === me.name;
      const level = own ? me.level : voices.get(person.csrc) ?? 0;
      const speaking = level > SPEAKING_LEVEL || (!own && person.talking);
      card.face.style.setProperty('--level', speaking ? Math.min(1, Math.sqrt(level)).toFixed(2) : '0');
      card.item.classList.toggle('speaking', speaking);
      const note = noteOf(person, own && me.muted, speaking);
      if (card.note.textContent !== note) card.note.textContent = note;
    }
  }
}
