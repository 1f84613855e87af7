// The way of a question in a real Firefox ESR: asking, stopping, evidence in the page, the thread, Firefox's own sidebar.
// What the two browsers share is tested in Chromium alone; here stands what Firefox does in its own way.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { highlighted, lastAnswer, violations } from './browser.mjs';
import { clickToolbar, configure, EXECUTABLE, launchFirefox, nativePanel, openPanel, type } from './firefox.mjs';
import { SOON_MS, startScriptedServer, startSite, until } from './stage.mjs';

const LAST_BOAT = 'The last boat leaves at 19.10 from the east pier.';

describe('in Firefox', { skip: EXECUTABLE === null && !process.env.CI && 'there is no Firefox here' }, () => {
  let server, site, browser, page, frame;

  before(async () => {
    [server, site, browser] = await Promise.all([startScriptedServer('ferry.json'), startSite(), launchFirefox()]);
    await configure(browser, server);
    page = await browser.context.newPage();
    await page.goto(site.url('ferry.html'));
    frame = await openPanel(browser, page);
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await server?.stop();
  });

  const box = () => frame.locator('.field textarea');
  const turn = () => frame.locator('.turn').last();
  const lit = (words) => until(async () => (await highlighted(page)) === words, SOON_MS, () => `not highlighted: ${words}`);
  async function ask(question) {
    await type(box(), question);
    await box().press('Enter');
  }

  test('the code from the terminal pairs, over a socket that the background holds', async () => {
    await type(frame.locator('.code'), server.code);
    await frame.locator('.primary').click();
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
    assert.deepEqual(await violations(frame), []);
  });

  test('a copilot is chosen by keyboard, and its answer streams', async () => {
    await frame.locator('.who').click();
    const search = frame.getByRole('combobox');
    await type(search, 'contract rev');
    await search.press('Enter');
    await frame.locator('.who', { hasText: 'Contract Reviewer' }).waitFor();
    await ask('When does the last boat leave?');
    assert.match(await lastAnswer(frame), /^The last boat leaves at 19\.10\./);
  });

  test('a card jumps to its passage and lights it up; Escape takes the light away and leaves the sidebar', async () => {
    await turn().locator('.card .quote').click();
    await lit(LAST_BOAT);
    await box().press('Escape');
    await lit('');
    assert.ok(await frame.locator('.panel').isVisible());
  });

  test('each piece of evidence of a list is walked by Alt with the arrows', async () => {
    await ask('Is it fair?');
    await lastAnswer(frame);
    await box().press('Alt+ArrowDown');
    await lit('No refund is paid in a storm.');
    await box().press('Alt+ArrowDown');
    await lit('The harbour master decides alone whether a boat sails.');
    assert.deepEqual(await violations(frame), []);
  });

  test('an answer is stopped in the middle and keeps what it had said', async () => {
    await ask('A story');
    await turn().locator('.prose', { hasText: 'Boat 3' }).waitFor();
    await box().press('Alt+.');
    assert.doesNotMatch(await lastAnswer(frame), /Boat 60/);
  });

  test('a sidebar that is closed and opened again shows its thread and the chosen copilot', async () => {
    const turns = await frame.locator('.turn').count();
    await clickToolbar(browser);
    await until(() => !page.frames().some((one) => one.url().includes('/panel.html')), SOON_MS, () => 'the sidebar did not close');
    frame = await openPanel(browser, page);
    await turn().waitFor();
    assert.equal(await frame.locator('.turn').count(), turns);
    assert.match(await frame.locator('.who').innerText(), /Contract Reviewer/);
  });

  test("Firefox's own sidebar shows the panel when that is chosen", async () => {
    await frame.locator('#host-menu').click();
    await frame.getByRole('menuitem', { name: 'Open in the side panel' }).click();
    await frame.getByText('with your next click on the toolbar').waitFor(); // a click in a page's frame does not count there: the next one on the toolbar does
    await clickToolbar(browser);
    assert.match(await nativePanel(browser), /\/panel\.html#\d+\.[0-9a-f]{64}$/);
  });
});
