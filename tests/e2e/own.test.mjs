// One's own copilots: written, tried on the page, saved, shared as a file, deleted with undo. A real Chromium, a scripted engine.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clickToolbar, configure, launch, openPanel, pair, panelFrame, violations } from './browser.mjs';
import { SOON_MS, startScriptedServer, startSite, until } from './stage.mjs';

const { SHOTS, SCHEME = 'light' } = process.env; // a folder for pictures to look at, and their colours

async function shoot(page, name) {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}-${SCHEME}.png`) });
}

const FERRY = '# Ferry\n\nThe last boat of the day leaves the east pier at 19.10 in summer.\n\nDogs travel free on a lead on all of the Harbour boats.\n';
const POOL = 'The swimming pool in Mill Lane opens at nine on all weekdays.\n';

const named = (frame, name) => frame.locator('.own').getByRole('button', { name, exact: true });
const field = (frame, name) => frame.locator('.own').getByLabel(name, { exact: true });

async function openOwn(frame) {
  await frame.locator('#host-menu').click();
  await frame.getByRole('menuitem', { name: 'Your copilots' }).click();
  await frame.locator('.own').waitFor();
}

describe("one's own copilots", () => {
  let server, site, browser, page, frame, downloads;
  const file = (id) => join(server.data, 'copilots', id, 'copilot.toml');

  before(async () => {
    server = await startScriptedServer('own.json');
    site = await startSite();
    downloads = await mkdtemp(join(tmpdir(), 'retinue-own-'));
    browser = await launch({ colorScheme: SCHEME });
    await configure(browser, { port: server.port });
    page = await browser.context.newPage();
    await page.goto(site.url('ferry.html'));
    frame = await openPanel(browser, page);
    await frame.locator('.code').waitFor();
    await pair(frame, server.code);
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await server?.stop();
  });

  test('the picker leads to them, and the list says what they are when there is none', async () => {
    await frame.locator('.who').click();
    await frame.locator('.picker-own').click();
    await frame.locator('.own-none').waitFor();
    assert.equal(await frame.locator('.own-title').evaluate((title) => title === document.activeElement), true);
    await shoot(page, 'none');
    assert.deepEqual(await violations(frame), []);
  });

  test('what is wrong is said under its field while one writes, and nothing is written', async () => {
    await named(frame, 'New copilot').click();
    await field(frame, 'Name').fill('Ferry Clerk');
    await field(frame, 'Category').selectOption({ label: 'New category…' });
    await field(frame, 'Name of the category').fill('My harbour');
    await field(frame, 'Promise').fill('Says when boats leave.');
    await field(frame, 'Instructions').fill('word '.repeat(200));
    await frame.locator('.own-over').waitFor();
    await frame.locator('.own-fault', { hasText: 'Shorten them' }).waitFor();
    assert.match(await frame.locator('#own-name-hint').innerText(), /my-harbour\/ferry-clerk/);
    await named(frame, 'Save').click();
    await frame.locator('.own-foot .notice-bad').waitFor();
    assert.equal(existsSync(join(server.data, 'copilots')), false);
    await shoot(page, 'wrong');
    assert.deepEqual(await violations(frame), []);
  });

  test('a draft is tried on the page before it is saved, and leaves nothing behind', async () => {
    await field(frame, 'Instructions').fill('Say when the boat leaves, then quote the page.');
    await field(frame, 'Question 1').fill('Which boat is the last?');
    await field(frame, 'Question 1').press('Enter');
    await until(() => field(frame, 'Question 2').evaluate((line) => line === document.activeElement).catch(() => false), SOON_MS, () => 'the focus is not in the new line');
    await field(frame, 'Question 2').fill('May dogs come?');
    await frame.locator('.own').getByLabel('Closing line, or nothing').fill('Ask the office.');
    await named(frame, 'Try').click();
    await frame.locator('.own-trial .checked').waitFor();
    assert.match(await frame.locator('.own-trial .prose').innerText(), /19\.10/);
    await frame.locator('.own-trial .checked summary').click();
    assert.equal(await frame.locator('.own-trial .check-failed').count(), 0);
    assert.equal(existsSync(join(server.data, 'copilots')), false);
    assert.equal(await frame.locator('.turn').count(), 0);
    await frame.locator('.own-trial').scrollIntoViewIfNeeded();
    await shoot(page, 'trial');
    assert.deepEqual(await violations(frame), []);
  });

  test('a reload of the page in the middle loses no word', async () => {
    await page.reload();
    await clickToolbar(browser, page);
    frame = await panelFrame(page);
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
    await openOwn(frame);
    await until(async () => (await field(frame, 'Name').inputValue().catch(() => '')) === 'Ferry Clerk', SOON_MS, () => 'the draft is gone');
    assert.equal(await field(frame, 'Question 2').inputValue(), 'May dogs come?');
  });

  test('saved, it is chosen at once, marked in the picker and on the disk', async () => {
    await named(frame, 'Save').click();
    await frame.locator('.own-title', { hasText: 'Your copilots' }).waitFor();
    assert.match(readFileSync(file('my-harbour/ferry-clerk'), 'utf8'), /name = "Ferry Clerk"/);
    await shoot(page, 'list');
    await frame.locator('.own-head .tool').click();
    assert.match(await frame.locator('.who-name').innerText(), /Ferry Clerk/);
    assert.deepEqual(await frame.locator('.starter').allInnerTexts(), ['Which boat is the last?', 'May dogs come?']);
    await frame.locator('.who').click();
    await frame.locator('.search').fill('ferry clerk');
    await frame.locator('.option', { hasText: 'Ferry Clerk' }).locator('.badge', { hasText: 'Yours' }).waitFor();
    await frame.locator('.search').press('Escape');
  });

  test('two windows cannot overwrite each other', async () => {
    await openOwn(frame);
    await frame.locator('.history-open').click();
    await field(frame, 'Promise').fill('One window.');
    const path = file('my-harbour/ferry-clerk');
    await writeFile(path, (await readFile(path, 'utf8')).replace('Says when boats leave.', 'Other window.'));
    await named(frame, 'Save').click();
    await named(frame, 'Keep mine').waitFor();
    await shoot(page, 'conflict');
    assert.match(await readFile(path, 'utf8'), /Other window/);
    await named(frame, 'Keep mine').click();
    await named(frame, 'Save').click();
    await frame.locator('.own-title', { hasText: 'Your copilots' }).waitFor();
    assert.match(await readFile(path, 'utf8'), /One window/);
  });

  test('it leaves as one file, is deleted, brought back, deleted, and comes in again by the file', async () => {
    await frame.locator('.history-row .tool').click();
    const [download] = await Promise.all([page.waitForEvent('download'), named(frame, 'Export').click()]);
    const saved = join(downloads, download.suggestedFilename());
    await download.saveAs(saved);
    assert.match(await readFile(saved, 'utf8'), /id = "my-harbour\/ferry-clerk"/);
    await named(frame, 'Delete').click();
    await named(frame, 'Undo').waitFor();
    assert.equal(existsSync(file('my-harbour/ferry-clerk')), false);
    await shoot(page, 'deleted');
    await named(frame, 'Undo').click();
    await frame.locator('.history-row').waitFor();
    await frame.locator('.history-row .tool').click();
    await named(frame, 'Delete').click();
    await until(() => !existsSync(file('my-harbour/ferry-clerk')), SOON_MS, () => 'it is still there');
    await frame.locator('input[type=file]').setInputFiles(saved);
    await until(async () => (await field(frame, 'Promise').inputValue().catch(() => '')) === 'One window.', SOON_MS, () => 'the file was not read');
    assert.equal(existsSync(file('my-harbour/ferry-clerk')), false, 'importing alone writes nothing');
    await named(frame, 'Save').click();
    await until(() => existsSync(file('my-harbour/ferry-clerk')), SOON_MS, () => 'it was not saved');
  });

  test('a hostile file is refused with a sentence', async () => {
    const hostile = join(downloads, 'hostile.toml');
    for (const text of ['id = "../../etc/x"\nname = "x"\npromise = "x"\n', '<script>alert(1)</script>', 'x'.repeat(70_000)]) {
      await writeFile(hostile, text);
      await frame.locator('input[type=file]').setInputFiles(hostile);
      await until(async () => /not allowed|TOML|too large/.test(await frame.locator('.history-foot p').innerText()), SOON_MS, () => 'it was not refused');
    }
    assert.equal(await frame.locator('.own-form').count(), 0);
  });

  test('it learns from documents: files become drafts, drafts are judged by keys, and examples are written', async () => {
    await frame.locator('.history-row .tool').click();
    await named(frame, 'Learn from documents').click();
    const files = { 'ferry.md': FERRY, 'pool.txt': POOL, 'broken.pdf': '%PDF-1.4 nothing' };
    for (const [name, text] of Object.entries(files)) await writeFile(join(downloads, name), text);
    await frame.locator('input[type=file]').setInputFiles([join(downloads, 'broken.pdf')]);
    await until(async () => /broken\.pdf/.test(await frame.locator('.own-foot p').innerText()), 60_000, () => 'a broken file was taken');
    await frame.locator('input[type=file]').setInputFiles([join(downloads, 'ferry.md'), join(downloads, 'pool.txt')]);
    await frame.locator('.own-file').nth(1).waitFor({ timeout: SOON_MS });
    await named(frame, 'Draft questions').click();
    await frame.locator('.own-pair').nth(2).waitFor({ timeout: SOON_MS });
    await named(frame, 'Draft more').waitFor({ timeout: SOON_MS });
    await shoot(page, 'drafts');
    assert.deepEqual(await violations(frame), []);
    const pairs = frame.locator('.own-pair');
    await pairs.first().focus();
    await pairs.first().press('a');
    await frame.locator('.own-pair-accepted').waitFor();
    await until(() => pairs.nth(1).evaluate((row) => row === document.activeElement), SOON_MS, () => 'the focus did not go on');
    await pairs.nth(1).press('e');
    await frame.locator('.own-pair-edit textarea').fill('No evidence.');
    await named(frame, 'Accept these words').click();
    await until(async () => /quotation/.test(await frame.locator('.own-foot p').innerText()), SOON_MS, () => 'an answer without evidence was taken');
    await frame.locator('.own-pair-edit textarea').press('Escape');
    await pairs.nth(1).press('d');
    await frame.locator('.own-pair-dropped').waitFor();
    await pairs.nth(2).press('a');
    await frame.locator('.own-pair-accepted').nth(1).waitFor();
    await named(frame, 'Keep as examples').click();
    const examples = (split) => join(server.data, 'copilots', 'my-harbour', 'ferry-clerk', `${split}.jsonl`);
    await until(() => existsSync(examples('heldout')), SOON_MS, () => 'no examples were written');
    assert.match(readFileSync(examples('train'), 'utf8') + readFileSync(examples('heldout'), 'utf8'), /19\.10 from the east pier.*\[1\]|pool/);
    await named(frame, 'Back to your copilots').click();
  });

  test('on a narrow screen everything is there and nothing is cut off', async () => {
    await page.setViewportSize({ width: 320, height: 700 });
    await frame.locator('.history-open').click();
    await frame.locator('.own-form').waitFor();
    const isCut = await frame.locator('.own').evaluate((view) => view.scrollWidth > view.clientWidth || [...view.querySelectorAll('input, textarea, select')].some((one) => one.type !== 'file' && one.getBoundingClientRect().right > innerWidth));
    assert.equal(isCut, false);
    await shoot(page, 'narrow');
    assert.deepEqual(await violations(frame), []);
    await named(frame, 'Back to your copilots').click();
    await frame.locator('.own-title').press('Escape');
    assert.equal(await frame.locator('.own').count(), 0);
  });
});
