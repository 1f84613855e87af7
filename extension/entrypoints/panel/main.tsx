// Starts the panel: one store, one tree of components. Loaded by panel.html in all three hosts.
import { render } from 'preact';
import { direction, language } from '../../lib/words.ts';
import { App, loadAhead } from './App.tsx';
import { Store } from './state/store.ts';

document.documentElement.lang = language();
document.documentElement.dir = direction();
const store = new Store();
store.start();
const root = document.getElementById('app');
root?.replaceChildren(); // in one go with the drawing: nothing flickers
if (root) render(<App store={store} />, root);
loadAhead();
