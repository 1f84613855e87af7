// How the panel looks and is reached: light, dark, more contrast, right to left, zoomed; by keyboard alone; the self-test; the tour.
// Shots of all states go to the folder that SHOTS names.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask, configure, highlighted, lastAnswer, launch, openPanel, pair, violations } from './browser.mjs';
import { freePort, SOON_MS, startScriptedServer, startSite, until } from './stage.mjs';

const NARROW = { width: 320, height: 640 };
const ZOOMED = { width: 160, height: 320 }; // 320 px at 200 %

/** Each look: what Chromium is started with, and what the page says that the person prefers. */
const LOOKS = {
  light: {},
  dark: { colorScheme: 'dark' },
  contrast: { media: { contrast: 'more' } },
  forced: { media: { forcedColors: 'active' } },
  rtl: { args: ['--lang=ar'] },
};

const shot = async (page, name) => process.env.SHOTS && page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) });
/** In the page: which of these elements lie over each other, none being inside the other. */
function overlaps(selector) {
  const boxes = [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 0).map((one) => ({ one, box: one.getBoundingClientRect() }));
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.5;
  return boxes.flatMap(({ one, box }, i) => boxes.slice(i + 1).filter((other) => !one.contains(other.one) && !other.one.contains(one) && meet(box, other.box)).map((other) => `${one.className} and ${other.one.className}`));
}

const overflow = (frame) => frame.evaluate(() => document.documentElement.scrollWidth - innerWidth);

