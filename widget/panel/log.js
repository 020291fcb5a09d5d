/** The log. Rule: each row stands once, in the order of its number, however often it comes. */
import { make } from './elements.js'

/** Rows are {n, author, kind, client_id, at, html}. */
export class Log {
  #numbers = []
  #own = new Map()
  #cards = new Set()
  #owed = new Set()

  /** All rows up to this one are here. */
  cursor = 0

  /** `after`: the row sent before this one. @returns false when rows are missing in between */
  advance (after, n) {
    if (after > this.cursor) return false
    this.cursor = Math.max(this.cursor, n)
    return true
  }

  knows (clientId) { return [...this.#own.values()].includes(clientId) }

  /** A card came with a response. @returns false when it stands here already */
  takeCard (clientId) {
    if (this.#cards.has(clientId)) return false
    this.#cards.add(clientId)
    this.#owed.add(clientId)
    return true
  }

  /** @returns null: it is here. `before`: the row it goes in front of. `cardOf`: its card came with that response. */
  accept ({ n, author, kind, client_id: clientId }) {
    if (this.#numbers.includes(n)) return null
    const at = this.#numbers.findLastIndex(other => other < n) + 1
    this.#numbers.splice(at, 0, n)
    const before = this.#numbers[at + 1] ?? null
    if (author === 'patient') this.#own.set(n, clientId)
    if (kind !== 'danger') return { before, cardOf: null }
    const cardOf = clientId ?? this.#own.get(n - 1)
    this.#cards.add(cardOf)
    return { before, cardOf: this.#owed.delete(cardOf) ? cardOf : null }
  }
}

const NEAR_END_PX = 96

/** The log on the screen. Rule: HTML comes from the server alone; what a patient typed is put in as text. */
export class LogView {
  #isAtEnd = true
  #top = 0
  #holds = false

  constructor ({ $log, $scroll, $newer, strings }) {
    Object.assign(this, { $log, $scroll, $newer, strings, log: new Log() })
    $newer.addEventListener('click', () => this.scrollToEnd())
    $scroll.addEventListener('scroll', () => {
      const isNear = this.#isNearEnd
      // Who leaves the end goes up; without that, something came in below.
      if (isNear || $scroll.scrollTop < this.#top) this.#isAtEnd = isNear && !this.#holds
      this.#top = $scroll.scrollTop
      if (isNear) $newer.hidden = true
    }, { passive: true })
    // The keyboard comes up: whoever was at the end stays there, unless they fill in a form.
    const sizes = new ResizeObserver(() => {
      if (this.#isAtEnd && $log.childElementCount && !$scroll.contains(document.activeElement)) this.scrollToEnd()
    })
    for (const $each of [$scroll, ...$scroll.children]) sizes.observe($each)
  }

  /** Lines that wait to be sent stay. */
  clear () {
    this.$log.replaceChildren(...this.$log.querySelectorAll('[data-pending]'))
    this.log = new Log()
  }

  /** @returns whether the row is new here */
  place (row, isLive) {
    const placing = this.log.accept(row)
    if (!placing) return false
    const $card = placing.cardOf && this.#find('card', placing.cardOf)
    if ($card) {
      $card.dataset.n = row.n
      return false
    }
    const $pending = row.author === 'patient' && this.#find('pending', row.client_id)
    const $row = this.#insert(row, placing.before, $pending, isLive)
    if ($pending) $pending.remove()
    else if (isLive && row.kind === 'danger') this.#hold($row)
    else if (isLive) this.#follow($row)
    return true
  }

  /** The card of a response. */
  alert (clientId, html) {
    if (!this.log.takeCard(clientId)) return
    const $card = make('div', 'kb-message kb-message--bot')
    $card.dataset.card = clientId
    const $body = make('div', 'kb-message__body')
    $body.insertAdjacentHTML('beforeend', html)
    $card.append($body)
    makeAlert($card)
    const $own = this.#find('pending', clientId) ?? this.#find('client-id', clientId)
    if ($own) $own.after($card)
    else this.$log.append($card)
    this.#hold($card)
  }

  /** oldId: the id it was shown under. */
  showPending (item, oldId = item.client_id) {
    if (this.log.knows(item.client_id)) return
    const $line = this.#find('pending', oldId) ?? this.#makePending(item)
    $line.dataset.pending = item.client_id
    const hasFailed = item.state === 'failed' && !item.needs_yes
    $line.classList.toggle('kb-message--failed', hasFailed)
    const [$meta, $failed] = $line.querySelectorAll('.kb-message__meta, .kb-message__failed')
    $meta.textContent = this.#stateOf(item)
    $failed.replaceChildren(...hasFailed ? this.#wayOut(item) : [])
    $failed.hidden = !hasFailed
  }

  markSent (clientId) {
    const $meta = this.#find('pending', clientId)?.querySelector('.kb-message__meta')
    if ($meta) $meta.textContent = this.strings().say('sent')
  }

  dropPending (clientId) { this.#find('pending', clientId)?.remove() }

  get holdsCard () { return this.#holds }

  scrollToEnd () {
    this.#isAtEnd = true
    this.#holds = false
    this.$scroll.scrollTop = this.$scroll.scrollHeight
    this.$newer.hidden = true
  }

  showFrom ($below) {
    this.#isAtEnd = false
    $below.scrollIntoView({ block: 'start' })
  }

  get #isNearEnd () {
    return this.$scroll.scrollHeight - this.$scroll.scrollTop - this.$scroll.clientHeight < NEAR_END_PX
  }

  #stateOf (item) {
    if (item.needs_yes) return item.said
    if (item.state === 'failed') return ''
    const words = this.strings().say(item.state === 'waiting' ? 'trying' : 'sending')
    return item.said ? `${item.said} ${words}` : words
  }

  #wayOut (item) {
    const [name, key] = item.can_retry ? ['retry', 'try_again'] : ['edit', 'edit']
    const $button = make('button', 'kb-button kb-button--plain kb-button--small', this.strings().say(key))
    $button.type = 'button'
    $button.dataset[name] = item.client_id
    return [item.said || this.strings().say('not_sent'), $button]
  }

  /** Not heard: the row that takes its place is. */
  #makePending (item) {
    const $line = make('div', 'kb-message kb-message--patient kb-message--pending')
    $line.setAttribute('aria-live', 'off')
    $line.append(
      make('h3', 'kb-visually-hidden', this.strings().say('you')), make('div', 'kb-message__body', item.label),
      make('p', 'kb-message__meta'), make('p', 'kb-message__failed')
    )
    this.$log.append($line)
    this.scrollToEnd()
    return $line
  }

  #insert (row, before, $pending, isLive) {
    const $holder = make('div')
    $holder.insertAdjacentHTML('beforeend', row.html)
    const $row = $holder.firstElementChild
    $row.dataset.n = row.n
    // What was said before is not read out.
    if (!isLive) $row.setAttribute('aria-live', 'off')
    else if (row.kind === 'danger') makeAlert($row)
    const $next = before ? this.#find('n', before) : $pending || this.$log.querySelector('[data-pending]')
    this.$log.insertBefore($row, $next)
    return $row
  }

  /** A long reply is read from its beginning; whoever reads further up is not pulled away. */
  #follow ($row) {
    let $first = $row
    while ($first.matches('.kb-message--bot + .kb-message--bot')) $first = $first.previousElementSibling
    const isFollowed = this.#isAtEnd || (this.#isNearEnd && !this.#holds)
    if (!isFollowed) this.$newer.hidden = this.#holds
    else if ($row.offsetTop + $row.offsetHeight - $first.offsetTop < this.$scroll.clientHeight) this.scrollToEnd()
    else this.showFrom($first)
  }

  /** Nothing moves a card off the screen until the patient writes. */
  #hold ($card) {
    this.#holds = true
    this.showFrom($card)
  }

  #find (name, value) { return this.$log.querySelector(`[data-${name}="${CSS.escape(value)}"]`) }
}

/** Heard at once and once: by the alert, not by the log as well. An article may not be an alert. */
function makeAlert ($card) {
  $card.setAttribute('aria-live', 'off')
  $card.querySelector('.kb-message__body').setAttribute('role', 'alert')
}
