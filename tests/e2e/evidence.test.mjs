// Answers and their evidence in a real Chromium: each form, the passages in the page, what lies one click deeper, a page that changes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask, highlighted, lastAnswer, openPanel, violations } from './browser.mjs';
import { openPaired } from './paired.mjs';
import { SOON_MS, until } from './stage.mjs';

// Two texts behind one address: what stands after `#` chooses.
const PIERS = `<!doctype html><title>Piers</title><p><a href="#b">Pier B</a></p><main id="m"></main><script>
const text = (pier, day) => '<article><h1>Pier ' + pier + '</h1>' + ['clerk', 'warden', 'pilot', 'deputy', 'cashier'].map((who) => '<p>The ' + who + ' keeps a record of every boat that ties up at the pier, with its length and its draught.</p>').join('') + '<p>Pier ' + pier + ' closes on ' + day + '.</p></article>';
const go = () => { document.getElementById('m').innerHTML = location.hash === '#b' ? text('B', '9 July') : text('A', '3 May'); };
addEventListener('hashchange', go);
go();
</script>`;

describe('answers and their evidence', () => {
  let scene, site, browser, page, frame;

  before(async () => {
    scene = await openPaired({ script: 'ferry.json', path: 'ferry.html', extra: { '/piers.html': PIERS } });
    ({ site, browser, page, frame } = scene);
  });
  after(() => scene?.close());

  const turn = () => frame.locator('.turn').last();
  const lit = (words) => until(async () => (await highlighted(page)) === words, SOON_MS, () => `not highlighted: ${words}`);
  const previewed = () => page.evaluate(() => [...(CSS.highlights.get('retinue-preview') ?? [])].map(String).join(' '));
  async function answered(question) {
    await ask(frame, question);
    return lastAnswer(frame);
  }

  for (const [question, form, first] of [
    ['When does the last boat leave?', 'fact', /^The last boat leaves at 19\.10\.$/],
    ['What are the refund rules?', 'list', /^Half of the fare after an hour/],
    ['List the fares', 'table', /^Ticket\s+Price\s+Quote/],
    ['Is it fair?', 'verdict', /One-sided$/],
    ['Write a letter', 'draft', /^Dear harbour office,/],
    ['In short?', 'summary', /^Boats run from seven/],
    ['Is there coffee?', 'abstention', /^The page does not say\.$/],
  ]) {
    test(`${form}: what it says stands first, and its evidence lights up the page`, async () => {
      await answered(question);
      const drawn = turn().locator(`.form-${form}`);
      assert.match(await drawn.locator('> :first-child').innerText(), first);
      const evidence = drawn.locator('.quote, .cite').first();
      await evidence.click();
      await until(async () => (await highlighted(page)) !== '', SOON_MS, () => 'nothing is highlighted');
      await until(async () => (await evidence.getAttribute('aria-current')) === 'true', SOON_MS, () => 'it is not marked as shown');
    });
  }

  test('the text of a draft is copied alone', async () => {
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await frame.locator('.paper .action').click();
    await frame.locator('.paper .action').getByText('Copied').waitFor();
  });

  test('a rest on a card marks its passage without scrolling, and leaves no mark behind', async () => {
    await answered('When does the last boat leave?');
    await turn().locator('.card .quote').hover();
    await until(async () => (await previewed()) === 'The last boat leaves at 19.10 from the east pier.', SOON_MS, () => 'no preview');
    await turn().locator('.answer-head').hover();
    await until(async () => (await previewed()) === '', SOON_MS, () => 'the preview stays');
  });

  test('Alt with the arrows walks all evidence, and Escape takes the highlight away before it closes anything', async () => {
    await answered('Is it fair?');
    await page.evaluate(() => scrollTo(0, 0));
    await frame.locator('.field textarea').press('Alt+ArrowDown');
    await lit('No refund is paid in a storm.');
    await frame.locator('.field textarea').press('Alt+ArrowDown');
    await lit('The harbour master decides alone whether a boat sails.');
    assert.match(await turn().locator('.walker [role=status]').innerText(), /Evidence 2 of 2/);
    await turn().getByRole('button', { name: /Next evidence/ }).click();
    await lit('No refund is paid in a storm.');
    await frame.locator('.field textarea').press('Escape');
    await lit('');
    assert.ok(await frame.locator('.panel').isVisible());
  });

  test('a quote that is not on the page is marked and leads nowhere', async () => {
    await answered('What about forged words?');
    const card = turn().locator('.prose .card');
    assert.match(await card.innerText(), /not on the page/);
    assert.equal(await card.locator('button').count(), 0);
  });

  test("the machine's facts are one click below the answer", async () => {
    const facts = turn().locator('.checked');
    assert.equal(await facts.locator('.more-body').isVisible(), false);
    await facts.locator('summary').click();
    assert.match(await facts.innerText(), /The model read the whole page, 1\d blocks\.[^]*first word after/);
  });

  test('a passage that was also considered is shown on the page, and answers when it is chosen', async () => {
    await answered('When does the last boat leave?');
    await turn().locator('.considered summary').click();
    const passage = turn().locator('.passages li').first();
    const words = await passage.locator('.passage').innerText();
    await passage.locator('.passage').click();
    await lit(words.replaceAll('; ', ''));
    await passage.getByRole('button', { name: 'Answer from this' }).click();
    await lastAnswer(frame);
    assert.equal(await turn().locator('.about').innerText(), words);
    assert.match(await turn().locator('.question').innerText(), /When does the last boat leave\?$/);
  });

  test('the bar of the page leads to a place, also by the keyboard', async () => {
    const bar = turn().locator('.coverage');
    assert.match(await bar.getAttribute('aria-label'), /whole page, 1\d blocks\. Cited: 2\.$/);
    await bar.locator('[tabindex="0"]').focus();
    await frame.locator('.stretch:focus').press('ArrowRight');
    await frame.locator('.stretch:focus').press('ArrowRight');
    await frame.locator('.stretch:focus').press('Enter');
    await lit('Dogs travel free on a lead. A bicycle costs four euros, and the deck has room for twelve.');
  });

  test('the page chip lists what the copilot sees, and Escape closes the list alone', async () => {
    await frame.locator('.page-chip').click();
    const blocks = frame.locator('.page-block');
    assert.equal(await blocks.first().innerText(), '1\nHarbour ferries');
    await blocks.nth(1).click();
    await lit('The first boat leaves at seven. The last boat leaves at 19.10 from the east pier.');
    assert.deepEqual(await violations(frame), []);
    await blocks.nth(1).press('Escape');
    await frame.locator('.page-preview').waitFor({ state: 'detached' });
    assert.notEqual(await highlighted(page), '');
    assert.ok(await frame.locator('.panel').isVisible());
  });

  test('a table stays inside the panel and scrolls by itself', async () => {
    await answered('List the fares');
    const [inner, outer] = await turn().locator('.table').evaluate((box) => [box.getBoundingClientRect().width, box.closest('.thread').clientWidth]);
    assert.ok(inner <= outer, `${inner} px in ${outer} px`);
    assert.equal(await frame.locator('.thread').evaluate((thread) => thread.scrollWidth > thread.clientWidth), false);
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing wrong with the forms and what lies below them, ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await frame.locator('details:not([open]) > summary').evaluateAll((all) => all.forEach((summary) => summary.click()));
      assert.deepEqual(await violations(frame), []);
    });
  }

  test('a page that becomes another one behind the same address is noticed, and the next question is put to it', async () => {
    const tab = await browser.context.newPage();
    await tab.goto(site.url('piers.html'));
    frame = await openPanel(browser, tab);
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
    await ask(frame, 'When does the last boat leave?');
    await lastAnswer(frame);
    await tab.locator('a').click();
    await frame.getByText('The page has changed. Your next question reads it again.').waitFor({ timeout: SOON_MS });
    await turn().getByText('The page has changed since this answer.').waitFor();
    assert.equal(await ask(frame, 'When does pier B close?').then(() => lastAnswer(frame)).then((text) => text.split('\n')[0]), 'Pier B closes on 9 July.');
    assert.equal(await turn().locator('.card button.quote').count(), 1);
    assert.equal(await frame.locator('.turn').count(), 2);
    await tab.close();
  });
});