describe('looks', () => {
  let server, site, profile;
  let opens = 0; // each opening has a conversation of its own

  before(async () => {
    server = await startScriptedServer('ferry.json', { hasBases: false });
    site = await startSite();
  });
  after(async () => {
    await site?.stop();
    await server?.stop();
  });

  /** The panel in the page, paired once for all looks. */
  async function opened({ args = [], colorScheme = 'light', media = {}, viewport = { width: 1100, height: 760 }, port = server.port } = {}) {
    const browser = await launch({ args, colorScheme, viewport });
    await configure(browser, { port, ...profile });
    const page = await browser.context.newPage();
    await page.emulateMedia({ colorScheme, ...media });
    await page.goto(site.url(`ferry.html?${(opens += 1)}`));
    const frame = await openPanel(browser, page);
    return { browser, page, frame };
  }

  async function ready(look) {
    const { browser, page, frame } = await opened(look);
    if (!profile) {
      await frame.locator('.code').waitFor({ timeout: SOON_MS });
      await pair(frame, server.code);
      await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
      profile = await browser.worker.evaluate(() => chrome.storage.local.get(['key', 'client']));
    }
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
    return { browser, page, frame };
  }

  for (const [name, look] of Object.entries(LOOKS)) {
    test(`${name}: axe finds nothing wrong in any main state, and nothing scrolls sideways`, async () => {
      const { browser, page, frame } = await ready(look);
      const states = {
        welcome: async () => frame.locator('.tour').waitFor({ timeout: SOON_MS }),
        picker: async () => (await frame.locator('.who').click(), frame.locator('.search').waitFor()),
        picked: async () => (await frame.locator('.search').press('Escape'), frame.locator('.search').waitFor({ state: 'detached' })),
        answer: async () => (await ask(frame, 'When does the last boat leave?'), lastAnswer(frame), frame.locator('.card').first().click()),
        list: async () => (await ask(frame, 'What are the refund rules?'), await lastAnswer(frame), frame.locator('.cite, .card').first().waitFor()),
        history: async () => (await frame.locator('.tool[aria-expanded]:not(#host-menu)').last().click(), frame.locator('.history').waitFor()),
        menu: async () => (await page.keyboard.press('Escape'), await frame.locator('#host-menu').click(), frame.locator('.menu').waitFor()),
        selftest: async () => (await frame.getByRole('menuitem').nth(-2).click(), frame.locator('.selftest-line').nth(6).waitFor({ timeout: SOON_MS })),
      };
      for (const [state, reach] of Object.entries(states)) {
        await reach();
        await shot(page, `${name}-${state}`);
        assert.deepEqual(await violations(frame), [], state);
        assert.ok((await overflow(frame)) <= 0, `${state} scrolls sideways`);
      }
      assert.equal(await frame.locator('html').getAttribute('dir'), name === 'rtl' ? 'rtl' : 'ltr');
      await browser.close();
    });
  }

  test('at 320 px and zoomed to 200 % nothing scrolls sideways, is cut off or lies over something else in the head', async () => {
    const { browser, page, frame } = await ready({});
    await ask(frame, 'What are the refund rules?');
    await lastAnswer(frame);
    for (const [size, viewport] of Object.entries({ NARROW, ZOOMED })) {
      await page.setViewportSize(viewport);
      await page.waitForTimeout(400);
      await shot(page, `narrow-${size}`);
      assert.ok((await overflow(frame)) <= 0, `${size}: ${await overflow(frame)}`);
      const cut = await frame.evaluate(() => [...document.querySelectorAll('button, textarea')].filter((one) => one.checkVisibility()).map((one) => ({ name: one.className, ...one.getBoundingClientRect().toJSON() })).filter(({ left, right }) => left < -0.5 || right > innerWidth + 0.5));
      assert.deepEqual(cut, [], size);
      assert.deepEqual(await frame.evaluate(overlaps, '.head-row > *, .page-chip > *, .who-name > *'), [], size);
    }
    await browser.close();
  });

  test('by keyboard alone: from the open panel to an answer to its evidence in the page', async () => {
    const { browser, page, frame } = await ready({});
    await until(() => frame.evaluate(() => document.activeElement?.tagName === 'TEXTAREA'), SOON_MS, () => 'the field has no focus');
    await page.keyboard.type('When does the last boat leave?');
    await page.keyboard.press('Enter');
    await lastAnswer(frame);
    await page.keyboard.press('Alt+ArrowDown');
    await until(async () => (await highlighted(page)) === 'The last boat leaves at 19.10 from the east pier.', SOON_MS, () => 'no evidence is lit');
    for (let i = 0; i < 30 && !(await frame.evaluate(() => document.activeElement?.matches('.card .quote'))); i += 1) await page.keyboard.press('Shift+Tab');
    assert.ok(await frame.evaluate(() => document.activeElement?.matches('.card .quote')), 'the evidence is not reached by Tab');
    await page.keyboard.press('Escape');
    await until(async () => (await highlighted(page)) === '', SOON_MS, () => 'Escape left the highlight');
    await browser.close();
  });

  test('the self-test says that the server is down, what to do, and nothing of the page in its report', async () => {
    const { browser, page, frame } = await opened({ port: await freePort() });
    await frame.locator('.command').waitFor({ timeout: SOON_MS });
    await frame.getByRole('button', { name: 'Find out what is wrong' }).click();
    const line = (what) => frame.locator('.selftest-line', { hasText: what });
    await line('Server on this machine').locator('.selftest-fix').waitFor({ timeout: SOON_MS });
    assert.match(await line('Server on this machine').innerText(), /to do[^]*make serve/);
    assert.match(await line('This browser is paired').innerText(), /not known yet/);
    assert.match(await line('This page may be read').innerText(), /in order/);
    assert.deepEqual(await violations(frame), []);
    await shot(page, 'selftest-down');
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await frame.getByRole('button', { name: 'Copy report' }).click();
    await frame.getByRole('button', { name: 'Copied' }).waitFor();
    await page.keyboard.press('Escape');
    await frame.locator('.selftest').waitFor({ state: 'detached' });
    assert.ok(await frame.locator('.state').isVisible(), 'Escape closed more than the self-test');
    await browser.close();
  });

  test('the self-test tells what the server finds on its machine', async () => {
    const { browser, frame } = await ready({});
    await frame.locator('#host-menu').click();
    await frame.getByRole('menuitem', { name: 'Self-test' }).click();
    const line = (what) => frame.locator('.selftest-line', { hasText: what });
    await line('Files of the base model').waitFor({ timeout: SOON_MS });
    assert.match(await line('Base model is loaded').innerText(), /in order/);
    assert.match(await line('Files of the base model').innerText(), /retinue bases pull/); // the scripted server has none
    assert.equal(await line('python').count(), 0);
    await browser.close();
  });

  test('the tour leads over the sample page, by itself, and never comes back', async () => {
    const { browser, page, frame } = await ready({});
    const [sample] = await Promise.all([browser.context.waitForEvent('page'), frame.getByRole('button', { name: 'Take the tour' }).click()]);
    await sample.waitForLoadState();
    assert.equal(new URL(sample.url()).pathname, '/sample');
    const steps = await openPanel(browser, sample);
    const title = (words) => until(async () => (await steps.locator('.tour-title').innerText()) === words, SOON_MS, () => `no step ${words}`);
    await steps.locator('.tour-title').waitFor({ timeout: SOON_MS });
    await title('Ask the page');
    await shot(sample, 'tour-ask');
    assert.deepEqual(await violations(steps), []);
    await steps.getByRole('button', { name: 'How much does membership cost?' }).click();
    await title('See the evidence');
    await steps.locator('.card .quote').first().click();
    await title('Ask a specialist');
    assert.equal(await highlighted(sample), 'Membership costs 24 euros a year.');
    await shot(sample, 'tour-copilot');
    await steps.getByRole('button', { name: 'Next', exact: true }).click();
    await title('It is yours');
    await steps.getByRole('button', { name: 'Done' }).click();
    await steps.locator('.tour').waitFor({ state: 'detached' });
    await sample.reload();
    const again = await openPanel(browser, sample);
    await again.locator('.welcome, .thread').first().waitFor({ timeout: SOON_MS });
    assert.equal(await again.locator('.tour').count(), 0);
    await page.close();
    await browser.close();
  });
});
