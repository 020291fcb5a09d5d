// What agents typed and did not send stays in the tab, for them alone.
//
// It outlives a reload and being signed out for want of activity. Whoever signs out, or signs in
// after somebody else on a shared computer, finds nothing of it.

const DRAFT = 'front-desk-draft-';
const WHOSE = 'front-desk-whose-drafts';

export function forgetDrafts(storage = sessionStorage) {
  for (const key of Object.keys(storage)) if (key.startsWith(DRAFT)) storage.removeItem(key);
}

/** @param {string} staffId  who is signed in now */
export function forgetOthers(staffId, storage = sessionStorage) {
  if (storage.getItem(WHOSE) !== staffId) forgetDrafts(storage);
  storage.setItem(WHOSE, staffId);
}

if (globalThis.document) {
  document.querySelector('.fd-bar__sign-out')?.addEventListener('submit', () => forgetDrafts());
}
