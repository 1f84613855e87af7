// A real Chromium with the built extension, its toolbar button and the sidebar's frame. Imported by the e2e tests.
// Knows nothing of the server: tests start one and pass the pairing themselves.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const EXTENSION = new URL('../../extension/', import.meta.url);
const fromExtension = createRequire(new URL('package.json', EXTENSION));
const { chromium } = fromExtension('playwright-core');
const { source: AXE } = fromExtension('axe-core');
export const BUILD = new URL('.output/chrome-mv3', EXTENSION).pathname;

/** Launches Chromium with the extension loaded. Close it with `browser.close()`. */
export async function launch({ headless = true, viewport = { width: 1280, height: 800 }, colorScheme = 'light', args = [], build = BUILD } = {}) {
  if (!existsSync(`${build}/manifest.json`)) throw new Error(`Build the extension first: npm run build in ${EXTENSION.pathname}`);
  const context = await chromium.launchPersistentContext('', {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless,
    viewport,
    colorScheme,
    ignoreDefaultArgs: ['--disable-extensions'],
    args: ['--no-sandbox', '--enable-unsafe-extension-debugging', `--disable-extensions-except=${build}`, `--load-extension=${build}`, ...args],
  });
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  const session = await context.browser().newBrowserCDPSession();
  const id = new URL(worker.url()).host;
  return { context, worker, id, session, close: () => context.close() };
}

/** Presses the extension's toolbar button for this page: grants activeTab and opens the sidebar, as a user's click does. */
export async function clickToolbar(browser, page) {
  await page.bringToFront();
  const { targetInfos } = await browser.session.send('Target.getTargets', { filter: [{ type: 'tab' }] });
  const target = targetInfos.find((info) => info.embedderData?.tabActive && info.url === page.url()) ?? targetInfos.find((info) => info.url === page.url());
  if (!target) throw new Error(`no tab shows ${page.url()}`);
  await browser.session.send('Extensions.triggerAction', { id: browser.id, targetId: target.targetId });
}

/** The sidebar's frame in a page, once its first element is there. */
export async function panelFrame(page, { timeout = 5_000 } = {}) {
  const until = Date.now() + timeout;
  while (Date.now() < until) {
    const frame = page.frames().find((candidate) => candidate.url().includes('/panel.html'));
    if (frame && (await frame.locator('.panel .body').count().catch(() => 0)) > 0) return frame;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the sidebar did not open');
}

/**
 * Opens the sidebar on a page and returns its frame. A click that the browser takes too early, headless, is repeated, but
 * never on a sidebar that is there and only slow: that would close it.
 */
export async function openPanel(browser, page) {
  await page.waitForTimeout(250);
  for (const wait_ms of [2_500, 10_000, 20_000, 30_000]) {
    await clickToolbar(browser, page);
    const isThere = await page.waitForSelector('retinue-sidebar', { state: 'attached', timeout: wait_ms }).catch(() => null);
    const frame = isThere && (await panelFrame(page, { timeout: 30_000 }).catch(() => null));
    if (frame) return frame;
  }
  throw new Error('the sidebar did not open');
}

/** Points the extension at another port, and optionally makes it a profile that is paired: its id and its key (64 hex digits). */
export async function configure(browser, { port, key, client }) {
  const values = { server: `ws://127.0.0.1:${port}/ws`, ...(key ? { key } : {}), ...(client ? { client } : {}) };
  await browser.worker.evaluate((stored) => chrome.storage.local.set(stored), values);
}

export async function pair(frame, code) {
  await frame.locator('.code').fill(code);
  await frame.locator('.primary').click();
}

export async function ask(frame, question) {
  await frame.locator('.field textarea').fill(question);
  await frame.locator('.field textarea').press('Enter');
}

/** Waits until the last answer is complete and returns its text. */
export async function lastAnswer(frame, { timeout = 60_000 } = {}) {
  const turn = frame.locator('.turn').last();
  await turn.locator('.facts, .turn-error').first().waitFor({ timeout });
  return turn.locator('.prose').innerText();
}

/** The text that is highlighted in the page at this moment. */
export function highlighted(page) {
  return page.evaluate(() => [...(CSS.highlights.get('retinue-quote') ?? [])].map(String).join(' '));
}

/** What axe finds wrong in the frame: rule and element, one string each. */
export async function violations(frame) {
  await frame.evaluate(AXE);
  const { violations: found } = await frame.evaluate(() => globalThis.axe.run());
  return found.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
}
