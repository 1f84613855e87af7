// What answers is seen and changed: another base while serving, one downloaded from a hub, a server in OpenAI's form. A real Chromium, the real server.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask, configure, lastAnswer, launch, openPanel, pair, violations } from './browser.mjs';
import { SOON_MS, startHub, startOpenAi, startScriptedServer, startSite, until } from './stage.mjs';

const REPO = 'acme/tiny-three';
const { SHOTS } = process.env; // a folder for pictures to look at

describe('engines and bases', () => {
  let server, site, hub, other, browser, frame, tab;

  before(async () => {
    hub = await startHub(REPO, { bytes: 25_000_000, bytesPerSecond: 400_000 });
    other = await startOpenAi('small-chat', 'The other server says: "Dogs travel free on a lead." [3]');
    server = await startScriptedServer('engines.json', { hasBases: false, env: { HF_ENDPOINT: hub.url } });
    site = await startSite();
    browser = await launch({ viewport: { width: 460, height: 820 } });
    await configure(browser, { port: server.port });
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await server?.stop();
    await hub?.stop();
    await other?.stop();
  });

  const view = () => tab.locator('.engines');
  const part = (name) => view().locator('.engines-part', { has: tab.getByRole('heading', { name, exact: true }) });
  const row = (name) => view().locator('.engines-row', { has: tab.getByText(name, { exact: true }) });
  const press = (name) => view().getByRole('button', { name, exact: true }).click();
  const running = () => part('Answers now').locator('.engines-name');
  const answers = (name) => until(async () => (await running().innerText()) === name, SOON_MS, () => `${name} does not answer`);

  async function look(name) {
    assert.deepEqual(await violations(tab), [], name);
    if (!SHOTS) return;
    await mkdir(SHOTS, { recursive: true });
    for (const [look_, scheme, width] of [['light', 'light', 460], ['dark', 'dark', 460], ['narrow', 'light', 320]]) {
      await tab.emulateMedia({ colorScheme: scheme });
      await tab.setViewportSize({ width, height: 1_700 });
      await tab.screenshot({ path: join(SHOTS, `${name}-${look_}.png`) });
      const overflow = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name} ${look_}: ${overflow} px too wide`);
    }
    await tab.emulateMedia({ colorScheme: 'light' });
    await tab.setViewportSize({ width: 460, height: 820 });
  }

  async function openView() {
    await tab.locator('#host-menu').click();
    await tab.getByRole('menuitem', { name: 'Engine and base' }).click();
    await running().waitFor();
  }

  async function questionIsAnswered(words) {
    await tab.keyboard.press('Escape');
    await view().waitFor({ state: 'detached' });
    await ask(tab, 'What do dogs pay?');
    await until(async () => (await lastAnswer(tab)).includes(words), SOON_MS, () => `no answer has: ${words}`);
    await openView();
  }

  test('inside a web page there is no way to it', async () => {
    for (const name of ['tiny-one', 'tiny-two', 'tiny-broken']) await writeBase(join(server.bases, name));
    const page = await browser.context.newPage();
    await page.goto(site.url('ferry.html'));
    frame = await openPanel(browser, page);
    await pair(frame, server.code);
    await frame.locator('.who').waitFor({ timeout: SOON_MS });
    await frame.locator('#host-menu').click();
    await frame.getByRole('menuitem', { name: 'Open in a tab' }).waitFor();
    assert.equal(await frame.getByRole('menuitem', { name: 'Engine and base' }).count(), 0);
    const opening = browser.context.waitForEvent('page');
    await frame.getByRole('menuitem', { name: 'Open in a tab' }).click();
    tab = await opening;
    tab.setDefaultTimeout(SOON_MS);
    await tab.setViewportSize({ width: 460, height: 820 });
    await tab.locator('.welcome').waitFor();
  });

  test('it says what answers, what that can do and what it takes', async () => {
    await openView();
    const words = await part('Answers now').innerText();
    assert.match(words, /on this machine\. Nothing leaves it/);
    assert.match(words, /Quotations are taken from the page itself/);
    assert.match(words, /Memory of the server\s+[\d.,]+ MB/);
    await row('tiny-two').getByRole('button', { name: 'Use tiny-two' }).waitFor();
    assert.match(await row('Qwen3-0.6B').innerText(), /600M parameters · about 1\.5 GB · Apache-2\.0/);
    await look('now');
  });

  test('another base answers, and the open page is read again without a word', async () => {
    await press('Use tiny-two');
    await answers('tiny-two');
    await row('tiny-two').getByText('In use').waitFor();
    assert.match(await tab.locator('.dot').getAttribute('title'), /tiny-two/);
    await questionIsAnswered('The second base says');
  });

  test('a base that cannot be loaded is told, and the one before goes on', async () => {
    await press('Use tiny-broken');
    await view().getByText('cannot be read. tiny-two goes on answering.').waitFor();
    assert.equal(await running().innerText(), 'tiny-two');
    await look('trouble');
  });

  test('a model that the hub does not have is said to be none', async () => {
    await view().getByLabel('Another model of huggingface.co').fill('acme/absent');
    await press('Look up');
    await view().getByText('There is no such model on the hub.').waitFor();
  });

  test('a download says size, source and licence first, and nothing comes before the yes', async () => {
    await view().getByLabel('Another model of huggingface.co').fill(REPO);
    await press('Look up');
    await view().getByText(`Downloads 25 MB from huggingface.co/${REPO}. Licence: apache-2.0.`).waitFor();
    await look('offer');
    await press('Not now');
    await view().locator('.engines-card').waitFor({ state: 'detached' });
    await press('Look up');
    await press('Download tiny-three');
    await view().getByText('Downloading tiny-three').waitFor();
  });

  test('a window that opens late sees how far it is, stops it, and goes on', async () => {
    await tab.reload();
    await openView();
    await view().getByText('Downloading tiny-three').waitFor();
    await until(async () => /1\d MB of 25 MB/.test(await view().locator('.engines-card').innerText()), 2 * SOON_MS, () => 'no progress');
    await look('downloading');
    await press('Stop');
    await view().getByText('The download of tiny-three has stopped.').waitFor();
    await look('stopped');
    hub.hurry();
    await press('Go on');
    await row('tiny-three').getByRole('button', { name: 'Use tiny-three' }).waitFor();
    assert.equal(await view().locator('.engines-card').count(), 0);
  });

  test('another machine needs https and a plain yes', async () => {
    const elsewhere = part('A server elsewhere');
    const address = elsewhere.getByLabel('Address');
    await address.fill('http://models.example/v1');
    await elsewhere.getByText('models.example is another machine. The text of every page').waitFor();
    await press('Test the connection');
    await elsewhere.getByText('its address must begin with https://').waitFor();
    await address.fill('https://models.invalid/v1');
    await look('warning');
    await press('Test the connection');
    await elsewhere.getByText('The server does not answer there.').waitFor();
    await address.fill(`http://127.0.0.1:${server.port}/v1`);
    await press('Test the connection');
    await elsewhere.getByText('That is the address of Retinue itself.').waitFor();
  });

  test('a server in OpenAI’s form answers, with the key that the server keeps', async () => {
    const elsewhere = part('A server elsewhere');
    await elsewhere.getByLabel('Address').fill(other.url);
    await elsewhere.getByLabel('Key').fill('secret-1');
    await press('Test the connection');
    await elsewhere.getByText('The server answers.').waitFor();
    assert.equal(await elsewhere.getByLabel('Model').inputValue(), 'small-chat');
    await look('tested');
    await press('Answer with this server');
    await answers('small-chat');
    assert.equal(await elsewhere.getByLabel('Key').inputValue(), '');
    await elsewhere.getByText('Your server keeps one for this address.').waitFor();
    assert.match(await part('Answers now').innerText(), /another program on this machine[^]*looked up on the page afterwards/);
    await look('elsewhere');
    await questionIsAnswered('The other server says');
    const asked = other.asked.filter(({ path }) => path === '/v1/chat/completions');
    assert.equal(asked[0].headers.authorization, 'Bearer secret-1');
    assert.ok(!(await tab.content()).includes('secret-1'));
    assert.ok(!(await readFile(join(server.data, 'engine.json'), 'utf8')).includes('secret-1'));
  });

  test('the choice outlives the server, and one click leads back to this machine', async () => {
    server = await server.restart();
    await tab.locator('.dot-good').waitFor();
    assert.match(await tab.locator('.dot').getAttribute('title'), /small-chat/);
    await press('Back to tiny-two on this machine');
    await answers('tiny-two');
    await questionIsAnswered('The second base says');
  });
});

async function writeBase(folder) {
  await mkdir(folder, { recursive: true });
  for (const name of ['config.json', 'tokenizer.json']) await writeFile(join(folder, name), '{}');
  await writeFile(join(folder, 'model.safetensors'), 'weights');
}
