/** How the chat was, asked once at its end. Rule: words beside the numbers, never in the way of a new chat. */

const SCORES = [5, 4, 3, 2, 1]

/** @param {{strings: object, send: (body: object) => Promise<object>, onDone: () => void}} parts  @returns {HTMLElement} */
export function makeRating ({ strings, send, onDone }) {
  const $form = make('form', 'kb-after')
  $form.noValidate = true
  const $set = make('fieldset', 'kb-score')
  $set.append(make('legend', 'kb-score__question', strings.say('rating_question')), ...SCORES.map(score => choice(score, strings)))
  const $error = make('p', 'kb-form__error')
  $error.id = 'kb-score-error'
  $error.setAttribute('role', 'alert')
  const $field = make('div', 'kb-form__field')
  const $label = make('label', '', strings.say('rating_comment'))
  const $comment = make('textarea')
  $comment.id = 'kb-score-comment'
  $comment.maxLength = 1000
  $label.htmlFor = $comment.id
  $field.append($label, $comment)
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
    const comment = $comment.value.trim()
    const answer = await send({ score: Number($picked.value), ...(comment && { comment }) })
    $send.disabled = false
    if (answer.status !== 200) {
      $error.textContent = answer.body?.error?.message || strings.say('not_done')
      return
    }
    const $thanks = make('p', 'kb-after', strings.say('rating_thanks'))
    $thanks.tabIndex = -1
    $form.replaceWith($thanks)
    $thanks.focus()
    onDone()
  })
  return $form
}

function choice (score, strings) {
  const $label = make('label', 'kb-score__choice')
  const $input = make('input')
  $input.type = 'radio'
  $input.name = 'score'
  $input.value = score
  $label.append($input, make('span', '', strings.say(`rating_${score}`)))
  return $label
}

function make (name, className = '', text = '') {
  const $made = document.createElement(name)
  if (className) $made.className = className
  $made.textContent = text
  return $made
}
