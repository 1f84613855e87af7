// Conversations that are never lost: a real Chromium, the real server, and its history on the disk.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask, configure, lastAnswer, launch, openPanel, pair, violations } from './browser.mjs';
import { seedThread, SOON_MS, startServer, startSite, until } from './stage.mjs';

const LONG = 2_000;
const OPEN_MS_MAX = 10_000;
const FRAME_MS_MAX = 50; // of the middle frame while a long conversation is scrolled
const SLOWEST_MS_MAX = 5_000; // on a machine that has other work: it hangs for no longer
const SECRET = 'Zyzzyva';
const { SHOTS } = process.env; // a folder for pictures to look at

/** Every byte of the server's data folder, without the base models. */
function kept(server) {
  const folder = join(server.data, 'threads');
  return readdirSync(folder).map((name) => readFileSync(join(folder, name)).toString('latin1')).join('');
}

const titles = (frame) => frame.locator('.history-name').allInnerTexts();
const tool = (frame, name) => frame.locator('.head').getByRole('button', { name });

async function openHistory(frame) {
  await tool(frame, 'Earlier conversations').click();
  await frame.locator('.history').waitFor();
}

async function shoot(page, name) {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** Opens the actions of the row with this name. */
async function actionsOf(frame, name) {
  const row = frame.locator('.history-row', { hasText: name });
  await row.locator('.tool').click();
  return row;
}

describe('kept conversations', () => {
  let server, site, browser, page, frame, profile;

  const enter = async (path, options) => {
    browser = await launch(options);
    await configure(browser, { port: server.port, ...profile });
    page = await browser.context.newPage();
    await page.goto(site.url(path));
    frame = await openPanel(browser, page);
  };

  before(async () => {
    server = await startServer();
    site = await startSite();
    await enter('contract.html');
    await frame.locator('.code').waitFor();
    await pair(frame, server.code);
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
    profile = await browser.worker.evaluate(() => chrome.storage.local.get(['key', 'client']));
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await server?.stop();
  });

  test('closing the browser loses nothing: a new one shows the conversation of today', async () => {
    await ask(frame, 'Which law applies?');
    const answer = await lastAnswer(frame);
    await until(() => kept(server).includes('Which law applies?'), SOON_MS, () => 'nothing was kept');
    await browser.close();
    await enter('contract.html?utm_source=mail#part');
    await frame.locator('.turn').first().waitFor({ timeout: SOON_MS });
    assert.equal(await frame.locator('.question').innerText(), 'Which law applies?');
    assert.equal(await frame.locator('.turn .prose').innerText(), answer);
  });

  test('a second question goes on with the same conversation', async () => {
    await ask(frame, 'Who owns the customer data?');
    await lastAnswer(frame);
    await openHistory(frame);
    await until(async () => (await titles(frame)).length === 1, SOON_MS, () => 'there is not one conversation');
    await shoot(page, 'list');
    await frame.locator('.history .search').press('Escape');
  });

  test('a private conversation is seen to be one and leaves no word on the disk', async () => {
    await tool(frame, 'Private conversation').click();
    await frame.locator('.banner').getByText('nothing of this conversation is kept').waitFor();
    await ask(frame, `${SECRET}?`);
    await lastAnswer(frame);
    await shoot(page, 'private');
    assert.deepEqual(await violations(frame), []);
    assert.ok(!kept(server).toLowerCase().includes(SECRET.toLowerCase()));
    await tool(frame, 'Private conversation').click();
    await frame.locator('.welcome').waitFor();
  });

  test('words are searched in all conversations, and the one that is found is opened', async () => {
    await openHistory(frame);
    await frame.locator('.history .search').fill('customer dat');
    await frame.locator('.history-excerpt mark').first().waitFor();
    assert.equal(await frame.locator('.history-row').count(), 1);
    await shoot(page, 'search');
    await frame.locator('.history-open').click();
    await frame.locator('.turn').nth(1).waitFor();
    assert.equal(await frame.locator('.history').count(), 0);
  });

  test('a conversation is renamed, pinned, saved as a file, deleted and brought back, by keyboard', async () => {
    await openHistory(frame);
    const row = await actionsOf(frame, 'Services');
    await row.getByRole('button', { name: 'Rename', exact: true }).press('Enter');
    await frame.locator('.history-rename').fill('My contract');
    await frame.locator('.history-rename').press('Enter');
    await frame.locator('.history-name', { hasText: 'My contract' }).waitFor();
    await frame.locator('.history-row').getByRole('button', { name: 'Pin', exact: true }).press('Enter');
    await frame.locator('.group-name', { hasText: 'Pinned' }).waitFor();
    await shoot(page, 'actions');
    assert.deepEqual(await violations(frame), []);
    if ((await frame.locator('.history-actions').count()) === 0) await actionsOf(frame, 'My contract');
    const [download] = await Promise.all([page.waitForEvent('download'), frame.getByRole('button', { name: 'Save as Markdown' }).press('Enter')]);
    const text = readFileSync(await download.path(), 'utf8');
    assert.equal(download.suggestedFilename(), 'my-contract.md');
    assert.match(text, /^# My contract\n[^]*contract\.html\n[^]*## Which law applies\?\n[^]*\n> .* \(block \d+\)/);
    await frame.getByRole('button', { name: 'Delete', exact: true }).press('Enter');
    await frame.locator('.history-foot').getByText('was deleted').waitFor();
    assert.deepEqual(await titles(frame), []);
    await frame.getByRole('button', { name: 'Undo' }).press('Enter');
    await frame.locator('.history-name', { hasText: 'My contract' }).waitFor();
    await frame.locator('.history .search').press('Escape');
    await frame.locator('.turn').nth(1).waitFor();
  });

  test('on another page it says what it is about, links there, and a question begins a new one', async () => {
    await page.goto(site.url('health.html'));
    frame = await openPanel(browser, page);
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
    await openHistory(frame);
    await frame.locator('.history-open', { hasText: 'My contract' }).click();
    const link = frame.locator('.banner a');
    await link.waitFor();
    assert.match(await link.getAttribute('href'), /^http:\/\/127\.0\.0\.1:\d+\/contract\.html$/);
    await shoot(page, 'foreign');
    await ask(frame, 'What is it about?');
    await lastAnswer(frame);
    assert.equal(await frame.locator('.turn').count(), 1);
  });

  test('another window sees what changes', async () => {
    const other = await launch();
    try {
      await configure(other, { port: server.port, ...profile });
      const tab = await other.context.newPage();
      await tab.goto(site.url('shop.html'));
      const there = await openPanel(other, tab);
      await there.locator('.welcome').waitFor({ timeout: SOON_MS });
      await openHistory(there);
      await until(async () => (await titles(there)).length === 2, SOON_MS, () => 'the other window has no list');
      await page.bringToFront();
      await ask(frame, 'What are the side effects?');
      await lastAnswer(frame);
      await openHistory(frame);
      await actionsOf(frame, 'My contract');
      await frame.getByRole('button', { name: 'Delete', exact: true }).click();
      await until(async () => (await titles(there)).length === 1, SOON_MS, () => 'the other window does not see the deletion');
      await frame.locator('.history .search').press('Escape');
    } finally {
      await other.close();
    }
  });

  test(`a conversation of ${LONG} turns opens at once and scrolls smoothly`, async () => {
    seedThread(server, { address: site.url('health.html'), title: 'Long one', turns: LONG });
    await openHistory(frame);
    const row = frame.locator('.history-open', { hasText: 'Long one' });
    await row.waitFor();
    const started = Date.now();
    await row.click();
    await frame.locator('.turn', { hasText: `Answer ${LONG - 1}:` }).waitFor();
    const opened = Date.now() - started;
    const frames = await scrollToTheTop(frame);
    const [middle, slowest] = [frames[Math.floor(frames.length / 2)], frames.at(-1)];
    console.log(`${LONG} turns: open in ${opened} ms; of ${frames.length} frames while scrolling the middle one took ${Math.round(middle)} ms, the slowest ${Math.round(slowest)} ms`);
    assert.ok(opened < OPEN_MS_MAX, `${opened} ms`);
    assert.ok(middle < FRAME_MS_MAX && slowest < SLOWEST_MS_MAX, `${middle} ms, ${slowest} ms`);
    assert.equal(await frame.locator('.turn').count(), 150);
    await shoot(page, 'long');
  });

  for (const { name, ...look } of [{ name: 'dark', colorScheme: 'dark' }, { name: 'narrow', viewport: { width: 320, height: 640 } }]) {
    test(`the list is sound and can be looked at, ${name}`, async () => {
      await page.emulateMedia({ colorScheme: look.colorScheme ?? 'light', reducedMotion: 'reduce' });
      if (look.viewport) await page.setViewportSize(look.viewport);
      await openHistory(frame);
      await frame.locator('.history-row .tool').first().click();
      assert.deepEqual(await violations(frame), []);
      await shoot(page, name);
      const overflow = await frame.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${overflow} px too wide`);
      await frame.locator('.history .search').press('Escape');
    });
  }

  test('all are deleted after a question in words, and nothing stays on the disk', async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await openHistory(frame);
    await frame.getByRole('button', { name: /^Delete all/ }).click();
    await frame.getByRole('alertdialog').waitFor();
    await shoot(page, 'confirm');
    await frame.getByRole('button', { name: /^Delete \d+ conversations/ }).click();
    await frame.locator('.none').waitFor();
    await until(() => !/side effects|Answer 1999/i.test(kept(server)), SOON_MS, () => 'words of a conversation are still on the disk');
  });
});

/** Scrolls up until earlier turns were fetched twice; the milliseconds between frames, the longest last. */
async function scrollToTheTop(frame) {
  return frame.evaluate(async () => {
    const box = document.querySelector('.thread');
    const frames = [];
    let last = performance.now();
    const end = last + 20_000;
    while (document.querySelectorAll('.turn').length < 150 && performance.now() < end) {
      box.scrollTop = Math.max(0, box.scrollTop - 400);
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    return frames.toSorted((a, b) => a - b);
  });
}
