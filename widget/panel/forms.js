/** Forms in the log. Rule: errors stand beside the field, in words, and the first has the focus. */
import { newId } from './conversation.js'
import { make, thank } from './elements.js'

export function errorKey (validity, type) {
  if (validity.valid) return null
  if (validity.valueMissing) return 'form_required'
  if (type === 'email') return 'form_email'
  if (type === 'tel') return 'form_phone'
  return 'form_other'
}

export class Forms {
  constructor (parts) { Object.assign(this, parts) }

  async submit ($form) {
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
