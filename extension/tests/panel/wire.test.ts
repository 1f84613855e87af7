// The panel's two lines in a page: who it says it is, whom it listens to, and answers that come late or never.
import { beforeEach, expect, test, vi } from 'vitest';
import type { Wire } from '../../entrypoints/panel/state/wire.ts';
import type { FakePort } from '../browser.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../browser.ts')).fakeBrowser }));

interface PagePort {
  onmessage: ((event: { data: unknown }) => void) | null;
  sent: unknown[];
  postMessage(message: unknown): void;
}

const STANDING = { page: 'p1', seen: { r1: 3 } };
let wire: Wire;
let page: PagePort;
let ports: FakePort[];
let heard: unknown[];

beforeEach(async () => {
  vi.stubGlobal('window', { top: null }); // a frame in somebody's page
  await makeWire();
  dispatchEvent(Object.assign(new Event('message'), { data: 'n0', ports: [] })); // no greeting: it has no port
  greet('n1', page);
  await wire.start();
  return () => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    location.hash = '';
  };
});

async function makeWire(): Promise<void> {
  vi.resetModules();
  vi.useFakeTimers();
  [ports, heard] = [[], []];
  const fresh = await import('../browser.ts'); // the one that the fresh wire gets
  fresh.fakeBrowser.runtime.connect = ({ name }) => {
    const port = new fresh.FakePort(name, undefined);
    ports.push(port);
    return port;
  };
  page = { onmessage: null, sent: [], postMessage: (message) => void page.sent.push(message) };
  const { Wire: Fresh } = await import('../../entrypoints/panel/state/wire.ts');
  wire = new Fresh((message) => heard.push(message), (event) => heard.push(event), () => STANDING);
}

function greet(nonce: string, port: PagePort): void {
  dispatchEvent(Object.assign(new Event('message'), { data: nonce, ports: [port] }));
}

const background = (message: unknown): void => void ports.at(-1)?.onMessage.fire(message);

test('it opens with the nonce that the page script gave it and with what it has already', () => {
  expect(ports[0]?.name).toBe('panel');
  expect(ports[0]?.got).toEqual([{ kind: 'open', nonce: 'n1', ...STANDING }]);
});

test('the page is listened to only when the background knows the nonce', () => {
  expect(page.onmessage).toBeNull();
  background({ kind: 'untrusted' });
  expect([page.onmessage, page.sent]).toEqual([null, [{ hello: true }]]);
  background({ kind: 'opened', tab: 3 });
  page.onmessage?.({ data: { event: 'moved' } });
  expect(heard).toEqual([{ kind: 'untrusted' }, { kind: 'opened', tab: 3 }, { event: 'moved' }]);
});

test('a second greeting does not take the place of the first', async () => {
  const other: PagePort = { onmessage: null, sent: [], postMessage: (message) => void other.sent.push(message) };
  greet('n2', other);
  background({ kind: 'opened', tab: 3 });
  await vi.advanceTimersByTimeAsync(1);
  expect(other.sent).toEqual([]);
  expect(page.sent).toEqual([{ hello: true }]);
});

test('a command is answered by its number, and by an error when nobody answers in time', async () => {
  background({ kind: 'opened', tab: 3 });
  const [first, second] = [wire.call({ do: 'read' }), wire.call({ do: 'selection' })];
  page.onmessage?.({ data: { id: 2, answer: { selection: 'words' } } });
  page.onmessage?.({ data: { id: 7, answer: { selection: 'other' } } });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await second).toEqual({ selection: 'words' });
  expect(await first).toEqual({ error: 'timeout' });
});

test('when the worker restarts, the panel connects again and says where it stands', async () => {
  ports[0]?.onDisconnect.fire();
  wire.send({ kind: 'retry' });
  await vi.advanceTimersByTimeAsync(200);
  expect(ports).toHaveLength(2);
  expect(ports[1]?.got).toEqual([{ kind: 'open', nonce: 'n1', ...STANDING }]);
});

test('the line is kept alive', async () => {
  await vi.advanceTimersByTimeAsync(20_000);
  expect(ports[0]?.got.at(-1)).toEqual({ kind: 'keepalive' });
});

test("a frame that nobody greets is a stranger's, and connects to nobody", async () => {
  await makeWire();
  void wire.start();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(heard).toEqual([{ kind: 'untrusted' }]);
  expect(ports).toEqual([]);
});

test.each([['7.ab', '7.ab'], ['', null]])('outside a page it shows the nonce of its address, and nothing else of it: %s', async (hash, nonce) => {
  vi.unstubAllGlobals();
  history.replaceState(null, '', '/panel.html?host=side&tab=3&site=*://*/*');
  location.hash = hash;
  await makeWire();
  await wire.start();
  expect(ports[0]?.got).toEqual([{ kind: 'open', nonce, ...STANDING }]);
});
