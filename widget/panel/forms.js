/** Form cards in the log. Rule: errors beside the field and in words, focus on the first, nothing typed is lost. */
import { newId } from './conversation.js'

/** @returns {?string} key of the text, null when the field is well */
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
      // Other words need another id: the server keeps the first words it saw under one.
      delete $form.dataset.clientId
      this.#show($fields, new Map(named))
      return
    }
    this.#failed($submit, answer)
  }

  /** @returns {boolean} whether there is an error */
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

/** How the chat was, asked once. */
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

/** Put thanks where buttons were. The focus that stood on them goes to the words instead of nowhere. */
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
