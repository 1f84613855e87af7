// The schema.org types that a page declares, by which copilots are suggested. Called by the page script.
// A page can declare anything: only plain names are taken, few and short.
const TYPES_MAX = 16;
const SCRIPTS_MAX = 8;
const SCRIPT_CHARS_MAX = 200_000;
const DEPTH_MAX = 4;
const ITEMS_MAX = 200;
const NAME = /^[A-Za-z]{2,64}$/;

export function schemaTypes(document: Document): string[] {
  const names = [...itemTypes(document), ...linkedTypes(document), ...openGraph(document)];
  const plain = names.map((name) => name.replace(/^https?:\/\/schema\.org\//, '')).filter((name) => NAME.test(name));
  return [...new Set(plain)].slice(0, TYPES_MAX);
}

function itemTypes(document: Document): string[] {
  return [...document.querySelectorAll('[itemtype]')].slice(0, ITEMS_MAX).map((element) => element.getAttribute('itemtype') ?? '');
}

function openGraph(document: Document): string[] {
  const content = document.querySelector('meta[property="og:type"]')?.getAttribute('content') ?? '';
  return content === '' || content === 'website' ? [] : [content];
}

function linkedTypes(document: Document): string[] {
  const scripts = [...document.querySelectorAll('script[type="application/ld+json"]')].slice(0, SCRIPTS_MAX);
  return scripts.flatMap((script) => {
    const text = script.textContent ?? '';
    if (text.length > SCRIPT_CHARS_MAX) return [];
    try {
      return typesOf(JSON.parse(text), 0);
    } catch {
      return []; // not JSON
    }
  });
}

function typesOf(value: unknown, depth: number): string[] {
  if (depth > DEPTH_MAX || typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).flatMap((item) => typesOf(item, depth + 1));
  const { '@type': own, '@graph': graph, mainEntity } = value as Record<string, unknown>;
  const names = (Array.isArray(own) ? own : [own]).filter((name) => typeof name === 'string');
  return [...names, ...typesOf(graph, depth + 1), ...typesOf(mainEntity, depth + 1)];
}
