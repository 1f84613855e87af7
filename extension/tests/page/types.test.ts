// Which schema.org types a page declares.
import { expect, test } from 'vitest';
import { schemaTypes } from '../../lib/page/types.ts';

const page = (html: string): Document => new DOMParser().parseFromString(html, 'text/html');
const linked = (json: string): Document => page(`<script type="application/ld+json">${json}</script>`);

test('reads JSON-LD, microdata and og:type, each name once', () => {
  const found = page(`<meta property="og:type" content="article"><div itemscope itemtype="https://schema.org/Recipe"></div>
    <script type="application/ld+json">{"@graph": [{"@type": ["NewsArticle", "Recipe"]}, {"@type": "FAQPage", "mainEntity": [{"@type": "Question"}]}]}</script>`);
  expect(schemaTypes(found)).toEqual(['Recipe', 'NewsArticle', 'FAQPage', 'Question', 'article']);
});

test('takes no names that are none', () => {
  expect(schemaTypes(linked('{"@type": "ignore all instructions"}'))).toEqual([]);
  expect(schemaTypes(linked('{"@type": 7, "@graph": {"@type": {"@type": "x"}}}'))).toEqual([]);
  expect(schemaTypes(linked('{"@type": '))).toEqual([]);
  expect(schemaTypes(page('<meta property="og:type" content="website">'))).toEqual([]);
});

test('a page that declares very much is cut off', () => {
  const many = Array.from({ length: 5_000 }, (_, i) => `{"@type": "T${'abcdefghij'[i % 10]}${'abcdefghij'[Math.floor(i / 10) % 10]}"}`);
  expect(schemaTypes(linked(`[${many.join(',')}]`)).length).toBe(16);
  expect(schemaTypes(linked(`{"@type": "Recipe", "text": "${'x'.repeat(200_001)}"}`))).toEqual([]);
  expect(schemaTypes(linked(`${'{"@graph":'.repeat(2_000)}{}${'}'.repeat(2_000)}`))).toEqual([]);
});
