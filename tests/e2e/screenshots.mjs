// `node tests/e2e/screenshots.mjs`: takes the README's screenshots of the real product into docs/screenshots.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ask, configure, lastAnswer, launch, openPanel, pair } from './browser.mjs';
import { freePort, SCREENSHOTS, startServer, startSite } from './stage.mjs';

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 420, height: 800 };

const server = await startServer();
const site = await startSite();
await mkdir(SCREENSHOTS, { recursive: true });
let key = null;

async function scene(name, { path, viewport = WIDE, colorScheme = 'light', port = server.port, act }) {
  const browser = await launch({ viewport, colorScheme });
  await configure(browser, { port, ...(key ? { key } : {}) });
  const page = await browser.context.newPage();
  await page.emulateMedia({ colorScheme });
  await page.goto(site.url(path));
  const frame = await openPanel(browser, page);
  await act(frame, page, browser);
  await page.waitForTimeout(1_200);
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  await browser.close();
  console.log(name);
}

const welcome = (frame) => frame.locator('.welcome').waitFor({ timeout: 15_000 });

async function choose(frame, name) {
  await welcome(frame);
  await frame.locator('.who').click();
  await frame.locator('.search').fill(name);
  await frame.locator('.search').press('Enter');
}

async function answered(frame, copilot, question) {
  await choose(frame, copilot);
  await ask(frame, question);
  await lastAnswer(frame);
}

async function showQuote(frame) {
  const quote = frame.locator('.quote:not(.quote-absent)').first();
  if (await quote.count()) await quote.click();
}

await scene('pairing', { path: 'contract.html', act: (frame) => frame.locator('.code').waitFor() });
await scene('start', {
  path: 'shop.html',
  act: async (frame, page, browser) => {
    await frame.locator('.code').waitFor();
    await pair(frame, server.code);
    await choose(frame, 'Ad Copywriter');
    key = (await browser.worker.evaluate(() => chrome.storage.local.get('key'))).key;
  },
});
await scene('picker', {
  path: 'contract.html',
  act: async (frame) => {
    await welcome(frame);
    await frame.locator('.who').click();
    await frame.locator('.search').waitFor();
  },
});
await scene('answer', {
  path: 'shop.html',
  act: async (frame) => {
    await answered(frame, 'Ad Copywriter', 'Write a caption for Instagram');
    await showQuote(frame);
  },
});
await scene('dark', {
  path: 'health.html',
  colorScheme: 'dark',
  act: async (frame) => {
    await answered(frame, 'Health Evidence Checker', 'How strong is the evidence for the main claim?');
    await showQuote(frame);
  },
});
await scene('narrow', {
  path: 'contract.html',
  viewport: NARROW,
  act: (frame) => answered(frame, 'Contract Reviewer', 'What right of use does the Customer receive?'),
});
await scene('offline', { path: 'contract.html', port: await freePort(), act: (frame) => frame.locator('.command').waitFor({ timeout: 15_000 }) });

await site.stop();
await server.stop();
