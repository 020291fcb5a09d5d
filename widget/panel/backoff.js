/** How long to wait before trying again. Rule: never in step with others, never longer than the ceiling. */

const FIRST_MS = 500

/** A person who looks at the panel waits at most this long after the line is back. */
export const WATCHED_CEILING_MS = 4000
export const HIDDEN_CEILING_MS = 30000

/**
 * @param {number} failures in a row so far, 1 or more
 * @param {number} ceilingMs
 * @param {() => number} random between 0 and 1
 * @returns {number} milliseconds: half of it fixed, half by chance, so that a restarted server is not stormed
 */
export function backoffMs (failures, ceilingMs, random) {
  const step = Math.min(ceilingMs, FIRST_MS * 2 ** Math.min(failures - 1, 20))
  return Math.round(step / 2 + random() * step / 2)
}

/** Sleep that ends early, without an error, when the signal is aborted. */
export function sleep (ms, signal) {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const timer = setTimeout(done, ms)
    function done () {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done)
  })
}
