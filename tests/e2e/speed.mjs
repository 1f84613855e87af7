// `node tests/e2e/speed.mjs [RUNS]`: from the click on the toolbar to the painted panel, and from the order to the blocks of
// a page of 5,000 nodes, in ms. Beside it stands an extension that opens an empty frame: what no extension can go below.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clickToolbar, configure, launch } from './browser.mjs';
import { freePort, startSite, until } from './stage.mjs';

const RUNS = Number(process.argv[2] ?? 9);
const NODES = 5_000;
const LONG = `<!doctype html><title>Long</title><main><article>${'<p>The clerk keeps a record of every boat at the pier.</p>'.repeat(NODES / 2)}</article></main>`;
const EMPTY = {
  'manifest.json': JSON.stringify({ manifest_version: 3, name: 'Empty', version: '1', permissions: ['activeTab', 'scripting'], action: {}, background: { service_worker: 'background.js' }, web_accessible_resources: [{ resources: ['panel.html'], matches: ['<all_urls>'] }] }),
  'background.js': "chrome.action.onClicked.addListener((tab) => chrome.scripting.executeScript({ target: { tabId: tab.id }, files: ['page.js'] }));",
  'page.js': "const frame = document.createElement('iframe'); frame.src = chrome.runtime.getURL('panel.html'); frame.style = 'position:fixed;inset:0 0 0 auto;width:400px;height:100vh'; document.documentElement.append(frame);",
  'panel.html': '<!doctype html><title>Empty</title><p>Empty</p>',
};

/**
 * Click to the frame's first request, and from there to its first paint with something in it.
 * Null for a click that Chromium, headless, took too early.
 */
async function opening(browser, url) {
  const page = await browser.context.newPage();
  await page.goto(url);
  await page.waitForTimeout(400);
  const clicked = Date.now();
  await clickToolbar(browser, page);
  const frame = await until(() => page.frames().find((one) => one.url().includes('/panel.html')), 3_000, () => 'no panel').catch(() => null);
  const times = await frame?.evaluate(async () => {
    const paint = () => performance.getEntriesByName('first-contentful-paint')[0];
    while (!paint()) await new Promise((resolve) => setTimeout(resolve, 5));
    return { began: performance.timeOrigin, painted: performance.timeOrigin + paint().startTime };
  });
  await page.close();
  return times ? { frame: times.began - clicked, paint: times.painted - times.began, whole: times.painted - clicked } : null;
}

/** What the page script takes to read the page once more, by the page's own clock. */
async function readings(browser, url) {
  const found = [];
  for (let run = 0; run < RUNS; run += 1) {
    const page = await browser.context.newPage();
    await page.goto(url);
    await page.waitForTimeout(400);
    await clickToolbar(browser, page);
    await page.waitForTimeout(1_500);
    found.push(
      await browser.worker.evaluate(async () => {
        const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
        const read = async () => {
          const began = performance.now();
          await globalThis.retinue.page.run({ do: 'read' });
          return performance.now() - began;
        };
        const [{ result }] = await chrome.scripting.executeScript({ target: { tabId: tab.id }, func: read });
        return result;
      }),
    );
    await page.close();
  }
  return found;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const site = await startSite({ extra: { '/long.html': LONG } });
const empty = await mkdtemp(join(tmpdir(), 'retinue-empty-'));
for (const [name, text] of Object.entries(EMPTY)) await writeFile(join(empty, name), text);
const [url, long] = [site.url('contract.html'), site.url('long.html')];
const port = await freePort();
const browsers = [await launch(), await launch({ build: empty })];
await configure(browsers[0], { port });
const runs = [[], []];
for (let run = 0; run < RUNS; run += 1) {
  // One after the other, so that both meet the same load.
  for (const [i, browser] of browsers.entries()) runs[i].push(await opening(browser, url));
}
for (const part of ['frame', 'paint', 'whole']) {
  const [own, floor] = runs.map((all) => median(all.filter((one) => one !== null).map((one) => one[part])));
  console.log(`${part.padEnd(6)} ${own.toFixed(0)} ms, an empty frame ${floor.toFixed(0)} ms, ratio ${(own / floor).toFixed(2)}`);
}
console.log(`read   ${median(await readings(browsers[0], long)).toFixed(0)} ms for ${NODES} nodes`);
for (const browser of browsers) await browser.close();
await site.stop();
await rm(empty, { recursive: true, force: true });
