// Writes values into the page. Every value is text: names are those that clients chose.

export const byId = (id) => document.getElementById(id);

// An element that already has the text is left alone, so that screen readers do not read it again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, name) {
  if (element.className !== name) element.className = name;
}

// Makes `parent` contain one child for each key, in this order. Children that stay are kept, with their focus.
export function keep(parent, keys, make) {
  const focused = document.activeElement;
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let before = parent.firstElementChild;
  const children = keys.map((key) => {
    let child = old.get(key);
    old.delete(key);
    if (child === undefined) {
      child = make(key);
      child.dataset.key = key;
    }
    if (child === before) before = before.nextElementSibling;
    else parent.insertBefore(child, before);
    return child;
  });
  for (const child of old.values()) child.remove();
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus();
  return children;
}

function sparkline(element, values) {
  const kNamespace = 'http://www.w3.org/2000/svg';
  let svg = element.querySelector('svg');
  if (svg === null) {
    svg = document.createElementNS(kNamespace, 'svg');
    svg.setAttribute('class', 'spark');
    svg.setAttribute('viewBox', '0 0 60 16');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(document.createElementNS(kNamespace, 'polyline'));
    element.append(svg);
  }
  const top = Math.max(...values.map(({ value }) => value), Number.MIN_VALUE);
  const left = 60 - values.length + 1;
  const points = values.map(({ value, most }, i) => `${left + i},${15 - 14 * (value / (most ?? top))}`);
  svg.firstChild.setAttribute('points', points.join(' '));
}

function meter(element, { level, label }) {
  let bar = element.querySelector('meter');
  if (bar === null) {
    element.replaceChildren(bar = document.createElement('meter'), document.createElement('span'));
    Object.assign(bar, { min: -90, max: 0 });
  }
  bar.value = level ?? -90;
  bar.setAttribute('aria-hidden', 'true');
  setText(element.lastChild, ` ${label}`);
}

// A cell is a text, or {text, kind, href}, {spark: values, most} or {level, label}.
export function fill(element, cell) {
  if (typeof cell !== 'object') return setText(element, String(cell));
  setClass(element, cell.kind ?? '');
  if (cell.spark) return sparkline(element, cell.spark.map((value) => ({ value, most: cell.most })));
  if ('level' in cell) return meter(element, cell);
  if (cell.href === undefined) return setText(element, cell.text);
  let link = element.querySelector('a');
  if (link === null) element.replaceChildren(link = document.createElement('a'));
  setText(link, cell.text);
  link.setAttribute('href', cell.href);
}

// Rows are {key, cells}; the first cell is the row's header.
export function fillRows(body, rows) {
  const made = keep(body, rows.map(({ key }) => key), () => document.createElement('tr'));
  made.forEach((row, i) => {
    rows[i].cells.forEach((cell, column) => {
      if (row.children.length === column) {
        const element = row.appendChild(document.createElement(column === 0 ? 'th' : 'td'));
        if (column === 0) element.scope = 'row';
      }
      fill(row.children[column], cell);
    });
  });
}

// `facts`: [name, cell].
export function fillFacts(list, facts) {
  const made = keep(list, facts.map(([name]) => name), (name) => {
    const group = document.createElement('div');
    group.append(document.createElement('dt'), document.createElement('dd'));
    group.firstChild.textContent = name;
    return group;
  });
  made.forEach((group, i) => fill(group.lastChild, facts[i][1]));
}
