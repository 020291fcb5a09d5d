/**
 * The log on the screen. Rule: only HTML the server rendered is put in as HTML; what a patient typed is text. Each
 * row stands once, in the order of the log; lines not yet sent stand at the end.
 */
import { Log } from './log.js'

const NEAR_END_PX = 96

export class LogView {
  #quietTimer = null

  /** @param {{$log: HTMLElement, $scroll: HTMLElement, $newer: HTMLElement, strings: () => object}} parts */
  constructor ({ $log, $scroll, $newer, strings }) {
    if (!$log || !$scroll || !$newer) throw new Error('LogView: an element is missing')
    Object.assign(this, { $log, $scroll, $newer, strings, log: new Log() })
    $newer.addEventListener('click', () => this.scrollToEnd())
    $scroll.addEventListener('scroll', () => { if (this.#isNearEnd()) $newer.hidden = true }, { passive: true })
  }

  /** Start with an empty log; lines that wait to be sent stay. */
  clear () {
    const $waiting = [...this.$log.querySelectorAll('[data-pending]')]
    this.$log.replaceChildren(...$waiting)
    this.log = new Log()
    for (const $each of $waiting) this.log.expect($each.dataset.pending)
  }

  /** What was said before is there to be read, not to be read out. */
  readQuietly () {
    this.$log.setAttribute('aria-live', 'off')
    clearTimeout(this.#quietTimer)
    this.#quietTimer = setTimeout(() => this.$log.removeAttribute('aria-live'), 1000)
  }

  /** @returns {boolean} whether the row is new on this screen */
  place (row, isLive) {
    const placing = this.log.accept(row)
    if (placing.act === 'ignore') return false
    if (placing.act === 'adopt') {
      const $card = this.#card(placing.client_id)
      if ($card) $card.dataset.n = row.n
      return false
    }
    const wasNearEnd = this.#isNearEnd()
    const $pending = placing.replaces && this.#pending(placing.replaces)
    const $row = this.#insert(row, placing.before, $pending)
    if (row.kind === 'danger' && isLive) $row.setAttribute('role', 'alert')
    $pending?.remove()
    this.#follow($row, wasNearEnd || row.kind === 'danger', row.author === 'patient', isLive)
    return true
  }

  /** The danger card of a response: shown before anything else happens, once, and heard at once. */
  alert (clientId, html) {
    if (!this.log.takeCard(clientId)) return
    const $card = document.createElement('div')
    $card.className = 'kb-message kb-message--bot'
    $card.dataset.card = clientId
    $card.setAttribute('role', 'alert')
    const $body = document.createElement('div')
    $body.className = 'kb-message__body'
    $body.insertAdjacentHTML('beforeend', html)
    $card.append($body)
    const $own = this.#pending(clientId) ?? this.$log.querySelector(`[data-client-id="${CSS.escape(clientId)}"]`)
    if ($own) $own.after($card)
    else this.$log.append($card)
    $card.scrollIntoView({ block: 'nearest' })
  }

  /** Show or update a line of the outbox. @param {object} item  @param {string} [oldId] the id it was shown under */
  showPending (item, oldId = item.client_id) {
    if (this.log.knows(item.client_id)) return
    const $line = this.#pending(oldId) ?? this.#makePending(item)
    $line.dataset.pending = item.client_id
    this.log.forget(oldId)
    this.log.expect(item.client_id)
    $line.classList.toggle('kb-message--failed', item.state === 'failed')
    const [$meta, $failed] = $line.querySelectorAll('.kb-message__meta, .kb-message__failed')
    $meta.textContent = this.#stateOf(item)
    $failed.replaceChildren(...this.#wayOut(item))
    $failed.hidden = item.state !== 'failed'
    this.#follow($line, this.#isNearEnd(), false, true)
  }

  markSent (clientId) {
    const $line = this.#pending(clientId)
    if ($line) $line.querySelector('.kb-message__meta').textContent = this.strings().say('sent')
  }

  dropPending (clientId) {
    this.#pending(clientId)?.remove()
    this.log.forget(clientId)
  }

  dropAllPending () {
    for (const $each of this.$log.querySelectorAll('[data-pending]')) this.dropPending($each.dataset.pending)
  }

  /** Something grew below the log: stay at the end if that is where we were. */
  keepEnd () {
    if (this.#isNearEnd()) this.scrollToEnd()
  }

  scrollToEnd () {
    this.$scroll.scrollTop = this.$scroll.scrollHeight
    this.$newer.hidden = true
  }

  #stateOf (item) {
    if (item.state === 'failed') return ''
    const words = this.strings().say(item.state === 'waiting' ? 'trying' : 'sending')
    return item.said ? `${item.said} ${words}` : words
  }

  #wayOut (item) {
    const $said = document.createElement('span')
    $said.textContent = item.said || this.strings().say('not_sent')
    const act = item.can_retry ? ['retry', 'try_again'] : ['edit', 'edit']
    const $button = document.createElement('button')
    $button.type = 'button'
    $button.className = 'kb-button kb-button--plain kb-button--small'
    $button.dataset[act[0]] = item.client_id
    $button.textContent = this.strings().say(act[1])
    return [$said, $button]
  }

  /** Not heard as a part of the log: the row that takes its place is. */
  #makePending (item) {
    const $line = document.createElement('div')
    $line.className = 'kb-message kb-message--patient kb-message--pending'
    $line.setAttribute('aria-live', 'off')
    const $who = document.createElement('h3')
    $who.className = 'kb-visually-hidden'
    $who.textContent = this.strings().say('you')
    const $body = document.createElement('div')
    $body.className = 'kb-message__body'
    $body.textContent = item.label
    const $meta = document.createElement('p')
    $meta.className = 'kb-message__meta'
    const $failed = document.createElement('p')
    $failed.className = 'kb-message__failed'
    $line.append($who, $body, $meta, $failed)
    this.$log.append($line)
    this.scrollToEnd()
    return $line
  }

  #insert (row, before, $pending) {
    const $before = before === null ? null : this.$log.querySelector(`[data-n="${before}"]`)
    const $next = $before ?? $pending ?? this.$log.querySelector('[data-pending]')
    if ($next) $next.insertAdjacentHTML('beforebegin', row.html)
    else this.$log.insertAdjacentHTML('beforeend', row.html)
    const $row = $next ? $next.previousElementSibling : this.$log.lastElementChild
    $row.dataset.n = row.n
    return $row
  }

  /** A reply longer than the screen is read from its beginning. */
  #follow ($row, wasNearEnd, isOwn, isLive) {
    if (!wasNearEnd && !isOwn) {
      if (isLive) this.$newer.hidden = false
      return
    }
    if (isLive && $row.offsetHeight > this.$scroll.clientHeight * 0.8) $row.scrollIntoView({ block: 'start' })
    else this.scrollToEnd()
  }

  #isNearEnd () {
    const { scrollHeight, scrollTop, clientHeight } = this.$scroll
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX
  }

  #pending (clientId) { return this.$log.querySelector(`[data-pending="${CSS.escape(clientId)}"]`) }

  #card (clientId) { return this.$log.querySelector(`[data-card="${CSS.escape(clientId)}"]`) }
}
