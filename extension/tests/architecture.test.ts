// @vitest-environment node
// How the modules stand to each other: folders that one can overlook, and a linter that refuses circles of imports.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const MODULES_MAX = 14; // of a folder

test.each(['entrypoints', 'lib', 'scripts', 'tests'])('no folder under %s holds more modules than one can overlook', (top) => {
  const names = readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' }).filter((name) => /\.(tsx?|mjs)$/.test(name));
  const folders = [...new Set(names.map(dirname))].map((folder) => ({ folder, modules: names.filter((name) => dirname(name) === folder).length }));
  expect(folders.length).toBeGreaterThan(0);
  expect(folders.filter(({ modules }) => modules > MODULES_MAX)).toEqual([]);
});

test('a class belongs to one style sheet, but for those that change all of them', () => {
  const panel = join(ROOT, 'entrypoints/panel');
  const sheets = readdirSync(panel, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.css') && !['base.css', 'contrast.css'].includes(name));
  const owners = new Map<string, Set<string>>();
  for (const sheet of sheets) {
    for (const [, selectors] of readFileSync(join(panel, sheet), 'utf8').matchAll(/^([^@{}/]+)\{/gm)) {
      for (const [, name = ''] of (selectors ?? '').matchAll(/(?:^|,)\s*\.([a-z][a-z0-9-]*)\s*(?=,|$)/g)) owners.set(name, (owners.get(name) ?? new Set()).add(sheet));
    }
  }
  expect(owners.size).toBeGreaterThan(100);
  expect([...owners].filter(([, found]) => found.size > 1).map(([name, found]) => `${name}: ${[...found].join(', ')}`)).toEqual([]);
});

test('the linter names a circle of imports, also one that only types make', () => {
  const straight = lint({ 'a.ts': "import type { B } from './b.ts';\nexport type A = B[];\n", 'b.ts': 'export type B = 1;\n' });
  const circle = lint({ 'a.ts': "import type { B } from './b.ts';\nexport type A = B[];\n", 'b.ts': "import type { A } from './a.ts';\nexport type B = A | 1;\n" });
  expect(straight).toMatchObject({ status: 0 });
  expect(circle.status).toBe(1);
  expect(circle.stdout).toMatch(/no-cycle[^]*b\.ts[^]*imports[^]*a\.ts/);
});

function lint(files: Record<string, string>): { status: number | null; stdout: string } {
  const folder = mkdtempSync(join(tmpdir(), 'circle-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const linter = join(ROOT, 'node_modules/oxlint/bin/oxlint');
  return spawnSync(process.execPath, [linter, '--config', join(ROOT, '.oxlintrc.json'), folder], { encoding: 'utf8' });
}
