// Where the sidebar lives: it makes room, floats, folds; no site finds it out, frames it or steers it by an address.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clickToolbar, configure, launch, openPanel, panelFrame, violations } from './browser.mjs';
import { FLOWS, STAYS } from './pages/hosts.mjs';
import { part, pull } from './parts.mjs';
import { freePort, SOON_MS, startSite, until } from './stage.mjs';

const KEY = 'ab'.repeat(32);
const WIDTH_PX = 400;

/** What a page's own script can see of itself: nothing may stay when the sidebar is closed. */
const looks = (page) => page.evaluate(() => [document.documentElement.outerHTML, document.adoptedStyleSheets.length, scrollX, document.querySelector('main').getBoundingClientRect().width]);
const rightOf = (page, selector) => page.evaluate((wanted) => document.querySelector(wanted).getBoundingClientRect().right, selector);
const isOpen = (page) => page.frames().some((frame) => frame.url().includes('/panel.html'));
const kept = (browser, name) => browser.worker.evaluate((key) => chrome.storage.local.get(key).then((values) => values[key]), name);
const ready = (frame) => frame.locator('.tool[aria-haspopup=menu]').waitFor({ timeout: SOON_MS });

async function choose(frame, item) {
  await frame.locator('#host-menu').click();
  await frame.getByRole('menuitem', { name: item }).click();
}

/** An order to the page script, as the background gives it. */
const order = (browser, command) =>
  browser.worker.evaluate(async (given) => {
    const [tab] = await chrome.tabs.query({ active: true });
    return chrome.tabs.sendMessage(tab.id, { kind: 'command', command: given });
  }, command);

