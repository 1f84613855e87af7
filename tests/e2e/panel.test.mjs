// Several copilots answer one question, in a real Chromium: chosen by keyboard and mouse, streamed, compared, stopped, asked again, kept.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask, highlighted, openPanel, violations } from './browser.mjs';
import { pull } from './parts.mjs';
import { openPaired } from './paired.mjs';
import { SOON_MS, until } from './stage.mjs';

const NAMES = ['Contract Reviewer', 'Plain Language Editor', 'Legal Letter Drafter'];
const END_MS = 60_000;

describe('a panel of copilots', () => {
  let scene, browser, page, frame;

  before(async () => {
    scene = await openPaired({ script: 'several.json', path: 'ferry.html' });
    ({ browser, page, frame } = scene);
  });
  after(() => scene?.close());

  const turn = () => frame.locator('.turn').last();
  const answer = (name) => turn().getByRole('group', { name, exact: true });
  const idle = () => frame.getByRole('button', { name: 'Stop (Alt+.)' }).waitFor({ state: 'detached', timeout: END_MS });
  const chosen = () => frame.locator('.chosen-one').allInnerTexts();
  const columns = () => turn().locator('.several-answers').evaluate((element) => getComputedStyle(element).gridTemplateColumns.split(' ').length);
  /** Asks and waits until every answer has come to its end. */
  async function answered(question) {
    const before = await frame.locator('.turn').count();
    await ask(frame, question);
    await until(async () => (await frame.locator('.turn').count()) > before, SOON_MS, () => 'no turn');
    await idle();
    await until(async () => (await turn().locator('.facts, .turn-error').count()) === 3, END_MS, () => 'three ends did not come');
  }

  test('a whole panel is chosen by keyboard alone, and the header says who answers', async () => {
    await frame.locator('.who').press('Enter');
    await frame.getByRole('combobox').press('Tab');
    await frame.getByRole('button', { name: 'Ask several' }).press('Enter');
    const field = frame.getByRole('combobox');
    await until(() => field.evaluate((element) => element === document.activeElement), SOON_MS, () => 'the field has not the focus');
    assert.equal(await frame.getByRole('group', { name: 'Panels', exact: true }).getByRole('option').count(), 3);
    assert.equal(await frame.getByRole('group', { name: 'More panels' }).getByRole('option').count(), 13);
    assert.deepEqual(await violations(frame), []);
    await field.fill('Legal');
    assert.match(await frame.locator('.option-active').innerText(), /^Legal\s+Panel\s+Contract Reviewer, Plain Language Editor, Legal Letter Drafter/);
    await field.press('Enter');
    assert.deepEqual((await chosen()).map((name) => name.trim()), NAMES);
    await frame.getByRole('status').getByText('3 of 5 chosen').waitFor();
    assert.deepEqual(await violations(frame), []);
    await field.press('Control+Enter');
    await frame.getByRole('button', { name: `Copilot: ${NAMES.join(', ')}` }).waitFor();
    assert.match(await frame.locator('.who-promise').innerText(), /3 copilots answer together/);
    assert.equal(await frame.locator('.starter').count(), 3);
  });

  test('all of them answer, each in its form, and one announcement says so', async () => {
    await frame.evaluate(() => {
      globalThis.said = [];
      new MutationObserver(() => globalThis.said.push(document.querySelector('.thread > [role=status]')?.textContent)).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await answered('Delayed?');
    assert.deepEqual(await turn().locator('.answer-name').allInnerTexts(), NAMES);
    assert.match(await answer(NAMES[0]).locator('.verdict').innerText(), /One-sided$/);
    assert.match(await answer(NAMES[1]).locator('.verdict').innerText(), /Fair$/);
    assert.match(await answer(NAMES[2]).locator('.paper').innerText(), /^Dear harbour office,/);
    const said = await frame.evaluate(() => [...new Set(globalThis.said.filter(Boolean))]);
    assert.deepEqual(said.filter((words) => !words.startsWith('Answering') && !words.includes('answering')), [`All have answered: ${NAMES.join(', ')}.`]);
    assert.deepEqual(await violations(frame), []);
  });

  test('where they differ: who cites which passage, verdicts side by side, and a chip lights the page', async () => {
    const strip = turn().getByRole('group', { name: 'Where they differ' });
    assert.deepEqual(await strip.locator('dl > div').allInnerTexts(), ['Contract Reviewer\nOne-sided', 'Plain Language Editor\nFair']);
    const rows = await strip.locator('.differ-block').allInnerTexts();
    assert.deepEqual(rows.map((row) => row.split('\n').slice(0, 2).map((part) => part.trim())), [['9', 'All 3 cite it'], ['10', 'Contract Reviewer, Plain Language Editor'], ['11', 'Only Plain Language Editor']]);
    const chip = strip.getByRole('button', { name: /11/ });
    await chip.click();
    await until(async () => (await highlighted(page)).includes('Groups of ten or more book two days ahead.'), SOON_MS, () => 'the block is not lit');
    await until(async () => (await chip.getAttribute('aria-current')) === 'true', SOON_MS, () => 'it is not marked as shown');
    await answer(NAMES[0]).locator('.card .quote').first().click();
    await until(async () => (await highlighted(page)) === 'No refund is paid in a storm.', SOON_MS, () => 'the quote is not lit');
    await until(async () => (await chip.getAttribute('aria-current')) === null, SOON_MS, () => 'it is still marked as shown');
    await frame.locator('.field textarea').press('Escape');
  });

  test('they stand one below the other in a narrow panel and in columns in a wide one', async () => {
    assert.equal(await columns(), 1);
    await pull(page, 'handle', -240, 0);
    await until(async () => (await columns()) === 2, SOON_MS, () => 'no columns');
    assert.equal(await frame.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    assert.deepEqual(await violations(frame), []);
    await pull(page, 'handle', 240, 0);
    await until(async () => (await columns()) === 1, SOON_MS, () => 'still columns');
  });

  test('one answers once more beside the others, and both versions can be shown', async () => {
    await answer(NAMES[1]).getByRole('button', { name: 'Another answer' }).click();
    await idle();
    await turn().locator('.branches-place').getByText('2/2').waitFor();
    assert.equal(await turn().locator('.verdict').count(), 2);
    await turn().getByRole('button', { name: /Earlier|previous/i }).first().click();
    await turn().locator('.branches-place').getByText('1/2').waitFor();
    await turn().getByRole('button', { name: /Later|next/i }).first().click();
  });

  test('an answer is copied with its own quotes', async () => {
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await answer(NAMES[1]).getByRole('button', { name: 'Copy', exact: true }).click();
    await answer(NAMES[1]).getByRole('button', { name: 'Copied' }).waitFor();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(text, /A late boat brings money back/);
    assert.doesNotMatch(text, /Dear harbour office/);
  });

  test('one that fails says so, the others answer, and it can be tried again', async () => {
    await answered('Broken?');
    assert.match(await answer(NAMES[0]).locator('.turn-error').innerText(), /ran out of memory/);
    assert.match(await answer(NAMES[1]).innerText(), /Dogs travel free/);
    assert.match(await turn().locator('.differ').innerText(), /Not on the page, says: Legal Letter Drafter/);
    await answer(NAMES[0]).getByRole('button', { name: 'Try again' }).click();
    await idle();
    assert.equal(await turn().locator('.branches').count(), 0);
    assert.deepEqual(await violations(frame), []);
  });

  test('one is stopped alone, then all by key', async () => {
    await ask(frame, 'Long?');
    await answer(NAMES[0]).getByText('Slowly').waitFor();
    await answer(NAMES[0]).getByRole('button', { name: `Stop ${NAMES[0]}` }).press('Enter'); // it moves while they write
    await answer(NAMES[0]).getByText('You stopped').waitFor();
    await answer(NAMES[2]).getByRole('button', { name: `Stop ${NAMES[2]}` }).waitFor();
    await frame.locator('.field textarea').press('Alt+.');
    await idle();
    await answer(NAMES[2]).getByText('You stopped').waitFor();
    assert.match(await answer(NAMES[1]).innerText(), /The office opens at eight/);
  });

  test('after the page is loaded again the panel stands there as it was asked, and goes on', async () => {
    await page.reload();
    frame = await openPanel(browser, page);
    await until(async () => (await frame.locator('.turn').count()) === 3, SOON_MS, () => 'the conversation did not come back');
    const first = frame.locator('.turn').first();
    assert.deepEqual(await first.locator('.answer-name').allTextContents(), NAMES); // also what is not drawn yet
    const isDrawn = async () => {
      await first.scrollIntoViewIfNeeded(); // anew: the thread keeps to its end until it hears of the scrolling
      return /All 3 cite it/.test(await first.locator('.differ').innerText());
    };
    await until(isDrawn, SOON_MS, () => 'where they differ is not there');
    await answered('Delayed again?');
    assert.equal(await frame.locator('.turn').count(), 4);
  });

  test('own choice by mouse: five at most, and back to one', async () => {
    await frame.locator('.who').click();
    const options = frame.getByRole('group', { name: 'Travel & Local' }).getByRole('option');
    await options.nth(0).click();
    await options.nth(1).click();
    assert.equal((await chosen()).length, 5);
    assert.equal(await options.nth(2).getAttribute('aria-disabled'), 'true');
    await options.nth(2).click({ force: true });
    assert.equal((await chosen()).length, 5);
    assert.deepEqual(await violations(frame), []);
    await frame.getByRole('button', { name: `Leave out ${NAMES[0]}` }).click();
    assert.equal((await chosen()).length, 4);
    await frame.getByRole('button', { name: 'Ask several' }).click();
    await frame.getByRole('combobox').fill('Contract Reviewer');
    await frame.getByRole('combobox').press('Enter');
    await frame.getByRole('button', { name: /^Copilot: Contract Reviewer(?!,)/ }).waitFor();
    await ask(frame, 'Alone?');
    await idle();
    assert.equal(await turn().locator('.several').count(), 0);
  });
});
