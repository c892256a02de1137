// SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import { byId, count, getJson, setText } from './format.js';
import { cameraEvent, countWatching, setPlaying, showCameraAlerts, showCameras } from './cameras.js';
import { eventsGrow, loadEvents } from './events.js';
import { followEvents } from './live.js';
import { showAlerts, showHealth } from './side.js';

const ANNOUNCE_MS = 10000;
const toSay = new Map();
const states = new Map();
let saidAt = 0;
let sayTimer = 0;
let active = 0;
let live = false;

// ---- What is read out: the last of each camera, and no more often than one can listen to.

function say() {
  sayTimer = 0;
  saidAt = Date.now();
  setText(byId('announcer'), [...toSay].map(([name, text]) => `${name}: ${text}`).join('. '));
  toSay.clear();
}

function announce(camera, text, urgent) {
  if (!urgent && byId('speak').getAttribute('aria-pressed') !== 'true')
    return;
  toSay.set(camera, text);
  if (!sayTimer)
    sayTimer = setTimeout(say, urgent ? 0 : Math.max(0, saidAt + ANNOUNCE_MS - Date.now()));
}

// ---- The top

function summarise() {
  const { watching, all } = countWatching();
  const alerts = active ? ` · ${count(active, 'alert', 'alerts')}` : '';
  setText(byId('summary'), live ? `${watching} of ${count(all, 'camera', 'cameras')} watching${alerts}` : 'The server does not answer; trying again …');
  document.title = active ? `(${active}) BitMar` : 'BitMar';
}

function trouble(text) {
  byId('trouble').hidden = !text;
  setText(byId('trouble'), text ?? '');
}

async function refresh() {
  try {
    const [state, { alerts }] = await Promise.all([getJson('api/v1/cameras'), getJson('api/v1/alerts')]);
    const { cameras } = state;
    showCameras(cameras);
    showCameraAlerts(alerts);
    showAlerts(alerts);
    showHealth(state);
    active = alerts.filter(alert => alert.active).length;
    trouble(state.log ? null : 'The event log can’t be written: what happens now may be lost. Is the disk full?');
  } catch (error) {
    if (live)
      trouble(`The server complains: ${error.message}`);
  }
  summarise();
}

let refreshTimer = 0;

function refreshSoon() {
  refreshTimer ||= setTimeout(() => {
    refreshTimer = 0;
    refresh();
  }, 200);
}

// ---- What comes

function arrived(type, event) {
  cameraEvent(type, event);
  if (type === 'caption') {
    announce(event.camera, event.text, false);
    eventsGrow();
  } else if (type === 'alert') {
    announce(event.camera, `alert ${event.name} ${event.kind === 'start' ? 'starts' : 'ends'}`, true);
    eventsGrow();
    refreshSoon();
  } else if (states.get(event.camera) !== event.state + event.why) {
    // After a pause the server tells states once more.
    states.set(event.camera, event.state + event.why);
    announce(event.camera, event.state === 'waiting' ? `is away, ${event.why ?? ''}` : event.state, true);
    refreshSoon();
  }
  summarise();
}

function toggle(button, changed) {
  const on = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(on));
  changed?.(on);
}

byId('play').addEventListener('click', () => toggle(byId('play'), setPlaying));
byId('speak').addEventListener('click', () => toggle(byId('speak')));
if (matchMedia('(prefers-reduced-motion: reduce)').matches)
  toggle(byId('play'), setPlaying);

followEvents({
  event: arrived,
  resync: () => {
    refresh();
    loadEvents();
  },
  connected: on => {
    live = on;
    summarise();
    if (on)
      refresh();
  },
});
await refresh();
loadEvents();
setInterval(() => {
  if (!document.hidden)
    refresh();
}, 5000);
getJson('api/v1').then(info => {
  setText(byId('release'), `BitMar ${info.release}`);
  byId('logout').hidden = !info.token;
}).catch(() => {});
