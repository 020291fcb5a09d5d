/** Texts of the panel. Rule: every word a patient reads stands in strings/<lang>.json and is put in as text, not HTML. */

export const LANGUAGES = ['en', 'es']

/** @returns {string} the first wish the panel speaks, by its first two letters */
export function pickLanguage (...wishes) {
  const spoken = wishes.map(wish => String(wish ?? '').slice(0, 2).toLowerCase())
  return spoken.find(wish => LANGUAGES.includes(wish)) ?? LANGUAGES[0]
}

/** `fill('Call {phone}', {phone: '5'})` → `Call 5`; a name without a value stays as written. */
export function fill (text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => Object.hasOwn(values, name) ? String(values[name]) : whole)
}

export class Strings {
  /** always: values that every text may name. */
  constructor (lang, texts, always = {}) { Object.assign(this, { lang, texts, always }) }

  say (key, values) {
    if (!Object.hasOwn(this.texts, key)) throw new Error(`Strings: no text "${key}" in ${this.lang}`)
    return fill(this.texts[key], { ...this.always, ...values })
  }

  /** The singular or plural by the rules of the language: keys `<key>_one` and `<key>_other`. */
  count (key, count) {
    const form = new Intl.PluralRules(this.lang).select(count) === 'one' ? 'one' : 'other'
    return this.say(`${key}_${form}`, { count: new Intl.NumberFormat(this.lang).format(count) })
  }

  list (key) { return this.texts[key] }

  /** Put texts where the page asks. */
  apply ($root) {
    for (const $each of $root.querySelectorAll('[data-string]')) $each.textContent = this.say($each.dataset.string)
    for (const $each of $root.querySelectorAll('[data-string-label]')) $each.ariaLabel = this.say($each.dataset.stringLabel)
    for (const $each of $root.querySelectorAll('[data-string-placeholder]')) $each.placeholder = this.say($each.dataset.stringPlaceholder)
  }
}

/** Throws when the texts cannot be had. */
export async function loadTexts (lang, fetch) {
  const response = await fetch(new URL(`../strings/${lang}.json`, import.meta.url))
  if (!response.ok) throw new Error(`strings of ${lang}: ${response.status}`)
  return response.json()
}
