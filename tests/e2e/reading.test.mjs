// What the built page script reads of a page, and where it shows a passage, in a real Chromium without a server.
// A case is a folder of tests/cases with page.html and expected.json.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { clickToolbar, configure, launch } from './browser.mjs';
import { layouts } from './layouts.mjs';
import { freePort, SOON_MS, startSite, until } from './stage.mjs';

const CASES = new URL('../cases/', import.meta.url);
const names = readdirSync(CASES).filter((name) => existsSync(new URL(`${name}/expected.json`, CASES)));

let browser, site;

before(async () => {
  site = await startSite({ folder: CASES });
  browser = await launch();
  await configure(browser, { port: await freePort() });
});
after(async () => {
  await browser?.close();
  await site?.stop();
});

/** Opens a page with the sidebar. `order` runs a command of the page script, as the panel does. */
async function open(address) {
  const page = await browser.context.newPage();
  await page.goto(address);
  await page.waitForTimeout(250);
  await clickToolbar(browser, page);
  const order = (command) =>
    browser.worker.evaluate(async (sent) => {
      const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
      return chrome.tabs.sendMessage(tab.id, { kind: 'command', command: sent });
    }, command);
  await until(() => order({ do: 'selection' }).catch(() => null), SOON_MS, () => 'the page script did not come');
  const read = async () => (await order({ do: 'read' })).page.blocks;
  const show = (text) => order({ do: 'show', passage: { block: null, start: null, end: null, text } });
  return { page, order, read, show };
}

/** The words that are lit in a page or frame, and whether they are inside the window. */
function lit(frame) {
  return frame.evaluate(() => {
    const [range] = CSS.highlights.get('retinue-quote') ?? [];
    const box = range?.getBoundingClientRect();
    return { text: String(range ?? ''), isInView: Boolean(box && box.height > 0 && box.top >= 0 && box.bottom <= innerHeight && box.left >= 0) };
  });
}

/** Counts how often the page gets its turn from now on. */
function countTurns(page) {
  return page.evaluate(() => {
    globalThis.turns = 0;
    const turn = () => {
      globalThis.turns += 1;
      setTimeout(turn, 5);
    };
    turn();
  });
}

function assertInOrder(text, parts) {
  const at = parts.map((part) => text.indexOf(part));
  assert.ok(at.every((place, i) => place >= 0 && (i === 0 || place > at[i - 1])), `${parts} stand at ${at} of:\n${text.slice(0, 2_000)}`);
}

describe('cases', () => {
  for (const name of names) {
    const expected = JSON.parse(readFileSync(new URL(`${name}/expected.json`, CASES), 'utf8'));
    test(`${name}: ${expected.why}`, async () => {
      const { page, read, show } = await open(site.url(`${name}/page.html`));
      if (expected.turnsMin) await countTurns(page);
      const blocks = await read();
      const text = blocks.join('\n');
      for (const block of expected.blocks ?? []) assert.ok(blocks.includes(block), `no block ${JSON.stringify(block)} in:\n${text.slice(0, 3_000)}`);
      for (const part of expected.contains ?? []) assert.ok(text.includes(part), `${JSON.stringify(part)} is not in:\n${text.slice(0, 3_000)}`);
      for (const part of expected.lacks ?? []) assert.ok(!text.includes(part), `${JSON.stringify(part)} is in:\n${text.slice(0, 3_000)}`);
      if (expected.order) assertInOrder(text, expected.order);
      if (expected.blockCharsMax) assert.ok(blocks.every((block) => block.length <= expected.blockCharsMax));
      if (expected.turnsMin) assert.ok((await page.evaluate(() => globalThis.turns)) >= expected.turnsMin, 'the page stood still');
      for (const passage of expected.show ?? []) {
        assert.deepEqual(await show(passage.text), { shown: true });
        const frame = passage.frame ? page.frames().find((one) => one.url().endsWith(passage.frame)) : page;
        const seen = await until(async () => ((await lit(frame)).isInView ? lit(frame) : null), SOON_MS, () => `${passage.text} is not in view`);
        assert.equal(seen.text, passage.text);
      }
      await page.close();
    });
  }
});

test('a frame of another site is not read, and named with the room that it takes', async () => {
  const other = await startSite({ folder: CASES });
  const host = `localhost:${other.port}`;
  const { page, order } = await open(site.url('frame/page.html'));
  await page.setContent(`<p>The report stands below.</p>
    <iframe src="http://${host}/frame/inner.html" width="800" height="500"></iframe>
    <iframe src="http://hidden.example/" width="800" height="500" style="visibility:hidden"></iframe>
    <iframe src="http://tiny.example/" width="1" height="1"></iframe>
    <iframe sandbox srcdoc="<p>Sealed.</p>" width="300" height="100"></iframe>`);
  await page.frameLocator('iframe').first().locator('article').waitFor();
  const { blocks, frames } = (await order({ do: 'read' })).page;
  assert.deepEqual(blocks, ['The report stands below.']);
  assert.deepEqual(frames.hosts, [host, '']);
  const { width, height } = page.viewportSize();
  assert.ok(Math.abs(frames.share - (800 * 500 + 300 * 100) / (width * height)) < 0.05, `${frames.share}`);
  await page.close();
  await other.stop();
});

test('of a product everything is read that its page says of it, in order, and no other product', async () => {
  const shop = await startSite();
  const { page, read } = await open(shop.url('shop.html'));
  const text = (await read()).join('\n');
  assertInOrder(text, ['Larkspur Stormlight', '£165 including VAT', 'Weighs 198 g in size M', 'in 2 to 4 working days', '2-year warranty', 'Made for bad forecasts', 'XL; 109–116; 73', 'our workshop repairs them', 'Reviews', 'Six hours of rain', 'Colette W.']);
  assert.doesNotMatch(text, /Add to bag|Goes well with|Driftline|Cairn|cookies|Kendal|Stores/);
  await page.close();
  await shop.stop();
});

test('of 50 layouts nearly all words are read, whole, and few that do not belong', async () => {
  const made = layouts();
  assert.equal(made.length, 50);
  const totals = { words: 0, found: 0, noise: 0, foreign: 0 };
  const { page, read } = await open(site.url('long-block/page.html'));
  for (const { name, html, words, noise } of made) {
    await page.setContent(html);
    const text = new Set((await read()).join('\n').split(/[\s.,;:]+/));
    const found = words.filter((word) => text.has(word)).length;
    const foreign = noise.filter((word) => text.has(word)).length;
    Object.entries({ words: words.length, found, noise: noise.length, foreign }).forEach(([key, count]) => (totals[key] += count));
    assert.ok(found >= 0.98 * words.length, `${name}: ${found} of ${words.length} words`);
  }
  await page.close();
  console.log(`# ${totals.found} of ${totals.words} words found, ${totals.foreign} of ${totals.noise} words that do not belong`);
  assert.ok(totals.foreign <= 0.05 * totals.noise, `${totals.foreign} of ${totals.noise} words that do not belong`);
});
