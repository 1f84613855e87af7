// @vitest-environment node
// The style sheets name no side of the screen: so the panel mirrors itself for languages that run from right to left.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../entrypoints');
const sheets = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.css'));

test.each(sheets)('%s names no left and no right', (sheet) => {
  const text = readFileSync(join(ROOT, sheet), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
  expect(text.match(/(?<![-\w])(?:(?:margin|padding|border|inset)-)?(?:left|right)\s*:/g)).toBeNull();
  expect(text.match(/text-align:\s*(?:left|right)|float:\s*(?:left|right)/g)).toBeNull();
  const uneven = [...text.matchAll(/(?<![-\w])(?:margin|padding|inset):\s*([^;}()]+)[;}]/g)].filter(([, value]) => {
    const [, right, , left] = (value ?? '').trim().split(/\s+/);
    return left !== undefined && left !== right;
  });
  expect(uneven.map(([rule]) => rule)).toEqual([]);
});