describe('in a page', () => {
  let browser, site, page, frame;

  before(async () => {
    site = await startSite({ extra: { '/flows.html': FLOWS, '/stays.html': STAYS } });
    browser = await launch();
    await configure(browser, { port: await freePort(), key: KEY });
    page = await browser.context.newPage();
    await page.goto(site.url('flows.html'));
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
  });

  test('the page makes room, also what is fixed to its window, and is exactly as before when the sidebar is closed', async () => {
    const untouched = await looks(page);
    frame = await openPanel(browser, page);
    await ready(frame);
    assert.ok((await rightOf(page, 'main')) <= 1280 - WIDTH_PX);
    assert.ok((await rightOf(page, 'header')) <= 1280 - WIDTH_PX);
    assert.ok((await rightOf(page, '#chat')) <= 1280 - WIDTH_PX);
    void frame.locator('.tool[aria-label^="Close"]').click().catch(() => undefined); // the frame goes with it
    await until(() => !isOpen(page), SOON_MS, () => 'the sidebar did not close');
    assert.deepEqual(await looks(page), untouched);
  });

  test('its width is drawn with the mouse and with the arrow keys of a separator, and remembered', async () => {
    frame = await openPanel(browser, page);
    await ready(frame);
    await pull(page, 'handle', -60, 0);
    const isWide = (wide) => until(async () => (await part(page, 'handle'))['aria-valuenow'] === String(wide), SOON_MS, () => `the sidebar is not ${wide} px wide`);
    await isWide(WIDTH_PX + 60);
    const handle = await part(page, 'handle');
    assert.equal(handle.role, 'separator');
    assert.deepEqual([handle['aria-orientation'], handle['aria-valuemin'], handle['aria-valuemax']], ['vertical', '320', '720']);
    assert.ok((await rightOf(page, 'main')) <= 1280 - WIDTH_PX - 60);
    await handle.focus();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
    await isWide(WIDTH_PX + 60 - 16);
    await page.keyboard.press('Home');
    await until(async () => (await kept(browser, 'layout'))?.width_px === 320, SOON_MS, () => 'the width was not kept');
  });

  test('it folds to a tab at the edge, gives the page its room back, and comes back by key, by click and by the toolbar', async () => {
    await frame.getByRole('button', { name: 'Fold to the edge' }).click();
    await until(async () => (await rightOf(page, 'main')) > 1200, SOON_MS, () => 'the page did not get its room back');
    assert.ok((await part(page, 'card')).box === null || (await part(page, 'card')).box.width === 0);
    const edge = await part(page, 'edge');
    assert.equal(edge['aria-label'], 'Show Retinue');
    assert.ok(edge.box.width <= 28 && edge.box.x + edge.box.width >= 1265, JSON.stringify(edge.box));
    await edge.focus();
    await page.keyboard.press('Enter');
    await until(async () => (await part(page, 'card')).box?.width > 300, SOON_MS, () => 'it did not come back');
    await frame.getByRole('button', { name: 'Fold to the edge' }).click();
    await clickToolbar(browser, page);
    await until(async () => (await part(page, 'card')).box?.width > 300, SOON_MS, () => 'the toolbar did not bring it back');
    assert.ok(isOpen(page));
  });

  test('it changes sides', async () => {
    await choose(frame, 'Move to the other side');
    await until(async () => (await part(page, 'card')).box.x === 0, SOON_MS, () => 'it stayed on the right');
    assert.ok((await page.evaluate(() => document.querySelector('main').getBoundingClientRect().left)) >= 320);
    await choose(frame, 'Move to the other side');
  });

  const cardStandsAt = (x) => until(async () => Math.abs((await part(page, 'card')).box?.x - x) <= 2, SOON_MS, () => `the card is not at ${x}`);

  test('as a card it is moved with the mouse and the arrow keys, and the next page opens it so', async () => {
    await choose(frame, 'Float over the page');
    await until(async () => (await rightOf(page, 'main')) > 1200, SOON_MS, () => 'the page kept its margin');
    const { box: first } = await part(page, 'card');
    await pull(page, 'grip', -200, 0);
    await cardStandsAt(first.x - 200);
    const before = (await kept(browser, 'layout')).x;
    await (await part(page, 'grip')).focus();
    await page.keyboard.press('ArrowLeft');
    await cardStandsAt(first.x - 216);
    await until(async () => (await kept(browser, 'layout')).x < before, SOON_MS, () => 'its place was not kept');
    await page.reload();
    frame = await openPanel(browser, page);
    await ready(frame);
    await cardStandsAt(first.x - 216);
    await choose(frame, 'Stand beside the page');
    await until(async () => (await rightOf(page, 'main')) < 1000, SOON_MS, () => 'the page made no room');
  });

  for (const layer of ['menu', 'keys']) {
    test(`axe finds nothing wrong with the ${layer}, which Escape closes alone`, async () => {
      await frame.locator('#host-menu').click();
      if (layer === 'keys') await frame.getByRole('menuitem', { name: 'Keyboard shortcuts' }).click();
      await frame.locator('.menu').waitFor();
      if (layer === 'keys') assert.match(await frame.locator('.keys-list').innerText(), /Alt\+Shift\+K/);
      assert.deepEqual(await violations(frame), []);
      assert.ok(await frame.locator('.menu').isVisible(), 'it closed by itself');
      await page.keyboard.press('Escape');
      await frame.locator('.menu').waitFor({ state: 'detached' });
      assert.ok(isOpen(page));
    });
  }

  test('over a page whose layout does not follow it is a card, and a passage below it comes to light', async () => {
    await page.goto(site.url('stays.html'));
    frame = await openPanel(browser, page);
    await ready(frame);
    const { box } = await part(page, 'card');
    assert.ok(box.x > 640 && box.y > 0, JSON.stringify(box));
    await frame.locator('#host-menu').click();
    assert.doesNotMatch(await frame.locator('.menu').innerText(), /Stand beside|Float over/, 'a choice that this page does not allow');
    await page.keyboard.press('Escape');
    await order(browser, { do: 'read' });
    const { shown } = await order(browser, { do: 'show', passage: { block: null, start: null, end: null, text: 'The deposit is 900 euros and is kept in escrow.' } });
    assert.equal(shown, true);
    const free = async () => {
      const text = await page.evaluate(() => document.querySelector('#aside').getBoundingClientRect().toJSON());
      const { box: card } = await part(page, 'card'); // none while it is folded
      return text.top >= 0 && text.bottom <= 800 && (!card || card.x + card.width <= text.left || card.x >= text.right);
    };
    await until(free, SOON_MS, () => 'the passage stays below the card');
  });

  test('in a narrow window it is a sheet: it folds, its height is a separator, and the end of the page scrolls out above it', async () => {
    await page.setViewportSize({ width: 600, height: 800 });
    await page.goto(site.url('flows.html'));
    frame = await openPanel(browser, page);
    await ready(frame);
    const { box } = await part(page, 'card');
    assert.deepEqual([box.width >= 580, Math.round(box.y + box.height)], [true, 800]);
    assert.equal((await part(page, 'handle'))['aria-orientation'], 'horizontal');
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await until(() => page.evaluate((top) => document.querySelector('#last').getBoundingClientRect().bottom <= top, box.y), SOON_MS, () => 'the last line stays below the sheet');
    await frame.getByRole('button', { name: 'Fold to the edge' }).click();
    await until(async () => (await part(page, 'edge')).box?.width > 0, SOON_MS, () => 'it did not fold');
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('click to painted panel', async (context) => {
    await page.goto(site.url('flows.html'));
    await page.waitForTimeout(300);
    const clicked = Date.now();
    await clickToolbar(browser, page);
    frame = await panelFrame(page);
    const painted = await frame.evaluate(firstPaint);
    context.diagnostic(`click to painted panel: ${Math.round(painted - clicked)} ms`);
    assert.ok(painted - clicked < 5_000);
  });
});

describe('against websites', () => {
  let browser, site;

  before(async () => {
    site = await startSite();
    browser = await launch();
    await configure(browser, { port: await freePort(), key: KEY });
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
  });

  test('a site cannot tell by any address that Retinue is installed', async () => {
    const page = await browser.context.newPage();
    await page.goto(site.url('contract.html'));
    await openPanel(browser, page); // also not while it is open
    const outcomes = await page.evaluate(probe, ['panel.html', 'manifest.json', 'icon/128.png', 'page.js', 'background.js'].map((path) => `chrome-extension://${browser.id}/${path}`));
    assert.deepEqual(outcomes.filter((outcome) => !outcome.endsWith(': refused')), []);
    assert.equal(outcomes.length, 5 * 5);
    await page.close();
  });

  test("an address with a tab and all sites in it opens a panel that does nothing", async () => {
    const page = await browser.context.newPage();
    for (const rest of ['?host=side&tab=1&site=*://*/*', '?host=tab&tab=1&site=https%3A%2F%2F*%2F*', `#1.${'0'.repeat(64)}`, '#1.constructor']) {
      await page.goto(`chrome-extension://${browser.id}/panel.html${rest}`);
      await page.reload(); // where the hash alone changed, nothing was loaded
      await page.getByText('Nothing here yet').waitFor({ timeout: SOON_MS });
      assert.equal(await page.locator('button').count(), 0, rest);
    }
    assert.deepEqual(await violations(page), []);
    await page.close();
  });

  for (const policy of ['require-corp', 'credentialless']) {
    test(`it works on a page with COEP ${policy}`, async () => {
      const guarded = await startSite({ headers: { 'cross-origin-embedder-policy': policy, 'cross-origin-opener-policy': 'same-origin' } });
      const page = await browser.context.newPage();
      await page.goto(guarded.url('contract.html'));
      const frame = await openPanel(browser, page);
      await ready(frame);
      assert.equal(await page.evaluate(() => crossOriginIsolated), true);
      await page.close();
      await guarded.stop();
    });
  }

  test('in a tab by choice: it reads the page, the next click opens it there, and it goes back into the page', async () => {
    const page = await browser.context.newPage();
    await page.goto(site.url('contract.html'));
    const frame = await openPanel(browser, page);
    await ready(frame);
    const opening = browser.context.waitForEvent('page');
    await choose(frame, 'Open in a tab');
    const tab = await opening;
    await tab.getByText('Master Services Agreement').first().waitFor({ timeout: SOON_MS });
    assert.ok(!isOpen(page));
    await tab.reload();
    await tab.getByText('Master Services Agreement').first().waitFor({ timeout: SOON_MS });
    const next = browser.context.waitForEvent('page');
    await clickToolbar(browser, page);
    await (await next).close();
    await tab.bringToFront();
    await choose(tab, 'Open in the page');
    await panelFrame(page);
    await until(() => tab.isClosed(), SOON_MS, () => 'the tab stayed open');
    await page.close();
  });

  test('in the side panel by choice', async () => {
    const page = await browser.context.newPage();
    await page.goto(site.url('contract.html'));
    const frame = await openPanel(browser, page);
    await ready(frame);
    await choose(frame, 'Open in the side panel');
    const targets = async () => (await browser.session.send('Target.getTargets', { filter: [{}] })).targetInfos;
    await until(async () => !isOpen(page) && (await targets()).some(({ url, type }) => url.includes('/panel.html#') && type !== 'iframe'), SOON_MS, () => 'no side panel opened');
    assert.equal(await kept(browser, 'place'), 'side');
    await page.close();
  });
});

// --- run in the page

/** When the first content was painted, in ms since 1970; waits for it. */
function firstPaint() {
  return new Promise((resolve) => {
    const found = (list) => {
      const paint = list.getEntriesByName('first-contentful-paint')[0];
      if (paint) resolve(performance.timeOrigin + paint.startTime);
    };
    new PerformanceObserver(found).observe({ type: 'paint', buffered: true });
  });
}

/** Asks for each address in five ways; each answer says whether the page learnt anything. */
async function probe(addresses) {
  const settle = (element, name, url) =>
    new Promise((resolve) => {
      element.onload = () => resolve('loaded');
      element.onerror = () => resolve('refused');
      Object.assign(element, { [name]: url });
      document.body.append(element);
      setTimeout(() => resolve('silent'), 3_000);
    });
  const ways = {
    fetch: (url) => fetch(url).then(() => 'loaded', () => 'refused'),
    image: (url) => settle(new Image(), 'src', url),
    script: (url) => settle(document.createElement('script'), 'src', url),
    style: (url) => settle(Object.assign(document.createElement('link'), { rel: 'stylesheet' }), 'href', url),
    // A refused frame fires load too, on an error page; what matters is that no frame of ours is behind it.
    frame: async (url) => {
      const [real, none] = await Promise.all([url, 'chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/panel.html'].map(async (address) => {
        const frame = document.createElement('iframe');
        return [await settle(frame, 'src', address), String(frame.contentWindow?.length), performance.getEntriesByName(address).length].join(' ');
      }));
      return real === none ? 'refused' : `${real}, not ${none}`;
    },
  };
  const outcomes = [];
  for (const url of addresses) for (const [way, ask] of Object.entries(ways)) outcomes.push(`${way} ${url}: ${await ask(url)}`);
  return outcomes;
}
