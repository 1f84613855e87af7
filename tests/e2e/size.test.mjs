// What the build weighs: each script that goes into a page, and what the panel needs before it draws.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { BUILD } from './browser.mjs';

const PAGE_SCRIPT_KB_MAX = 45;
const FIRST_CHUNK_KB_MAX = 90;

const kB = (path) => statSync(`${BUILD}/${path}`).size / 1_000;

for (const script of ['article.js', 'page.js', 'sidebar.js', 'selection.js']) {
  test(`${script} stays small in the pages that it goes into`, () => {
    assert.ok(kB(script) <= PAGE_SCRIPT_KB_MAX, `${kB(script)} kB`);
  });
}

test('the panel draws after little script', () => {
  const html = readFileSync(`${BUILD}/panel.html`, 'utf8');
  const scripts = [...html.matchAll(/(?:src|href)="([^"]+\.js)"/g)].map(([, path]) => path);
  assert.ok(scripts.length > 0);
  const whole = scripts.reduce((sum, path) => sum + kB(path), 0);
  assert.ok(whole <= FIRST_CHUNK_KB_MAX, `${whole} kB in ${scripts.join(', ')}`);
});
