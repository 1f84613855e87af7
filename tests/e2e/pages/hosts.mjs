// Pages of hosts.test: one whose layout follows the sidebar, and one whose layout does not.
const WORDS = 'The tenant keeps the garden in good order and returns it as it was received.';
const paragraphs = (count) => Array.from({ length: count }, (_, i) => `<p>Clause ${i + 1}. ${WORDS}</p>`).join('\n');

export const FLOWS = `<!doctype html><html lang="en"><title>Lease</title><meta name="viewport" content="width=device-width">
<style>body { margin: 0; font: 16px/1.6 sans-serif } header { position: fixed; top: 0; left: 0; width: 100%; background: #ddd; text-align: right }
main { padding: 60px 20px } #chat { position: fixed; right: 20px; bottom: 20px; width: 60px; height: 60px; background: teal }</style>
<header><a href="#menu">Menu</a></header><main><h1>Lease</h1>${paragraphs(40)}<p id="last">The last clause of all.</p></main><div id="chat"></div></html>`;

export const STAYS = `<!doctype html><html lang="en"><title>Board</title><style>html, body { margin: 0; height: 100% }
#app { position: absolute; inset: 0; overflow: auto; background: #eee; text-align: right }</style>
<div id="app"><h1>Board</h1>${paragraphs(40)}<p style="width: 300px; margin-left: auto" id="aside">The deposit is 900 euros and is kept in escrow.</p>${paragraphs(40)}</div></html>`;
