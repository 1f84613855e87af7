// Several tabs as context, in a real Chromium: listed, allowed, read, cited and shown; what becomes of them; never from inside a page.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask, BUILD, configure, highlighted, lastAnswer, launch, openPanel, pair, violations } from './browser.mjs';
import { SOON_MS, startScriptedServer, startSite, until } from './stage.mjs';

const INN = `<!doctype html><html lang="en"><title>The Lantern Inn</title><main><article><h1>The Lantern Inn</h1>
  <p>Breakfast is served from seven to ten in the garden room.</p><p>The inn stands two streets behind the east pier, and rooms are kept until nine in the evening for those who come by the last boat.</p></article></main></html>`;
const LATER = INN.replace('seven to ten', 'eight to eleven');
const LONG = `<!doctype html><html lang="en"><title>Harbour rules</title><main><article><h1>Harbour rules</h1>${Array.from({ length: 120 }, (_unused, i) => `<p>Rule ${i + 1}: a boat of class ${i} keeps to its own berth until the clerk has written its name down.</p>`).join('')}</article></main></html>`;

/** The build with the permissions that a person would give: the browser's own question cannot be answered in a test. */
async function grantedBuild() {
  const folder = await mkdtemp(join(tmpdir(), 'retinue-granted-'));
  await cp(BUILD, folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  const { optional_permissions, optional_host_permissions, ...rest } = manifest;
  await writeFile(file, JSON.stringify({ ...rest, permissions: [...rest.permissions, ...optional_permissions], host_permissions: optional_host_permissions }));
  return folder;
}

describe('several tabs', () => {
  let server, site, inn, browser, page, other, long, panel, build;
  const pages = {};

  before(async () => {
    server = await startScriptedServer('tabs.json');
    Object.assign(pages, { '/inn.html': INN, '/rules.html': LONG });
    site = await startSite();
    inn = await startSite({ extra: pages });
    build = await grantedBuild();
    browser = await launch({ build });
    await configure(browser, { port: server.port });
    other = await browser.context.newPage();
    await other.goto(inn.url('inn.html'));
    long = await browser.context.newPage();
    await long.goto(inn.url('rules.html'));
    page = await browser.context.newPage();
    await page.goto(site.url('ferry.html'));
  });
  after(async () => {
    await browser?.close();
    await rm(build, { recursive: true, force: true });
    await site?.stop();
    await inn?.stop();
    await server?.stop();
  });

  const preview = () => panel.getByRole('dialog', { name: 'What the copilot sees of this page' });
  const chip = () => panel.locator('.page-chip');
  const row = (title) => preview().locator('.tabs-row', { hasText: title });
  const quote = (words) => panel.locator('.turn').last().locator('.card', { hasText: words }).locator('.quote');
  const inFront = () => browser.worker.evaluate(async () => (await chrome.tabs.query({ active: true, lastFocusedWindow: true }))[0].title);
  async function openPreview() {
    
    if ((await chip().getAttribute('aria-expanded')) !== 'true') await chip().click();
    await preview().getByRole('heading', { name: 'Other tabs' }).waitFor({ timeout: SOON_MS });
  }
  async function add(title) {
    await openPreview();
    await preview().getByRole('button', { name: 'Add a tab' }).click();
    await preview().getByRole('list', { name: 'Add a tab' }).getByRole('button', { name: title }).click({ timeout: SOON_MS });
  }

  test('a panel inside a page adds no tab and leads to the side panel', async () => {
    panel = await openPanel(browser, page);
    await pair(panel, server.code);
    await panel.locator('.welcome').waitFor({ timeout: SOON_MS });
    await openPreview();
    await preview().getByText('Inside a page no other tab can be added').waitFor();
    assert.equal(await preview().getByRole('button', { name: 'Add a tab' }).count(), 0);
    await preview().getByRole('button', { name: 'Open in the side panel' }).waitFor();
    assert.deepEqual(await violations(panel), []);
    await preview().press('Escape');
  });

  test('in a panel of its own the tabs that can be added are listed, and none without leave for its site', async () => {
    const opened = browser.context.waitForEvent('page');
    await panel.locator('#host-menu').click();
    await panel.getByRole('menuitem', { name: 'Open in a tab' }).click();
    panel = await opened;
    await panel.locator('.welcome').waitFor({ timeout: SOON_MS });
    await panel.evaluate(() => {
      const { request } = chrome.permissions;
      globalThis.wanted = [];
      chrome.permissions.request = (what) => {
        globalThis.wanted.push(what);
        return globalThis.refuses && what.origins ? Promise.resolve(false) : request.call(chrome.permissions, what);
      };
      globalThis.refuses = true;
    });
    await openPreview();
    await preview().getByRole('button', { name: 'Add a tab' }).click();
    const list = preview().getByRole('list', { name: 'Add a tab' });
    await list.waitFor({ timeout: SOON_MS });
    assert.deepEqual((await list.locator('.tabs-name').allInnerTexts()).toSorted(), ['Harbour rules', 'The Lantern Inn']);
    assert.deepEqual(await violations(panel), []);
    await list.getByRole('button', { name: 'The Lantern Inn' }).click();
    await panel.getByText('Not added: “The Lantern Inn”').waitFor({ timeout: SOON_MS });
    assert.equal(await preview().locator('.tabs-row').count(), 0);
    assert.deepEqual(await panel.evaluate(() => globalThis.wanted), [{ permissions: ['tabs'] }, { origins: ['http://127.0.0.1/*'] }]);
    await panel.evaluate(() => (globalThis.refuses = false));
  });

  test('an added tab follows the page under its title, and the preview says where', async () => {
    await add('The Lantern Inn');
    await row('The Lantern Inn').getByText('Blocks 13 to 16').waitFor({ timeout: SOON_MS });
    assert.match(await chip().innerText(), /16 blocks \+ 1 tab/);
    const blocks = await preview().locator('.page-block').allInnerTexts();
    assert.match(blocks[12], /^13\s+The Lantern Inn \(127\.0\.0\.1:\d+\)$/);
    assert.deepEqual(await violations(panel), []);
    await panel.keyboard.press('Escape');
  });

  test('an answer cites both, says which tab, and a click goes there and lights the words', async () => {
    await ask(panel, 'Breakfast?');
    await lastAnswer(panel);
    const cards = panel.locator('.turn').last().locator('.card');
    assert.equal(await cards.filter({ hasText: 'Breakfast is served' }).locator('.card-source').innerText(), 'The Lantern Inn');
    assert.equal(await cards.filter({ hasText: 'Dogs travel free' }).locator('.card-source').count(), 0);
    await quote('Breakfast is served').click();
    await until(async () => (await highlighted(other)) === 'Breakfast is served from seven to ten in the garden room.', SOON_MS, () => 'the words are not lit in the other tab');
    assert.equal(await inFront(), 'The Lantern Inn');
    await panel.bringToFront();
    await quote('Dogs travel free').click();
    await until(async () => (await highlighted(page)) === 'Dogs travel free on a lead.', SOON_MS, () => 'the words are not lit in the page');
    await until(async () => (await highlighted(other)) === '', SOON_MS, () => 'the other tab is still lit');
  });

  test('what is too long to be read whole is searched, and the preview says so', async () => {
    await add('Harbour rules');
    await row('Harbour rules').getByText(/^Blocks 17 to 138: more than the model can read at once/).waitFor({ timeout: SOON_MS });
    await preview().getByRole('button', { name: 'Leave out “Harbour rules”' }).click();
    await until(async () => /16 blocks \+ 1 tab/.test(await chip().innerText()), SOON_MS, () => 'it is still there');
    await panel.keyboard.press('Escape');
    assert.equal(await panel.getByText('The page has changed since').count(), 0);
  });

  test('a tab that shows another page says so and is read again; one that is closed says so and stays until it is left out', async () => {
    pages['/inn.html'] = LATER;
    await other.reload();
    await openPreview();
    await row('The Lantern Inn').getByText('Has changed since it was read').waitFor({ timeout: SOON_MS });
    await row('The Lantern Inn').getByRole('button', { name: 'Read “The Lantern Inn” again' }).click();
    await preview().getByText('Breakfast is served from eight to eleven').waitFor({ timeout: SOON_MS });
    await other.close();
    await row('The Lantern Inn').getByText('Closed; what was read of it is still used').waitFor({ timeout: SOON_MS });
    assert.deepEqual(await violations(panel), []);
    await preview().locator('.page-block', { hasText: 'Breakfast is served' }).click();
    await panel.getByText('The tab “The Lantern Inn” is closed.').waitFor({ timeout: SOON_MS });
    await preview().getByRole('button', { name: 'Leave out “The Lantern Inn”' }).click();
    await until(async () => /^\D*12 blocks\s*$/.test((await chip().innerText()).split('\n').at(-1)), SOON_MS, async () => 'the tab is still there');
  });
});
