/**
 * What the patient writes and picks with. Rule: what is typed is never cut and never lost; errors stand beside the field,
 * in words, and the first has the focus.
 */
import { newId } from './conversation.js'

const WARN_FROM = 0.9
const SAVE_AFTER_MS = 300
const TYPING_EACH_MS = 3000

export function errorKey (validity, type) {
  if (validity.valid) return null
  if (validity.valueMissing) return 'form_required'
  if (type === 'email') return 'form_email'
  if (type === 'tel') return 'form_phone'
  return 'form_other'
}

export class Forms {
  constructor ({ $log, send, strings, status }) {
    Object.assign(this, { send, strings, status })
    $log.addEventListener('submit', event => {
      if (!event.target.matches('form[data-form]')) return
      event.preventDefault()
      this.#submit(event.target)
    })
  }

  async #submit ($form) {
    const $fields = [...$form.elements].filter($each => $each.name)
    const errors = new Map()
    for (const $each of $fields) {
      const key = errorKey($each.validity, $each.type)
      if (key) errors.set($each.name, this.strings().say(key))
    }
    if (this.#show($fields, errors)) return
    const $submit = $form.querySelector('.kb-form__submit')
    $submit.disabled = true
    $form.dataset.clientId ||= newId()
    const fields = Object.fromEntries($fields.map($each => [$each.name, $each.value.trim()]))
    const answer = await this.send({ client_id: $form.dataset.clientId, form: $form.dataset.form, fields })
    $submit.disabled = false
    if (answer.status >= 200 && answer.status < 300) return thank($form, this.strings().say('form_sent'))
    const named = Object.entries(answer.body?.error?.fields ?? {}).filter(([name]) => $form.elements[name])
    if (named.length) {
      // Other words need another id.
      delete $form.dataset.clientId
      this.#show($fields, new Map(named))
      return
    }
    this.#failed($submit, answer)
  }

  /** @returns whether there is one */
  #show ($fields, errors) {
    for (const $each of $fields) {
      const said = errors.get($each.name)
      const $error = $each.closest('.kb-form__field')?.querySelector('.kb-form__error')
      if (said) $each.setAttribute('aria-invalid', 'true')
      else $each.removeAttribute('aria-invalid')
      if (!$error) continue
      $error.textContent = said ?? ''
      $error.hidden = !said
    }
    $fields.find($each => errors.has($each.name))?.focus()
    return errors.size > 0
  }

  #failed ($submit, answer) {
    const said = answer.body?.error?.message || this.strings().say('form_not_sent')
    const $error = $submit.previousElementSibling.matches('[data-form-failed]')
      ? $submit.previousElementSibling
      : make('p', 'kb-form__error')
    $error.dataset.formFailed = ''
    $submit.before($error)
    $error.textContent = said
    this.status.announce(said)
  }
}

const SCORES = [5, 4, 3, 2, 1]

export function makeRating (strings, send) {
  const $form = make('form', 'kb-after')
  const $set = make('fieldset', 'kb-score')
  $set.append(make('legend', 'kb-score__question', strings.say('rating_question')), ...SCORES.map(score => choice(score, strings)))
  const $label = make('label', '', strings.say('rating_comment'))
  const $comment = make('textarea')
  $comment.id = $label.htmlFor = 'kb-score-comment'
  $comment.maxLength = 1000
  const $field = make('div', 'kb-form__field')
  $field.append($label, $comment)
  const $error = make('p', 'kb-form__error')
  $error.setAttribute('role', 'alert')
  const $send = make('button', 'kb-button', strings.say('rating_send'))
  $form.append($set, $field, $error, $send)
  $form.addEventListener('submit', async event => {
    event.preventDefault()
    const $picked = $form.querySelector('input:checked')
    if (!$picked) {
      $error.textContent = strings.say('rating_pick')
      return $form.querySelector('input').focus()
    }
    $send.disabled = true
    const comment = $comment.value.trim() || undefined
    const answer = await send({ score: Number($picked.value), comment })
    $send.disabled = false
    if (answer.status === 200) return thank($form, strings.say('rating_thanks'))
    $error.textContent = answer.body?.error?.message || strings.say('not_done')
  })
  return $form
}

