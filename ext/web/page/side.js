// SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import { byId, element, milliseconds, timeElement } from './format.js';

// ---- Alerts

function alertItem(alert) {
  const times = element('span', { class: 'quiet' }, timeElement(alert.start), alert.active ? ' until now' : ' to ');
  if (!alert.active)
    times.append(alert.end ? timeElement(alert.end) : 'a time that nobody saw', alert['camera-went-away'] ? ', when the camera went away' : '');
  return element('li', { class: alert.active ? 'active' : '' }, element('b', {}, `${alert.name} · ${alert.camera}`),
    element('span', { class: 'quiet' }, alert.sentence), times);
}

export function showAlerts(alerts) {
  byId('alerts').replaceChildren(...alerts.slice(0, 50).map(alertItem));
  byId('no-alerts').hidden = alerts.length > 0;
}

// ---- Health

function fact(name, value, good) {
  return [element('dt', {}, name), element('dd', { class: good === undefined ? '' : good ? 'good' : 'bad' }, value)];
}

function sum(cameras, name) {
  return cameras.reduce((all, camera) => all + (camera.stats?.memory?.[name] ?? 0), 0);
}

function row(camera) {
  const stats = camera.stats ?? {};
  return element('tr', {}, element('th', { scope: 'row', title: camera.name }, camera.name),
    element('td', {}, String(stats.encode?.['frames-in'] ?? '–')),
    element('td', {}, milliseconds(stats.encode?.['encode-p95'])),
    element('td', {}, milliseconds(stats.caption?.['caption-p95'])),
    element('td', {}, String(camera.losses)));
}

// Nothing moves while somebody reads in it.
function replace(target, children) {
  const text = children.map(child => child.textContent).join('|');
  if (target.dataset.text === text)
    return;
  target.dataset.text = text;
  target.replaceChildren(...children);
}

export function showHealth({ cameras, ready, log }) {
  const watching = cameras.filter(camera => camera.state === 'watching').length;
  const dropped = sum(cameras, 'log-dropped');
  replace(byId('health'), [
    ...fact('Ready', ready ? 'yes' : 'no', ready),
    ...fact('Cameras watching', `${watching} of ${cameras.length}`, watching === cameras.length),
    ...fact('Event log', log ? 'works' : 'can’t be written', log),
    ...fact('Events waiting', String(sum(cameras, 'log-queued'))),
    ...fact('Events lost', String(dropped), dropped === 0),
  ]);
  replace(byId('figures'), cameras.map(row));
}
