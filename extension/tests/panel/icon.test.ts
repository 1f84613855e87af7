// Every category that ships has an icon that the panel can draw.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CategoryIcon } from '../../entrypoints/panel/Icon.tsx';

const ADAPTERS = join(import.meta.dirname, '..', '..', '..', 'adapters');

test('every category has an icon that is drawn', () => {
  const files = readdirSync(ADAPTERS).map((name) => join(ADAPTERS, name, 'category.toml'));
  const texts = files.flatMap((file) => {
    try {
      return [readFileSync(file, 'utf8')];
    } catch {
      return []; // general and finder are no categories
    }
  });
  const names = texts.map((text) => /^icon = "(.*)"$/m.exec(text)?.[1] ?? '');
  expect(names.length).toBeGreaterThanOrEqual(8);
  expect(names.filter((name) => CategoryIcon({ name }) === null)).toEqual([]);
});

test('a name that is no icon draws nothing', () => {
  expect(CategoryIcon({ name: 'constructor' })).toBeNull();
  expect(CategoryIcon({ name: '' })).toBeNull();
});