/** The focus that stood on the buttons goes to the words instead of nowhere. */
export function thank ($old, words) {
  const $thanks = make('p', 'kb-rating__thanks', words)
  if ($old.dataset.rating !== undefined) $thanks.dataset.rating = ''
  $thanks.tabIndex = -1
  $old.replaceWith($thanks)
  $thanks.focus()
}

function choice (score, strings) {
  const $label = make('label', 'kb-score__choice')
  const $input = Object.assign(make('input'), { type: 'radio', name: 'score', value: score })
  $label.append($input, make('span', '', strings.say(`rating_${score}`)))
  return $label
}

export function make (name, className = '', text = '') {
  const $made = document.createElement(name)
  $made.className = className
  $made.textContent = text
  return $made
}

/** As the server counts. */
export function countCharacters (text) { return [...text.trim()].length }

export class Composer {
  #saving = null
  #saidTypingAt = 0

  constructor (parts) {
    Object.assign(this, parts)
    this.$text.value = this.memory.get('draft', '')
    this.#fit()
    this.$text.addEventListener('input', () => this.#changed())
    this.$text.addEventListener('keydown', event => {
      // Enter also ends the composing of a syllable.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
      event.preventDefault()
      this.#send()
    })
    this.$form.addEventListener('submit', event => {
      event.preventDefault()
      this.#send()
    })
  }

  focus () { this.$text.focus() }

  giveBack (text) {
    this.$text.value = [text, this.$text.value].filter(Boolean).join('\n')
    this.#changed()
    this.focus()
  }

  save () {
    clearTimeout(this.#saving)
    if (this.$text.value) this.memory.set('draft', this.$text.value)
    else this.memory.remove('draft')
  }

  clear () {
    this.$text.value = ''
    this.save()
  }

  showCount () {
    const left = this.limit - countCharacters(this.$text.value)
    const isOver = left < 0
    const isNear = left <= this.limit * (1 - WARN_FROM)
    this.$counter.textContent = !isNear ? '' : this.strings().count(isOver ? 'too_many' : 'left', Math.abs(left))
    this.$counter.classList.toggle('kb-composer__counter--over', isOver)
    this.$text.ariaInvalid = isOver ? 'true' : null
    return isOver
  }

  #changed () {
    this.#fit()
    if (this.showCount()) this.status.announce(this.$counter.textContent)
    clearTimeout(this.#saving)
    this.#saving = setTimeout(() => this.save(), SAVE_AFTER_MS)
    if (this.$text.value && Date.now() - this.#saidTypingAt > TYPING_EACH_MS) {
      this.#saidTypingAt = Date.now()
      this.onTyping()
    }
  }

  #send () {
    const text = this.$text.value.trim()
    if (!text) return this.focus()
    if (this.showCount()) {
      this.status.announce(this.$counter.textContent)
      return this.focus()
    }
    this.$text.value = ''
    this.save()
    this.#changed()
    this.onSend(text)
  }

  /** For browsers without `field-sizing: content`. */
  #fit () {
    if (CSS.supports('field-sizing', 'content')) return
    this.$text.style.blockSize = 'auto'
    this.$text.style.blockSize = `${this.$text.scrollHeight + 2}px`
  }
}

export class Menu {
  constructor ({ $button, $menu, onPick }) {
    Object.assign(this, { $button, $menu })
    $button.addEventListener('click', () => this.toggle($menu.hidden))
    $menu.addEventListener('click', event => {
      const $item = event.target.closest('[data-menu]')
      if (!$item) return
      this.close()
      onPick($item.dataset.menu)
    })
    document.addEventListener('pointerdown', event => {
      if (!$menu.contains(event.target) && !$button.contains(event.target)) this.toggle(false)
    })
    $menu.addEventListener('focusout', event => {
      if (event.relatedTarget && !$menu.contains(event.relatedTarget)) this.toggle(false)
    })
  }

  get isOpen () { return !this.$menu.hidden }

  toggle (opens) {
    this.$menu.hidden = !opens
    this.$button.ariaExpanded = String(opens)
  }

  close () {
    this.toggle(false)
    this.$button.focus()
  }
}

export function confirmIn ($dialog, $text, $yes, question, yes) {
  $text.textContent = question
  $yes.textContent = yes
  $dialog.returnValue = 'no'
  $dialog.showModal()
  return new Promise(resolve => {
    $dialog.addEventListener('close', () => resolve($dialog.returnValue === 'yes'), { once: true })
  })
}
