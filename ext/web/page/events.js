// SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The log: the newest, which grows by itself, or what a sentence finds, which stays as it is.

import { byId, count, element, getJson, setText, timeElement, timeText } from './format.js';

const PAGE = 48;
let shown = [];
let sentence = '';
let searched = false;
let serial = 0;
let timer = 0;

function card(event) {
  const picture = event.thumbnail
    ? element('img', { src: event.thumbnail.slice(1), alt: `${event.camera} at ${timeText(new Date(event.time))}`, loading: 'lazy', width: 192, height: 108 })
    : element('span', { class: 'blank' }, 'No picture');
  const words = element('div', {}, element('p', { class: 'what' }, event.text),
    element('p', { class: 'where' }, element('span', {}, event.camera), timeElement(event.time)));
  if (event.alert)
    words.append(element('p', { class: 'tag' }, `Alert: ${event.alert}`));
  if (event.score !== undefined)
    words.append(element('meter', { min: 0, max: 1, value: Math.max(0, event.score), title: `Likeness ${event.score.toFixed(2)}`,
      'aria-label': `Likeness ${event.score.toFixed(2)}` }));
  const root = element('li', { class: 'event', id: `event-${event.id}` }, picture, words);
  root.dataset.id = event.id;
  return root;
}

// ---- Timeline: a picture of the list, for eyes only; the list itself has all of it.

function span(events) {
  const times = events.map(event => Date.parse(event.time));
  const to = searched ? Math.max(...times) : Date.now();
  const from = Math.min(...times, to - 60000);
  return [from, Math.max(to, from + 60000)];
}

function mark(event, from, to) {
  const tick = element('i', { class: event.alert ? 'alert' : '', title: `${timeText(new Date(event.time))} ${event.text}` });
  tick.style.left = `${(Date.parse(event.time) - from) / (to - from) * 100}%`;
  tick.addEventListener('click', () => {
    document.querySelector('.event.shown')?.classList.remove('shown');
    const root = byId(`event-${event.id}`);
    root?.classList.add('shown');
    root?.scrollIntoView({ block: 'center' });
  });
  return tick;
}

function drawLanes() {
  const lanes = byId('lanes');
  lanes.replaceChildren();
  if (shown.length === 0)
    return;
  const [from, to] = span(shown);
  for (const name of [...new Set(shown.map(event => event.camera))].sort()) {
    const lane = element('span', { class: 'lane' });
    lane.append(...shown.filter(event => event.camera === name).map(event => mark(event, from, to)));
    lanes.append(element('span', { class: 'lane-name' }, name), lane);
  }
  lanes.append(element('span'), element('span', { class: 'axis' }, element('span', {}, timeText(new Date(from))),
    element('span', {}, timeText(new Date((from + to) / 2))), element('span', {}, timeText(new Date(to)))));
}

// ---- Asking

function words() {
  if (shown.length === 0)
    return searched && sentence ? `No event for “${sentence}”.` : 'No event yet.';
  return sentence ? `${count(shown.length, 'event', 'events')}, those most like “${sentence}” first.` : `${count(shown.length, 'event', 'events')}, the newest first.`;
}

function parameters(more = {}) {
  const asked = new URLSearchParams({ limit: sentence ? 24 : PAGE });
  const fields = { query: sentence, camera: byId('camera').value, from: byId('from').value, to: byId('to').value };
  for (const name of ['from', 'to'])
    if (fields[name])
      fields[name] = new Date(fields[name]).toISOString();
  for (const [name, value] of Object.entries({ ...fields, ...more }))
    if (value)
      asked.set(name, value);
  return asked;
}

async function ask(more) {
  const mine = ++serial;
  const { events } = await getJson(`api/v1/events?${parameters(more)}`);
  return mine === serial ? events : null;
}

function complain(error) {
  setText(byId('found'), `The events can't be had: ${error.message}`);
}

// What is there already stays, so that no picture is loaded twice and focus is kept.
function show(events, grows) {
  const list = byId('events');
  const old = new Map([...list.children].map(child => [child.dataset.id, child]));
  const seen = new Set(events.map(event => event.id));
  const kept = grows ? shown.filter(event => !seen.has(event.id)) : [];
  shown = [...events, ...kept].slice(0, 480);
  list.replaceChildren(...shown.map(event => (event.score === undefined && old.get(String(event.id))) || card(event)));
  byId('older').hidden = Boolean(sentence) || shown.length === 0 || (!grows && events.length < PAGE);
  list.setAttribute('aria-busy', 'false');
  setText(byId('found'), words());
  drawLanes();
}

async function load(grows) {
  try {
    byId('events').setAttribute('aria-busy', 'true');
    const events = await ask();
    if (events)
      show(events, grows);
  } catch (error) {
    complain(error);
  }
}

async function loadOlder() {
  try {
    // A millisecond more than it was: what is there twice is left out.
    const last = new Date(Date.parse(shown[shown.length - 1].time) + 1).toISOString();
    const events = await ask({ to: last });
    const known = new Set(shown.map(event => event.id));
    const more = (events ?? []).filter(event => !known.has(event.id));
    byId('events').append(...more.map(card));
    shown.push(...more);
    byId('older').hidden = more.length < PAGE - 1;
    setText(byId('found'), words());
    drawLanes();
  } catch (error) {
    complain(error);
  }
}

export function loadEvents() {
  return load(false);
}

// A caption or an alert came: it is in the log in a moment.
export function eventsGrow() {
  if (searched)
    return;
  clearTimeout(timer);
  timer = setTimeout(() => load(true), 1200);
}

byId('search').addEventListener('submit', event => {
  event.preventDefault();
  clearTimeout(timer);
  sentence = byId('query').value.trim();
  searched = Boolean(sentence || byId('camera').value || byId('from').value || byId('to').value);
  setText(byId('found'), 'Searching …');
  load(false);
});

byId('newest').addEventListener('click', () => {
  byId('search').reset();
  sentence = '';
  searched = false;
  load(false);
});

byId('older').addEventListener('click', loadOlder);
