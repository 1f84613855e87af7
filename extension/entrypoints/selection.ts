// Injected into a page beside page: the toolbar at a selection. A script of its own, so that reading a page does not wait for it.
import { defineUnlistedScript } from 'wxt/utils/define-unlisted-script';
import { startSelectionToolbar } from '../lib/selection/toolbar.ts';

export default defineUnlistedScript(() => {
  const scope = globalThis as { retinueSelection?: boolean };
  if (scope.retinueSelection) return;
  scope.retinueSelection = true;
  startSelectionToolbar();
});
