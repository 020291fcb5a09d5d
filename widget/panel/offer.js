/** Another language, offered in its own words. Rule: asked once, never forced. */
import { make, makeButton } from './elements.js'
import { makeStrings } from './face.js'

export async function offerLanguage ($place, lang, facts, { onYes, onNo }) {
  const strings = await makeStrings(lang, facts)
  const $offer = make('div', 'kb-offer')
  $offer.lang = lang
  $offer.setAttribute('role', 'group')
  const $question = make('p', 'kb-offer__question', strings.say('offer'))
  const answer = act => () => {
    $offer.remove()
    act()
  }
  $offer.append(
    $question,
    makeButton('kb-button kb-button--small', strings.say('offer_yes'), answer(onYes)),
    makeButton('kb-button kb-button--plain kb-button--small', strings.say('offer_no'), answer(onNo))
  )
  $offer.ariaLabel = $question.textContent
  $place.before($offer)
  return strings.say('offer')
}
