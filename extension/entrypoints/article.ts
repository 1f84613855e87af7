// Injected into a page together with page.js: finds the article among the blocks. Called by page through one global of the extension's world.
// A script of its own, because Readability is as large as all of the page script.
import { defineUnlistedScript } from 'wxt/utils/define-unlisted-script';
import { articleOf } from '../lib/page/article/article.ts';
import type { FindArticle } from '../lib/page/blocks.ts';

export default defineUnlistedScript(() => {
  (globalThis as { retinueArticle?: FindArticle }).retinueArticle ??= articleOf;
});
