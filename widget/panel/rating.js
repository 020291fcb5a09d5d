/** How was it? Rule: one tap is the answer; a word is extra. What is asked depends on who helped. */
import { make, makeButton, thank } from './elements.js'

/** Scores from best to worst; the words are `rate_<kind>_<score>`. */
const SCORES = { bot: [5, 3, 1], person: [5, 4, 3, 2, 1], message: [5, 3, 1] }

/** kind: 'bot', 'person' or 'message'. */
export function makeRating (kind, strings, send) {
  const $box = make('section', 'kb-after')
  const $question = make('h2', 'kb-score__question', strings.say(`rate_${kind}`))
  $question.id = 'kb-score'
  const $list = make('ul', 'kb-replies')
  const $error = makeError()
  $list.setAttribute('aria-labelledby', $question.id)
  $list.append(...SCORES[kind].map(score => {
    const $item = make('li')
    $item.append(makeButton('kb-replies__button', strings.say(`rate_${kind}_${score}`), () => give(score)))
    return $item
  }))
  $box.append($question, $list, $error)

  async function give (score) {
    for (const $each of $list.querySelectorAll('button')) $each.disabled = true
    // The state may say "answered" before the answer is here: what is being answered stays.
    const { survey } = $box.dataset
    delete $box.dataset.survey
    const answer = await send({ score })
    if (answer.status === 200) {
      const $word = makeWord(strings, comment => send({ score, comment }))
      $box.replaceWith($word)
      $word.firstElementChild.focus()
      return $word.scrollIntoView({ block: 'nearest' })
    }
    $box.dataset.survey = survey
    for (const $each of $list.querySelectorAll('button')) $each.disabled = false
    $error.textContent = answer.body?.error?.message || strings.say('not_done')
  }
  return $box
}

function makeWord (strings, send) {
  const $form = make('form', 'kb-after')
  const $thanks = make('p', 'kb-score__question', strings.say('rating_thanks'))
  $thanks.tabIndex = -1
  const $label = make('label', '', strings.say('rating_comment'))
  const $comment = make('textarea')
  $comment.id = $label.htmlFor = 'kb-score-comment'
  $comment.maxLength = 1000
  const $field = make('div', 'kb-form__field')
  const $error = makeError()
  const $send = make('button', 'kb-button', strings.say('rating_send'))
  $field.append($label, $comment)
  $form.append($thanks, $field, $error, $send)
  $form.addEventListener('submit', async event => {
    event.preventDefault()
    const comment = $comment.value.trim()
    if (!comment) return $comment.focus()
    $send.disabled = true
    const answer = await send(comment)
    $send.disabled = false
    if (answer.status === 200) return thank($form, strings.say('answer_thanks'))
    $error.textContent = answer.body?.error?.message || strings.say('not_done')
  })
  return $form
}

function makeError () {
  const $error = make('p', 'kb-form__error')
  $error.setAttribute('role', 'alert')
  return $error
}
