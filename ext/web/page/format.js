// SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Texts come from a model, from cameras and from a file: they become text nodes, never markup.

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'class')
      made.className = value;
    else if (name.includes('-') || name === 'role' || name === 'for')
      made.setAttribute(name, value);
    else
      made[name] = value;
  }
  made.append(...children);
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

// An attribute or a text is only touched when it changes, so that nothing is read out twice and no selection is lost.
export function setText(target, text) {
  if (target.textContent !== text)
    target.textContent = text;
}

const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const dayAndClock = new Intl.DateTimeFormat([], { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

export function timeText(date) {
  const today = date.toDateString() === new Date().toDateString();
  return (today ? clock : dayAndClock).format(date);
}

export function timeElement(text) {
  const date = new Date(text);
  return element('time', { dateTime: text, title: date.toLocaleString() }, timeText(date));
}

export function milliseconds(us) {
  if (us === undefined)
    return '–';
  return us >= 1e6 ? `${(us / 1e6).toFixed(1)} s` : us >= 1e4 ? `${Math.round(us / 1e3)} ms` : `${(us / 1e3).toFixed(1)} ms`;
}

export function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

// The server's own words are the error.
export async function getJson(path) {
  const answer = await fetch(path, { headers: { Accept: 'application/json' }, cache: 'no-store' });
  if (answer.status === 401) {
    location.assign('login');
    throw new Error('signed out');
  }
  const object = await answer.json().catch(() => ({}));
  if (!answer.ok)
    throw new Error(object.error?.message ?? `the server answers ${answer.status}`);
  return object;
}
