// @vitest-environment node
// The self-test: what is known of each thing, and a report that names nobody and nothing.
import { expect, test } from 'vitest';
import { linesOf, reportOf } from '../../../entrypoints/panel/selftest/lines.ts';

const codesOf = (link: object, rest: object = {}): Record<string, string> =>
  Object.fromEntries(linesOf({ link: { code: '', ...link }, page: { status: 'ready' }, untrusted: false, doctor: null, ...rest } as never).map(({ what, code }) => [what, code]));

test.each([
  ['no server', { status: 'offline' }, { server: 'offline', version: 'unknown', pairing: 'unknown', engine: 'unknown' }],
  ['a stranger on the port', { status: 'impostor' }, { server: 'impostor', version: 'unknown' }],
  ['a server of another version', { status: 'refused', code: 'version_unsupported' }, { server: 'ok', version: 'version_unsupported', pairing: 'unknown' }],
  ['a server without a place', { status: 'refused', code: 'busy' }, { server: 'busy', version: 'unknown' }],
  ['a browser that is not paired', { status: 'unpaired' }, { server: 'ok', version: 'ok', pairing: 'unpaired', engine: 'unknown' }],
  ['a wrong code', { status: 'wrong_code' }, { server: 'ok', pairing: 'unpaired' }],
  ['all in order', { status: 'ready' }, { server: 'ok', version: 'ok', pairing: 'ok', engine: 'ok', page: 'ok' }],
])('%s', (_, link, codes) => {
  expect(codesOf(link)).toMatchObject(codes);
});

test.each([
  ['looking', 'unknown'],
  ['unreadable', 'unreadable'],
  ['empty', 'empty'],
  ['opening', 'ok'],
])('a page that is %s', (status, code) => {
  expect(codesOf({ status: 'ready' }, { page: { status } })['page']).toBe(code);
});

test("the server's machine is shown while there is a server; what nobody asked for only when it is wrong", () => {
  const doctor = [
    { what: 'encoder', code: 'ok', fix: '' },
    { what: 'python', code: 'ok', fix: '' },
    { what: 'torch', code: 'torch_broken', fix: 'run it' },
  ];
  const shown = codesOf({ status: 'ready' }, { doctor });
  expect(shown).toMatchObject({ encoder: 'ok', torch: 'torch_broken' });
  expect(shown).not.toHaveProperty('python');
  expect(codesOf({ status: 'offline' }, { doctor })).not.toHaveProperty('encoder');
});

test('a report has names and codes, and none of the sentences that may name a folder', () => {
  const report = reportOf([{ what: 'base model', code: 'base_damaged', fix: 'delete /home/somebody/base' }], 'Retinue 1');
  expect(report).toBe('Retinue 1\nbase model: base_damaged');
});
