// Everything on this machine that an end-to-end test plays with: the real server, pages over HTTP, an impostor.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = new URL('pages/', import.meta.url);
export const SCREENSHOTS = join(ROOT, 'docs', 'screenshots');
const START_MS = 180_000; // also on a machine that has other work
/** How long a browser may take for what follows at once: a busy machine opens a tab in many seconds. */
export const SOON_MS = 40_000;
const PYTHON = join(ROOT, '.venv', 'bin', 'python');
// The base that set-up put there; everything else of this user stays out of sight.
const BASES = execFileSync(PYTHON, ['-c', 'from server.settings import load_settings; print(load_settings().bases_dir)'], { cwd: ROOT, encoding: 'utf8' }).trim();

/**
 * `retinue serve` with the default base and folders of its own. `code` is the pairing code that it printed.
 * `trainable` names a copilot that has examples, no adapter, and a stand-in for its training; `finish` lets that end.
 */
export async function startServer({ trainable = null } = {}) {
  const home = await mkdtemp(join(tmpdir(), 'retinue-e2e-'));
  const port = await freePort();
  const folders = { RETINUE_CONFIG_DIR: join(home, 'config'), RETINUE_USER_DIR: join(home, 'data'), RETINUE_BASES_DIR: BASES };
  const env = { ...process.env, ...folders, ...(trainable ? await prepareTraining(home, trainable) : {}), COLUMNS: '200' };
  const child = spawn(join(ROOT, '.venv', 'bin', 'retinue'), ['serve', '--port', String(port)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  return started(child, { home, port });
}

/** A server that was spawned, once it has printed its pairing code. `again` spawns it anew over the same folders. */
async function started(child, { home, port, again }) {
  const lines = [];
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => lines.push(line));
  const code = await until(() => /\b([A-Z0-9]{4}-[A-Z0-9]{4})\b/.exec(lines.join('\n'))?.[1], START_MS, () => `no pairing code:\n${lines.join('\n')}`);
  const end = async (signal) => {
    child.kill('SIGCONT'); // it may be held
    child.kill(signal);
    await new Promise((resolve) => (child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve()));
  };
  const stop = async () => {
    await end('SIGTERM');
    await rm(home, { recursive: true, force: true });
  };
  const restart = async (signal = 'SIGTERM') => {
    await end(signal);
    return started(again(), { home, port, again });
  };
  const held = { hold: () => child.kill('SIGSTOP'), goOn: () => child.kill('SIGCONT') };
  return { port, code, lines, stop, restart, ...held, data: join(home, 'data'), bases: join(home, 'bases'), finish: () => writeFile(join(home, 'data', 'go'), '') };
}

/** Puts a conversation of so many turns about a page into the history of a running server. */
export function seedThread(server, { address, title, turns }) {
  const script = fileURLToPath(new URL('seed_threads.py', import.meta.url));
  execFileSync(PYTHON, [script, server.data, address, title, String(turns)], { cwd: ROOT, env: { ...process.env, PYTHONPATH: ROOT } });
}

/** The same server over an engine that answers from a script beside this file, see scripted.py. Starts in seconds. */
export async function startScriptedServer(script, { trainable = null, hasBases = true, env: added = {} } = {}) {
  const home = await mkdtemp(join(tmpdir(), 'retinue-e2e-'));
  const port = await freePort();
  const folders = { RETINUE_CONFIG_DIR: join(home, 'config'), RETINUE_USER_DIR: join(home, 'data'), RETINUE_BASES_DIR: hasBases ? BASES : join(home, 'bases') };
  const env = { ...process.env, ...folders, ...added, PYTHONPATH: ROOT, ...(trainable ? await prepareTraining(home, trainable) : {}) };
  const file = fileURLToPath(new URL(script, import.meta.url));
  const again = () => spawn(PYTHON, ['-m', 'tests.e2e.scripted', String(port), file], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  return started(again(), { home, port, again });
}

/** The copilot with its examples, in its own words where it ships, and the package that the server's child is to find. Returns the environment. */
async function prepareTraining(home, { id, name }) {
  const [copilot, standIn] = [join(home, 'data', 'copilots', id), join(home, 'stand-in', 'training')];
  for (const folder of [copilot, standIn]) await mkdir(folder, { recursive: true });
  const shipped = [id, 'health/evidence-check'].map((one) => join(ROOT, 'adapters', one, 'copilot.toml')).find(existsSync);
  const text = await readFile(shipped, 'utf8');
  await writeFile(join(copilot, 'copilot.toml'), text.replace(/^name = .*$/m, `name = "${name}"`));
  for (const split of ['train', 'heldout']) await writeFile(join(copilot, `${split}.jsonl`), '');
  await writeFile(join(standIn, '__init__.py'), '');
  await copyFile(fileURLToPath(new URL('trainee.py', import.meta.url)), join(standIn, '__main__.py'));
  return { PYTHONPATH: [join(home, 'stand-in'), ROOT].join(delimiter) };
}

/** Serves a folder, tests/e2e/pages if not told otherwise; `headers` go with every answer, `extra` adds pages by path. */
export async function startSite({ headers = {}, extra = {}, folder = PAGES } = {}) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    const body = extra[path] ?? (await readFile(new URL(`.${path}`, folder)).catch(() => null));
    response.writeHead(body === null ? 404 : 200, { 'content-type': 'text/html; charset=utf-8', ...headers });
    response.end(body ?? 'not found');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return { port, url: (path) => `http://127.0.0.1:${port}/${path}`, stop: () => closeNow(server) };
}

/** A model hub for its real client, with one model of so many bytes; it gives so many a second until it is told to hurry. See tests/hub.py. */
export async function startHub(repo, { bytes, bytesPerSecond }) {
  const home = await mkdtemp(join(tmpdir(), 'retinue-hub-'));
  await mkdir(join(home, repo), { recursive: true });
  const files = { 'config.json': '{"model_type": "llama"}', 'tokenizer.json': '{}', 'model.safetensors': Buffer.alloc(bytes, 'weights!') };
  for (const [name, data] of Object.entries(files)) await writeFile(join(home, repo, name), data);
  const child = spawn(PYTHON, ['-m', 'tests.hub', home, String(bytesPerSecond)], { cwd: ROOT, env: { ...process.env, PYTHONPATH: ROOT }, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const url = await until(() => lines[0], START_MS, () => 'the hub did not start');
  const stop = async () => {
    child.kill();
    await rm(home, { recursive: true, force: true });
  };
  return { url, stop, hurry: () => child.stdin.write('1000000000\n') };
}

/** A server in OpenAI's form with one model: gives the answer in pieces and keeps what it was asked, with the headers. */
export async function startOpenAi(model, answer) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    asked.push({ path: request.url, headers: request.headers, body: parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString()) : null });
    if (request.url === '/v1/models') return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: [{ id: model }] }));
    if (request.url !== '/v1/chat/completions') return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = (choice) => response.write(`data: ${JSON.stringify({ model, choices: [{ index: 0, ...choice }] })}\n\n`);
    for (const piece of answer.match(/.{1,8}/gs)) event({ delta: { content: piece }, finish_reason: null });
    event({ delta: {}, finish_reason: 'stop' });
    response.end('data: [DONE]\n\n');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/v1`, asked, stop: () => closeNow(server) };
}

/** A stranger on the server's port: answers hello with a wrong proof and keeps every frame that it is sent. */
export async function startImpostor() {
  const child = spawn(join(ROOT, '.venv', 'bin', 'python'), [fileURLToPath(new URL('impostor.py', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const port = Number(await until(() => lines[0], START_MS, () => 'the impostor did not start'));
  return { port, frames: () => lines.slice(1).map((line) => JSON.parse(line)), stop: () => child.kill() };
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await closeNow(server);
  return port;
}

export async function until(look, ms, complain) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(complain());
}

function closeNow(server) {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}
