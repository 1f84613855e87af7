// @vitest-environment node
// Who a browser profile is to the server: a name that a terminal can show.
import { expect, test } from 'vitest';
import { isServerAddress, nameOf } from '../../lib/connection/identity.ts';

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 'linux', 'Firefox on linux'],
  ['Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36', 'linux', 'Chrome on linux'],
  ['Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0', 'win', 'Edge on win'],
  ['anything \u001b[31m', '\u001b[31m', 'Browser on 31m'],
  ['', '', 'Browser on unknown'],
])('%s on %s is called %s', (agent, os, name) => {
  expect(nameOf(agent, os)).toBe(name);
});

test('only this machine is a server', () => {
  expect(isServerAddress('ws://127.0.0.1:8377/ws')).toBe(true);
  expect(isServerAddress('ws://evil.example/ws')).toBe(false);
});
