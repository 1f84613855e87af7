// What is taught or asked about engines carries the place that the background knows, and nothing of it leaves a web page.
import { expect, test } from 'vitest';
import type { FromPanel } from '../../lib/connection/messages.ts';
import { placed } from '../../lib/connection/placed.ts';
import type { ClientFrame } from '../../lib/connection/protocol.ts';

const message = (frame: ClientFrame): FromPanel => ({ kind: 'frame', frame });
const PLACED: ClientFrame[] = [
  { type: 'train.start', copilot: 'a/b' }, { type: 'train.cancel', copilot: 'a/b', place: 'side' },
  { type: 'turn.rate', request: 'q', thread: 't', run: 'r', thumb: 'up', place: 'tab' },
  { type: 'correction.keep', request: 'q', copilot: 'a/b', page: 'p', question: '?', answer: '', corrected: 'x' },
  { type: 'adapter.restore', request: 'q', copilot: 'a/b', version: 'shipped' },
  { type: 'engine.show', request: 'q' }, { type: 'engine.use', request: 'q', base: 'b', place: 'tab' },
  { type: 'engine.test', request: 'q', url: 'u' }, { type: 'engine.connect', request: 'q', url: 'u', model: 'm', key: 'k' },
  { type: 'base.offer', request: 'q', repo: 'a/b' }, { type: 'base.pull', request: 'q', repo: 'a/b', revision: 'r' }, { type: 'base.cancel', request: 'q' },
];

test.each(PLACED)('$type is stamped, whatever the panel says, and dropped from inside a page', (frame) => {
  for (const host of ['side', 'tab'] as const) expect(placed(message(frame), host)).toEqual(message({ ...frame, place: host } as ClientFrame));
  expect(placed(message(frame), 'page')).toBeNull();
});

test('everything else passes as it is', () => {
  for (const other of [message({ type: 'ping' }), { kind: 'keepalive' } as const]) expect(placed(other, 'page')).toBe(other);
});
