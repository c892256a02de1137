// SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import { byId, element, setText, timeText } from './format.js';
import { Pictures, still } from './live.js';

const stateNames = { connecting: 'Connecting', watching: 'Watching', waiting: 'Away', ended: 'Ended' };
const tiles = new Map();
const inSight = new Set();
let playing = true;

class Tile {
  constructor(name) {
    this.name = name;
    this.canvas = element('canvas', { role: 'img', width: 640, height: 360, 'aria-label': `Picture of ${name}` });
    this.state = element('span', { class: 'state connecting' }, 'Connecting');
    this.awayTitle = element('strong');
    this.awayWhy = element('span');
    this.away = element('div', { class: 'away', hidden: true }, this.awayTitle, this.awayWhy);
    this.caption = element('p', { class: 'caption none' }, 'No caption yet');
    this.when = element('p', { class: 'quiet' }, ' ');
    this.alarm = element('p', { class: 'tag', hidden: true });
    this.enlarge = element('button', { type: 'button', 'aria-pressed': 'false', 'aria-label': `Enlarge ${name}` }, 'Enlarge');
    this.root = element('li', { class: 'camera' },
      element('header', {}, element('h3', {}, name), this.state, this.enlarge),
      element('div', { class: 'screen' }, this.canvas, this.away),
      element('div', { class: 'words' }, this.caption, this.when, this.alarm));
    this.root.dataset.camera = name;
    this.enlarge.addEventListener('click', () => {
      const large = this.root.classList.toggle('large');
      this.enlarge.setAttribute('aria-pressed', String(large));
    });
  }

  setState(state, why, since) {
    // A camera that is away has no picture to ask for.
    if (!playing && state === 'watching' && this.is !== state)
      still(this.name, show);
    this.is = state;
    setText(this.state, stateNames[state] ?? state);
    this.state.className = `state ${state}`;
    setText(this.awayTitle, state === 'waiting' ? `${this.name} is away` : state === 'watching' ? 'No picture yet' : stateNames[state] ?? state);
    setText(this.awayWhy, why ?? '');
    this.uncover();
    this.state.title = since ? `since ${timeText(new Date(since))}` : '';
  }

  uncover() {
    this.away.hidden = this.is === 'watching' && this.drawn;
  }

  setCaption(text, time, confidence) {
    this.caption.classList.remove('none');
    setText(this.caption, text);
    const sure = confidence === undefined ? '' : ` · ${Math.round(confidence * 100)} % sure`;
    setText(this.when, timeText(new Date(time)) + sure);
    this.canvas.setAttribute('aria-label', `Picture of ${this.name}: ${text}`);
  }

  setAlerts(names) {
    this.alarm.hidden = names.length === 0;
    this.root.classList.toggle('alarmed', names.length > 0);
    setText(this.alarm, `Alert: ${names.join(', ')}`);
  }

  async draw(jpeg) {
    const picture = await createImageBitmap(jpeg).catch(() => null);
    if (!picture)
      return;
    if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
      this.canvas.width = picture.width;
      this.canvas.height = picture.height;
    }
    this.canvas.getContext('2d').drawImage(picture, 0, 0);
    this.canvas.dataset.pictures = Number(this.canvas.dataset.pictures ?? 0) + 1;
    picture.close();
    this.drawn = true;
    this.uncover();
  }
}

const show = (name, jpeg) => tiles.get(name)?.draw(jpeg);
const pictures = new Pictures(show);

function choosePictures() {
  pictures.set(playing && !document.hidden ? [...inSight] : []);
}

const sight = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const name = entry.target.dataset.camera;
    if (entry.isIntersecting)
      inSight.add(name);
    else
      inSight.delete(name);
  }
  choosePictures();
}, { rootMargin: '100px' });

export function setPlaying(on) {
  playing = on;
  choosePictures();
  if (!on)
    for (const name of inSight)
      if (tiles.get(name)?.is === 'watching')
        still(name, show);
}

function tileOf(name) {
  let tile = tiles.get(name);
  if (!tile) {
    tile = new Tile(name);
    tiles.set(name, tile);
    byId('cameras').append(tile.root);
    byId('camera').append(element('option', { value: name }, name));
    sight.observe(tile.root);
  }
  return tile;
}

export function showCameras(cameras) {
  for (const camera of cameras) {
    const tile = tileOf(camera.name);
    tile.setState(camera.state, camera.why, camera.since);
    if (camera.caption)
      tile.setCaption(camera.caption.text, camera.caption.time, camera.caption.confidence);
  }
}

export function showCameraAlerts(alerts) {
  for (const tile of tiles.values())
    tile.setAlerts(alerts.filter(alert => alert.active && alert.camera === tile.name).map(alert => alert.name));
}

export function cameraEvent(type, event) {
  const tile = tiles.get(event.camera);
  if (tile && type === 'state')
    tile.setState(event.state, event.why, event.time);
  if (tile && type === 'caption')
    tile.setCaption(event.text, event.time, event.confidence);
}

export function countWatching() {
  const all = [...tiles.values()];
  return { watching: all.filter(tile => tile.is === 'watching').length, all: all.length };
}

document.addEventListener('visibilitychange', choosePictures);
