// SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What comes by itself: events by one EventSource, the pictures of all cameras that are in sight by one answer that goes on. Browsers open six
// connections to a server, so a connection for each camera would leave none.

export function followEvents(handlers) {
  const source = new EventSource('api/v1/stream');
  for (const type of ['caption', 'alert', 'state'])
    source.addEventListener(type, event => handlers.event(type, JSON.parse(event.data)));
  source.addEventListener('resync', () => handlers.resync());
  source.addEventListener('open', () => handlers.connected(true));
  source.addEventListener('error', () => {
    handlers.connected(false);
    // After an answer that is no stream (signed out, too many) the browser gives up; we don't.
    if (source.readyState === EventSource.CLOSED)
      setTimeout(() => followEvents(handlers), 5000);
  });
}

const headEnd = [13, 10, 13, 10];

function find(bytes, wanted, from) {
  outer: for (let i = from; i + wanted.length <= bytes.length; i++) {
    for (let k = 0; k < wanted.length; k++)
      if (bytes[i + k] !== wanted[k])
        continue outer;
    return i;
  }
  return -1;
}

// Parts are a head, as many bytes as it says, and a boundary, which is skipped as the beginning of the next head.
class Parts {
  bytes = new Uint8Array(0);

  add(more) {
    const joined = new Uint8Array(this.bytes.length + more.length);
    joined.set(this.bytes);
    joined.set(more, this.bytes.length);
    this.bytes = joined;
  }

  take() {
    const end = find(this.bytes, headEnd, 0);
    if (end < 0)
      return null;
    const head = new TextDecoder().decode(this.bytes.subarray(0, end));
    const length = Number(/^content-length: (\d+)\r?$/im.exec(head)?.[1]);
    const camera = /^x-camera: (.*?)\r?$/im.exec(head)?.[1];
    const from = end + headEnd.length;
    if (!Number.isFinite(length) || this.bytes.length < from + length)
      return null;
    const jpeg = new Blob([this.bytes.subarray(from, from + length)], { type: 'image/jpeg' });
    this.bytes = this.bytes.slice(from + length);
    return { camera, jpeg };
  }
}

async function readPictures(names, signal, show) {
  const answer = await fetch(`api/v1/pictures?cameras=${encodeURIComponent(names.join(','))}`, { signal });
  if (!answer.ok)
    throw new Error(`pictures: ${answer.status}`);
  const reader = answer.body.getReader();
  const parts = new Parts();
  for (;;) {
    const { done, value } = await reader.read();
    if (done)
      return;
    parts.add(value);
    for (let part; (part = parts.take());)
      await show(part.camera, part.jpeg);
  }
}

// Runs while it is wanted: set() takes the names that are in sight, [] for none.
export class Pictures {
  #names = [];
  #abort = null;
  #timer = 0;

  constructor(show) {
    this.show = show;
  }

  set(names) {
    const sorted = [...names].sort();
    if (sorted.join() === this.#names.join())
      return;
    this.#names = sorted;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), 150);
  }

  async #run() {
    this.#abort?.abort();
    if (this.#names.length === 0)
      return;
    const abort = this.#abort = new AbortController();
    while (!abort.signal.aborted) {
      await readPictures(this.#names, abort.signal, this.show).catch(() => {});
      if (!abort.signal.aborted)
        await new Promise(wake => setTimeout(wake, 2000));
    }
  }
}

export async function still(name, show) {
  const answer = await fetch(`cameras/${encodeURIComponent(name)}.jpg`).catch(() => null);
  if (answer?.ok)
    await show(name, await answer.blob());
}
