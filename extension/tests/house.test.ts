// @vitest-environment node
// Rules that no type can hold: no HTML strings, no socket outside link, files that say what they are, words that exist.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXTENSION_ORIGIN } from '../lib/connection/protocol.ts';

const ROOT = join(import.meta.dirname, '..');
const files = ['lib', 'entrypoints'].flatMap((top) =>
  readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name)).map((name) => `${top}/${name}`),
);
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

test.each(files)('%s keeps the rules', (file) => {
  const text = read(file);
  expect(text.startsWith('// ')).toBe(true);
  expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function/);
  expect(text).not.toMatch(/console\.|localStorage|indexedDB|\bfetch\(|XMLHttpRequest|sendBeacon/);
  expect(text.includes('new WebSocket')).toBe(file === 'lib/connection/link.ts');
});

test('every message that the code names is in the catalogue, and none is left over', () => {
  const catalogue = Object.keys(JSON.parse(read('public/_locales/en/messages.json')) as object);
  const code = files.map(read).join('\n') + read('wxt.config.ts');
  const named = [...code.matchAll(/\bt\(\s*'(\w+)'/g), ...code.matchAll(/getMessage\('(\w+)'/g), ...code.matchAll(/__MSG_(\w+)__/g)].map((match) => match[1]);
  const countedNames = [...code.matchAll(/\bcounted\('(\w+)'/g)].map((match) => `${match[1]}_other`);
  for (const name of [...named, ...countedNames]) expect(catalogue).toContain(name);
  const built = /^(section|status|tabStatus|link|move|key|quotes|error|fix|selftest|verdict|tour|tourWords)_|(Title|Text|Button)$/;
  const quoted = new Set(code.match(/(?<=['"]|MSG_)[A-Za-z]\w*?(?=['"]|__)/g));
  const unused = catalogue.filter((name) => !built.test(name) && !quoted.has(name.replace(/_(one|other)$/, '')));
  expect(unused).toEqual([]);
});

test("the manifest's key gives the id that the server lets in", () => {
  const key = /'(MII[\w+/=]+)'/.exec(read('wxt.config.ts'))?.[1] ?? '';
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('hex').slice(0, 32);
  const id = digest.replace(/./g, (digit) => 'abcdefghijklmnop'.charAt(Number.parseInt(digit, 16)));
  expect(EXTENSION_ORIGIN).toBe(`chrome-extension://${id}`);
});

test.each(['package-lock.json', 'store/package-lock.json'])('%s pins no download address', (file) => {
  expect(read(file)).not.toContain('"resolved"');
});
