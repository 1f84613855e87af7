// Starts the panel: one store, one tree of components. Loaded by panel.html in all three hosts.
import { render } from 'preact';
import { App } from './App.tsx';
import { Store } from './state/store.ts';

const store = new Store();
store.start();
const root = document.getElementById('app');
if (root) render(<App store={store} />, root);
