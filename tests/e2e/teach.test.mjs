// An answer is corrected, the copilot learns from it, the report is read and a version brought back: a real Chromium, the real server, a stand-in for the training.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask, configure, lastAnswer, launch, openPanel, pair, violations } from './browser.mjs';
import { SOON_MS, startScriptedServer, startSite, until } from './stage.mjs';

const TRAINABLE = { id: 'health/boatman', name: 'Boatman' };
const { SHOTS } = process.env; // a folder for pictures to look at

describe('teaching', () => {
  let server, site, browser, page, tab;

  before(async () => {
    server = await startScriptedServer('teach.json', { trainable: TRAINABLE });
    site = await startSite();
    browser = await launch({ viewport: { width: 460, height: 820 } });
    await configure(browser, { port: server.port });
    page = await browser.context.newPage();
    await page.goto(site.url('ferry.html'));
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await server?.stop();
  });

  const teach = () => tab.locator('.teach');
  const press = (name) => teach().getByRole('button', { name, exact: true }).press('Enter');
  const section = async (name) => {
    await teach().getByRole('tab', { name }).click();
    await teach().locator(`.tab[aria-selected=true]`, { hasText: name }).waitFor();
  };

  async function look(name) {
    assert.deepEqual(await violations(tab), [], name);
    if (!SHOTS) return;
    await mkdir(SHOTS, { recursive: true });
    for (const [look_, scheme, width] of [['light', 'light', 460], ['dark', 'dark', 460], ['narrow', 'light', 320]]) {
      await tab.emulateMedia({ colorScheme: scheme });
      await tab.setViewportSize({ width, height: 820 });
      await tab.screenshot({ path: join(SHOTS, `${name}-${look_}.png`) });
      const overflow = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name} ${look_}: ${overflow} px too wide`);
    }
    await tab.emulateMedia({ colorScheme: 'light' });
    await tab.setViewportSize({ width: 460, height: 820 });
  }

  async function openTeach() {
    await tab.locator('#host-menu').click();
    await tab.getByRole('menuitem', { name: 'Teach' }).click();
    await teach().waitFor();
  }

  test('inside a web page nothing can be taught: there is only the way out of it', async () => {
    const frame = await openPanel(browser, page);
    await pair(frame, server.code);
    await frame.locator('.who').waitFor({ timeout: SOON_MS });
    await frame.locator('.who').click();
    await frame.locator('.search').fill(TRAINABLE.name);
    await frame.locator('.search').press('Enter');
    await ask(frame, 'What do dogs pay?');
    await lastAnswer(frame);
    await frame.locator('.actions').getByText('Teach in the side panel').waitFor();
    const words = await frame.locator('body').innerText();
    assert.doesNotMatch(words, /Correct\b|Train its adapter/);
    assert.equal(await frame.locator('.thumb, .teach').count(), 0);
    assert.equal(await frame.locator('.training button').innerText(), 'Teach in the side panel');
    const opening = browser.context.waitForEvent('page');
    await frame.locator('#host-menu').click();
    await frame.getByRole('menuitem', { name: 'Open in a tab' }).click();
    tab = await opening;
    tab.setDefaultTimeout(SOON_MS);
    await tab.setViewportSize({ width: 460, height: 820 });
    await tab.locator('.turn').waitFor({ timeout: SOON_MS });
  });

  test('a thumb is kept with the answer', async () => {
    const up = () => tab.getByRole('button', { name: 'Good answer' });
    await up().click();
    await tab.locator('.thumb[aria-pressed=true]').waitFor();
    const isKept = async () => {
      await tab.reload();
      return tab.locator('.thumb[aria-pressed=true]').waitFor({ timeout: SOON_MS / 4 }).then(() => true, () => false);
    };
    await until(isKept, SOON_MS, () => 'the thumb was not kept');
    assert.equal(await up().getAttribute('aria-pressed'), 'true');
    await look('answer');
  });

  test('a correction names the quotation that is not on the page, and is kept once all are', async () => {
    await tab.getByRole('button', { name: 'Correct', exact: true }).press('Enter');
    const words = teach().locator('.editor-words');
    await words.waitFor();
    assert.match(await words.inputValue(), /^Dogs pay half\./);
    await words.fill('Dogs travel free. "Dogs ride for nothing." [3]');
    await teach().getByText('Not on the page: “Dogs ride for nothing.”').waitFor();
    assert.ok(await teach().getByRole('button', { name: 'Keep the correction' }).isDisabled());
    await look('editor-wrong');
    await words.fill('Dogs travel free on a lead.');
    await teach().locator('summary', { hasText: 'Quote a passage' }).click();
    await teach().locator('.quotable-one', { hasText: 'Dogs travel free on a lead.' }).first().click();
    assert.match(await words.inputValue(), /^Dogs travel free on a lead\. "Dogs travel free on a lead\." \[\d+\]$/);
    await teach().getByText('Quotations on the page: 1').waitFor();
    await look('editor');
  });

  test('a reload in the middle of it loses no word', async () => {
    await tab.reload();
    await tab.locator('.turn').waitFor({ timeout: SOON_MS });
    await openTeach();
    assert.match(await teach().locator('.editor-words').inputValue(), /^Dogs travel free on a lead\. "/);
    await teach().getByText('Quotations on the page: 1').waitFor();
    await teach().locator('.editor-words').press('Control+Enter');
    await teach().locator('.correction').waitFor();
    await teach().getByText('Not learnt yet', { exact: true }).waitFor();
    await teach().locator('.correction-open').press('Enter');
    await look('corrections');
  });

  test('a correction is edited and another one deleted', async () => {
    await press('Edit');
    await teach().locator('.editor-words').fill('Dogs travel free. "Dogs travel free on a lead." [3]');
    await teach().getByText('Quotations on the page: 1').waitFor();
    await press('Keep the correction');
    await teach().locator('.correction').waitFor();
    await tab.keyboard.press('Escape');
    await teach().waitFor({ state: 'detached' });
    await ask(tab, 'When does the last boat leave?');
    await lastAnswer(tab);
    await tab.getByRole('button', { name: 'Correct', exact: true }).last().click();
    await teach().getByText('Unchanged').waitFor();
    await press('Keep the correction');
    await until(async () => (await teach().locator('.correction').count()) === 2, SOON_MS, () => 'not both are listed');
    await teach().locator('.correction-open', { hasText: 'last boat' }).click();
    await press('Delete');
    await teach().getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await until(async () => (await teach().locator('.correction').count()) === 1, SOON_MS, () => 'it was not deleted');
  });

  test('training draws both losses, and a window that opens late draws all of them', async () => {
    await section('Training');
    await teach().getByText('your corrections: 1').waitFor();
    await look('offer');
    await press('Train its adapter');
    await teach().getByText('42 %').waitFor({ timeout: SOON_MS });
    const curve = () => teach().locator('.curve svg');
    assert.match(await curve().getAttribute('aria-label'), /On training examples it went from 2\.\d+ to 1\.\d+\. On held-out examples it went from 1\.90 to 1\.\d+/);
    await look('training');
    await tab.reload();
    await tab.locator('.turn').first().waitFor({ timeout: SOON_MS });
    await openTeach();
    await section('Training');
    await curve().waitFor();
    const points = (await curve().locator('.curve-trained').getAttribute('points')).split(' ');
    assert.equal(points.length, 43);
    assert.equal(await curve().locator('.curve-dot').count(), 2);
  });

  for (const signal of ['SIGTERM', 'SIGKILL']) {
    test(`a server that ends by ${signal} in the middle says so when it is back, and the training goes on`, async () => {
      server = await server.restart(signal);
      await teach().getByText('was paused when the server ended').waitFor({ timeout: SOON_MS });
      if (signal === 'SIGTERM') await look('paused');
      await press('Go on');
      await teach().getByText('42 %').waitFor({ timeout: SOON_MS });
    });
  }

  test('the report says what is beyond chance and what is not, and the correction counts as learnt', async () => {
    await server.finish();
    await teach().getByRole('button', { name: 'See the report' }).press('Enter', { timeout: SOON_MS });
    const row = (name) => teach().locator('tr', { hasText: name }).innerText();
    await teach().getByText('The new adapter answers now').waitFor();
    assert.match(await row('Passes its own checks'), /Better, beyond chance \(\+21 to \+55 points; 48 examples\)[^]*40%\s+80%/);
    assert.match(await row('Quotes the right passage'), /Too few examples to tell \(-4 to \+12 points; 40 examples\)/);
    assert.match(await row('Knows when the page does not say'), /Not measured/);
    assert.match(await row('general questions'), /Nothing forgotten/);
    await teach().getByText('Answers before and after').click();
    await look('report');
    await section('Corrections');
    await teach().getByText('Learnt', { exact: true }).waitFor();
    await section('Report');
    await press('Keep it');
    await teach().getByText('The new adapter answers now').waitFor({ state: 'detached' });
  });

  test('an earlier version is brought back, and the list says which one answers', async () => {
    assert.equal(await tab.locator('.who .badge').innerText(), 'Tuned');
    const now = () => teach().locator('.version', { hasText: 'In use' }).innerText();
    assert.match(await now(), /^Trained /);
    await teach().getByRole('button', { name: 'Use: What came with Retinue' }).press('Enter');
    await until(async () => /What came with Retinue/.test(await now()), SOON_MS, () => 'not restored');
    await look('versions');
    await until(async () => (await tab.locator('.who .badge').innerText()) !== 'Tuned', SOON_MS, () => 'still tuned');
    await teach().getByRole('button', { name: /^Use: Trained/ }).press('Enter');
    await until(async () => /^Trained /.test(await now()), SOON_MS, () => 'not restored again');
  });

  test('what is private becomes a correction only when that is pressed, and says what it writes', async () => {
    await tab.keyboard.press('Escape');
    await tab.getByRole('button', { name: 'Private' }).or(tab.locator('.tool[aria-pressed]')).first().click();
    await ask(tab, 'What do dogs pay?');
    await lastAnswer(tab);
    assert.equal(await tab.locator('.thumb').count(), 0);
    await tab.getByRole('button', { name: 'Correct', exact: true }).click();
    await teach().getByText('This conversation is private').waitFor();
    await teach().getByRole('button', { name: 'Keep it although this is private' }).waitFor();
    await look('private');
    await press('Discard');
    await teach().locator('.correction').waitFor();
    assert.equal(await teach().locator('.correction').count(), 1);
  });
});
