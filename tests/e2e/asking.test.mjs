// Asking in a real Chromium, against the real server over a scripted engine: picker, branches, queue, stop, selection toolbar, menu, without a page.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask, lastAnswer, openPanel, violations } from './browser.mjs';
import { openPaired } from './paired.mjs';
import { SOON_MS, until } from './stage.mjs';

const LONG = 'List every obligation of both parties with its clause';

describe('asking', () => {
  let scene, server, site, browser, page, frame;

  before(async () => {
    scene = await openPaired({ script: 'asking.json', path: 'contract.html', extra: { '/blank.html': '<!doctype html><title>Blank</title><main></main>' } });
    ({ server, site, browser, page, frame } = scene);
  });
  after(() => scene?.close());

  const box = () => frame.locator('.field textarea');
  /** One after the other in view: what is far outside has no words for innerText. */
  const questions = async () => {
    const found = [];
    for (const one of await frame.locator('.turn .question').all()) {
      await one.scrollIntoViewIfNeeded();
      found.push(await one.innerText());
    }
    return found;
  };
  const idle = () => frame.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached', timeout: 60_000 });

  /** Opens the picker and gives its search field. */
  async function pick() {
    await frame.locator('.who').click();
    const field = frame.getByRole('combobox');
    await field.waitFor();
    return field;
  }

  /** Selects the text of an element as a person does: with the mouse, from its beginning to its end. */
  async function select(selector) {
    const { left, top, right, bottom } = await page.locator(selector).first().evaluate((element) => {
      element.scrollIntoView({ block: 'center' });
      const range = document.createRange();
      range.selectNodeContents(element);
      const rects = [...range.getClientRects()];
      const [first, last] = [rects[0], rects.at(-1)];
      return { left: first.left, top: first.top + first.height / 2, right: Math.min(last.right, innerWidth - 420), bottom: last.bottom - last.height / 2 };
    });
    await page.mouse.move(left + 1, top);
    await page.mouse.down();
    await page.mouse.move(right - 1, bottom, { steps: 4 });
    await page.mouse.up();
    return page.evaluate(() => getSelection().toString().trim());
  }

  const toolbar = () => page.locator('retinue-toolbar');

  test('the picker finds in spite of a slip, tells how many, and marks a favourite by keyboard', async () => {
    const field = await pick();
    await field.fill('contrct reviewr');
    await frame.getByRole('status').getByText('Copilots in the list: 1').waitFor({ state: 'attached' });
    assert.equal(await frame.locator('[role=option][aria-selected=true] .option-words').innerText(), 'Contract Reviewer');
    await field.press('Alt+s');
    await frame.getByRole('button', { name: 'Remove Contract Reviewer from favourites' }).waitFor();
    await field.fill('');
    const favourites = frame.getByRole('group', { name: 'Favourites' });
    assert.ok((await favourites.count()) === 1 || (await frame.getByRole('group', { name: 'Suggested for this page' }).getByText('Contract Reviewer').count()) === 1);
    assert.deepEqual(await violations(frame), []);
    await field.press('Escape');
  });

  test('arrows, pages, Home and End move through all copilots, and a digit chooses', async () => {
    const field = await pick();
    const active = () => frame.locator('[role=option][aria-selected=true]').getAttribute('id');
    const total = await frame.getByRole('option').count();
    assert.ok(total >= 178, `${total} options`);
    await field.press('End');
    assert.equal(await active(), `option-${total - 1}`);
    assert.equal(await field.getAttribute('aria-activedescendant'), `option-${total - 1}`);
    await field.press('Home');
    await field.press('PageDown');
    await field.press('ArrowUp');
    assert.equal(await active(), 'option-7');
    const third = await frame.locator('#option-2 .option-words').innerText();
    await field.press('3');
    await frame.getByRole('button', { name: `Copilot: ${third}` }).waitFor();
  });

  test('starters are chips, and one of them asks', async () => {
    await (await pick()).fill('Generalist');
    await frame.getByRole('combobox').press('Enter');
    const chips = frame.getByRole('list', { name: 'Questions to start with' }).getByRole('button');
    assert.ok((await chips.count()) >= 2);
    await chips.last().click();
    assert.ok((await lastAnswer(frame)).length > 0);
  });

  test('another answer is another version, and both can be shown', async () => {
    const first = await lastAnswer(frame);
    await frame.getByRole('button', { name: 'Another answer' }).click();
    await frame.getByText('2/2').waitFor();
    const second = await lastAnswer(frame);
    assert.notEqual(second, first);
    await frame.getByRole('button', { name: 'Previous version' }).click();
    await frame.getByText('1/2').waitFor();
    assert.equal(await lastAnswer(frame), first);
    assert.deepEqual(await violations(frame), []);
  });

  test('an edited question takes the place of the old one, and the turns after it are kept as a branch', async () => {
    await ask(frame, 'Which law applies?');
    await lastAnswer(frame);
    const before = await questions();
    await frame.getByRole('button', { name: /^Edit the question/ }).first().click();
    assert.equal(await box().inputValue(), before[0]);
    await box().fill('Who owns the customer data?');
    await box().press('Enter');
    await lastAnswer(frame);
    assert.deepEqual(await questions(), ['Who owns the customer data?']);
    await frame.getByText('3/3').waitFor();
    await frame.getByRole('button', { name: 'Previous version' }).click();
    await frame.getByRole('button', { name: 'Previous version' }).click();
    assert.deepEqual(await questions(), before);
  });

  test('a question that is written while an answer streams waits, can be edited, and goes out by itself', async () => {
    await ask(frame, LONG);
    server.hold(); // an answer that ends meanwhile would send what waits
    await ask(frame, 'Which law applies?');
    await ask(frame, 'Never mind');
    const queue = frame.getByRole('region', { name: 'Waiting questions' });
    await queue.getByRole('button', { name: 'Remove: Never mind' }).click();
    await queue.getByRole('button', { name: 'Edit: Which law applies?' }).click();
    assert.equal(await box().inputValue(), 'Which law applies?');
    await box().fill('Which courts decide?');
    await box().press('Enter');
    assert.deepEqual(await violations(frame), []);
    server.goOn();
    await frame.locator('.question', { hasText: 'Which courts decide?' }).waitFor({ timeout: 90_000 });
    await idle();
    assert.equal(await queue.count(), 0);
  });

  test('Alt+. stops the answer, and what waits then waits for the person', async () => {
    await ask(frame, LONG);
    server.hold();
    await ask(frame, 'Which court hears it?');
    await box().press('Alt+.');
    server.goOn();
    const queue = frame.getByRole('region', { name: 'Waiting questions' });
    await queue.getByText('Not sent').waitFor();
    const asked = frame.locator('.question', { hasText: 'Which court hears it?' });
    assert.equal(await asked.count(), 0);
    await queue.getByRole('button', { name: 'Send now: Which court hears it?' }).click();
    await queue.waitFor({ state: 'detached' });
    assert.equal(await asked.count(), 1);
    await idle();
  });

  test('a selection brings a toolbar that never lies over it, and Tab goes into it', async () => {
    const words = await select('main p');
    assert.ok(words.split(/\s+/).length >= 3, words);
    await toolbar().waitFor();
    assert.equal(await toolbar().evaluate((host) => host.shadowRoot), null);
    const overlap = await toolbar().evaluate((host) => {
      const bar = host.getBoundingClientRect();
      return [...getSelection().getRangeAt(0).getClientRects()].some((rect) => rect.bottom > bar.top && rect.top < bar.bottom && rect.right > bar.left && rect.left < bar.right);
    });
    assert.equal(overlap, false);
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await until(async () => (await box().inputValue()) === 'Explain this simply', SOON_MS, () => 'the box was not filled');
    assert.equal((await frame.locator('.strip-text').innerText()).replace(/\s+/g, ' '), words.replace(/\s+/g, ' '));
    assert.equal(await toolbar().count(), 0);
    await frame.getByRole('button', { name: 'Ask about the whole page' }).click();
    await box().fill('');
  });

  test('Escape and scrolling put the toolbar away, and Shift asks at once', async () => {
    await page.mouse.click(5, 5);
    await select('main p');
    await toolbar().waitFor();
    await page.keyboard.press('Escape');
    await toolbar().waitFor({ state: 'detached' });
    await page.mouse.click(5, 5);
    await select('main p');
    await toolbar().waitFor();
    await page.mouse.wheel(0, 200);
    await toolbar().waitFor({ state: 'detached' });
    await page.mouse.click(5, 5);
    await select('main p');
    await toolbar().waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+Enter');
    await frame.locator('.question', { hasText: 'Summarise this' }).waitFor();
    await idle();
  });

  test('the menu asks a copilot by name about the selection, and opens the picker for another', async () => {
    const click = (menuItemId) =>
      browser.worker.evaluate(
        async ([id, url]) => {
          const [tab] = await chrome.tabs.query({ url }).catch(() => []);
          const tabs = tab ? [tab] : await chrome.tabs.query({ active: true });
          chrome.contextMenus.onClicked.dispatch({ menuItemId: id, selectionText: 'The term is two years.', editable: false, pageUrl: url }, { ...tabs[0], url });
        },
        [menuItemId, page.url()],
      );
    await click('copilot:legal/contract-review');
    await frame.getByRole('button', { name: 'Copilot: Contract Reviewer' }).waitFor();
    assert.equal(await frame.locator('.strip-text').innerText(), 'The term is two years.');
    await click('choose');
    await frame.getByRole('combobox').waitFor();
    await frame.getByRole('combobox').press('Escape');
    await frame.getByRole('button', { name: 'Ask about the whole page' }).click();
  });

  test('off on this site means off, until it is shown again', async () => {
    await page.mouse.click(5, 5);
    await select('main p');
    await toolbar().waitFor();
    for (const key of ['Tab', 'ArrowLeft', 'Enter', 'ArrowLeft', 'ArrowLeft', 'Enter']) await page.keyboard.press(key);
    await toolbar().waitFor({ state: 'detached' });
    await page.mouse.click(5, 5);
    await select('main p');
    await page.waitForTimeout(600);
    assert.equal(await toolbar().count(), 0);
    const { toolbar: kept } = await browser.worker.evaluate(() => chrome.storage.local.get('toolbar'));
    assert.deepEqual(kept, { isOff: false, sitesOff: ['http://127.0.0.1/*'] });
  });

  test('without the page the answer says that it has none, and quotes nothing', async () => {
    await frame.getByRole('switch', { name: 'This page' }).click();
    await ask(frame, 'What is a lease?');
    assert.match(await lastAnswer(frame), /^I have no page here/);
    const turn = frame.locator('.turn').last();
    assert.equal(await turn.locator('.quote, .cite').count(), 0);
    assert.match(await turn.locator('.question-note').innerText(), /without the page/);
    assert.deepEqual(await violations(frame), []);
    await frame.getByRole('switch', { name: 'This page' }).click();
  });

  test('a page that has no text can be left out', async () => {
    const tab = await browser.context.newPage();
    await tab.goto(site.url('blank.html'));
    const panel = await openPanel(browser, tab);
    await panel.getByRole('button', { name: 'Ask without the page' }).click({ timeout: SOON_MS });
    assert.equal(await panel.locator('.starter').count(), 0);
    await ask(panel, 'What is a lease?');
    assert.match(await lastAnswer(panel), /^I have no page here/);
    await tab.close();
  });
});
