/** Form cards in the log. Rule: errors beside the field and in words, focus on the first, nothing typed is lost. */
import { newId } from './conversation.js'

/** @param {ValidityState} validity  @param {string} type  @returns {?string} key of the text, null when it is well */
export function errorKey (validity, type) {
  if (validity.valid) return null
  if (validity.valueMissing) return 'form_required'
  if (type === 'email') return 'form_email'
  if (type === 'tel') return 'form_phone'
  return 'form_other'
}

export class Forms {
  /**
   * @param {{$log: HTMLElement, send: (body: object) => Promise<object>, strings: () => object,
   *   status: object}} parts
   */
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
    if (answer.status >= 200 && answer.status < 300) return this.#done($form)
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
    let $error = $submit.parentElement.querySelector('[data-form-failed]')
    if (!$error) {
      $error = document.createElement('p')
      $error.className = 'kb-form__error'
      $error.dataset.formFailed = ''
      $submit.before($error)
    }
    $error.textContent = said
    this.status.announce(said)
  }

  #done ($form) {
    const $done = document.createElement('p')
    $done.tabIndex = -1
    $done.textContent = this.strings().say('form_sent')
    $form.replaceWith($done)
    $done.focus()
  }
}
