// @vitest-environment node
// How the modules stand to each other: no imports in circles, lib below the entry points, folders that one can overlook.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseSync } from 'vite';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const MODULES_MAX = 14; // of a folder
const files = ['entrypoints', 'lib', 'scripts', 'tests'].flatMap(modulesUnder);
const graph = new Map(files.map((file) => [file, importsIn(file, readFileSync(join(ROOT, file), 'utf8'))]));

test('no imports run in circles', () => {
  expect(circlesIn(graph)).toEqual([]);
});

test('lib imports nothing of the entry points', () => {
  const wrong = files.filter((file) => file.startsWith('lib/') && graph.get(file)?.some((other) => !other.startsWith('lib/')));
  expect(wrong).toEqual([]);
});

test('no folder holds more modules than one can overlook', () => {
  const folders = [...new Set(files.map(dirname))].map((folder) => ({ folder, modules: files.filter((file) => dirname(file) === folder).length }));
  expect(folders.filter(({ modules }) => modules > MODULES_MAX)).toEqual([]);
});

test('every import of a module of ours was followed', () => {
  expect([...graph.values()].flat().filter((file) => !graph.has(file))).toEqual([]);
  expect(graph.get('entrypoints/panel/main.tsx')).toContain('entrypoints/panel/App.tsx');
});

test('imports for types, re-exports and imports at run time count', () => {
  const source = "import type { A } from './a.ts'; export { b } from '../b.ts'; const c = () => import('./c.ts'); import 'preact';";
  expect(importsIn('lib/x.ts', source)).toEqual(['lib/a.ts', 'b.ts', 'lib/c.ts']);
});

test('a circle is named module by module', () => {
  expect(circlesIn(new Map([['a', ['b', 'd']], ['b', ['c']], ['c', ['b', 'a']], ['d', ['d']]]))).toEqual(['b → c → b', 'a → b → c → a', 'd → d']);
  expect(circlesIn(new Map([['a', ['b', 'c']], ['b', ['c']], ['c', []]]))).toEqual([]);
});

function modulesUnder(top: string): string[] {
  const names = readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.(tsx?|mjs)$/.test(name)).map((name) => join(top, name));
}

/** The modules of ours that a source names, relative to the root. */
function importsIn(file: string, source: string): string[] {
  const { staticImports, staticExports, dynamicImports } = parseSync(file, source).module;
  const named = [...staticImports, ...staticExports.flatMap(({ entries }) => entries)].flatMap(({ moduleRequest }) => moduleRequest?.value ?? []);
  const dynamic = dynamicImports.map(({ moduleRequest: { start, end } }) => source.slice(start + 1, end - 1));
  const ours = [...named, ...dynamic].filter((name) => name.startsWith('.'));
  return [...new Set(ours)].map((name) => relative(ROOT, join(ROOT, dirname(file), name)));
}

/** Each circle once for the import that closes it, as `a → b → a`. */
function circlesIn(modules: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const visit = (file: string, way: string[]): string[] => {
    if (way.includes(file)) return [[...way.slice(way.indexOf(file)), file].join(' → ')];
    if (done.has(file)) return [];
    const circles = (modules.get(file) ?? []).flatMap((next) => visit(next, [...way, file]));
    done.add(file);
    return circles;
  };
  return [...modules.keys()].flatMap((file) => visit(file, []));
}
