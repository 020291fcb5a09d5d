/** The clinic's page around the frame. Rule: hears and tells one exact origin, and only the window that holds us. */

export class Host {
  /** @param {{window: Window, onOpen: (page: string, question: string) => void, onClose: () => void}} parts */
  constructor ({ window, onOpen, onClose }) {
    this.window = window
    this.isFramed = window.parent !== window
    this.origin = new URLSearchParams(window.location.search).get('host') ?? ''
    if (!this.isFramed) return
    window.addEventListener('message', event => {
      if (event.source !== window.parent || event.origin !== this.origin || event.data?.frontDesk !== 1) return
      if (event.data.type === 'open') onOpen(String(event.data.page ?? ''), String(event.data.question ?? ''))
      if (event.data.type === 'close') onClose()
    })
  }

  hello () { this.#tell({ type: 'hello' }) }
  close () { this.#tell({ type: 'close' }) }
  unread (count) { this.#tell({ type: 'unread', count }) }
  size (name) { this.#tell({ type: 'size', name }) }

  #tell (message) {
    if (!this.isFramed || !this.origin) return
    try {
      this.window.parent.postMessage({ frontDesk: 1, ...message }, this.origin)
    } catch { /* `host` is not an origin: nobody to tell */ }
  }
}
