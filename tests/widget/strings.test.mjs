import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { LANGUAGES, Strings, fill, loadTexts, pickLanguage } from '../../widget/panel/face.js'

const WIDGET = new URL('../../widget/', import.meta.url)
const read = name => readFileSync(new URL(name, WIDGET), 'utf8')
const texts = Object.fromEntries(LANGUAGES.map(lang => [lang, JSON.parse(read(`strings/${lang}.json`))]))
const code = readdirSync(new URL('panel/', WIDGET)).map(name => read(`panel/${name}`)).join('\n')
const html = read('panel.html')

/** Keys made of parts: `rating_${score}` and the like, each with what may stand in the gap. */
const PARTS = { rate_: ['bot', 'bot_5', 'bot_3', 'bot_1', 'person', 'person_5', 'person_4', 'person_3', 'person_2', 'person_1', 'message', 'message_5', 'message_3', 'message_1'], confirm_: ['end', 'shared', 'forget'], yes_: ['end', 'shared', 'forget'], menu_: ['save', 'held'] }

function usedKeys () {
  const said = [...code.matchAll(/(?:say|list)\(([^`]*?)[),]/g)].flatMap(([, inside]) => [...inside.matchAll(/'([a-z_0-9]+)'/g)])
  const chosen = [...code.matchAll(/'((?:who|person|mail|form|not|try|gone|forgotten|cleared|too|left|edit)[a-z_]*)'/g)]
  const counted = ['too_many', 'left'].flatMap(key => [`${key}_one`, `${key}_other`])
  const made = Object.entries(PARTS).filter(([start]) => code.includes('`' + start + '${')).flatMap(([start, ends]) => ends.map(end => start + end))
  const shown = [...html.matchAll(/data-string(?:-label|-placeholder)?="([^"]+)"/g)]
  return new Set([...[...said, ...chosen, ...shown].map(([, key]) => key), ...counted, ...made])
}

test('both languages have the same keys, and no text is empty', () => {
  for (const lang of LANGUAGES) {
    assert.deepEqual(Object.keys(texts[lang]).sort(), Object.keys(texts.en).sort())
    for (const [key, text] of Object.entries(texts[lang])) assert.ok(text.length && [].concat(text).every(each => each.trim()), key)
  }
})

test('both languages name the same values and have lists of the same length', () => {
  const names = text => [...String(text).matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()
  for (const key of Object.keys(texts.en)) {
    assert.deepEqual(names(texts.es[key]), names(texts.en[key]), key)
    assert.equal(Array.isArray(texts.es[key]) && texts.es[key].length, Array.isArray(texts.en[key]) && texts.en[key].length, key)
  }
})

test('nothing is left in English in the Spanish file', () => {
  const same = Object.keys(texts.en).filter(key => key !== 'direction' && String(texts.en[key]) === String(texts.es[key]))
  assert.deepEqual(same, [])
})

test('every key the panel asks for is there', () => {
  const asked = [...code.matchAll(/\.(?:say|list)\('([a-z_0-9]+)'/g), ...html.matchAll(/data-string(?:-label|-placeholder)?="([^"]+)"/g)]
  assert.ok(asked.length > 40)
  for (const [, key] of asked) assert.ok(key in texts.en, key)
})

test('every text is used somewhere', () => {
  const used = usedKeys()
  assert.deepEqual(Object.keys(texts.en).filter(key => !used.has(key)), [])
})

test('the words in panel.html are those of the English file', () => {
  for (const [, key, words] of html.matchAll(/data-string="([^"]+)"[^>]*>([^<]+)</g)) assert.equal(words, texts.en[key], key)
  for (const [, key, label] of html.matchAll(/data-string-label="([^"]+)" aria-label="([^"]*)"/g)) assert.equal(label, texts.en[key], key)
})

test('values are put in as they are, and what is not known stays as written', () => {
  assert.equal(fill('Call {phone} or {fax}', { phone: '<b>$&</b>' }), 'Call <b>$&</b> or {fax}')
  assert.equal(fill('{toString}', {}), '{toString}')
})

test('a text that is missing is an error, never an empty place', () => {
  assert.throws(() => new Strings('en', texts.en).say('no_such_text'), /no text "no_such_text" in en/)
})

test('numbers and plurals follow the language', () => {
  assert.equal(new Strings('en', texts.en).count('left', 1), '1 character left')
  assert.equal(new Strings('es', texts.es).count('too_many', 1234567), 'Sobran 1,234,567 letras. Por favor, escriba un poco menos.'.replace('1,234,567', new Intl.NumberFormat('es').format(1234567)))
})

test('the language: what was chosen, what the tag says, what the browser says, English', () => {
  assert.equal(pickLanguage(null, 'es-MX', 'en-US'), 'es')
  assert.equal(pickLanguage('en', 'es'), 'en')
  assert.equal(pickLanguage(undefined, '', 'vi', 'ES'), 'es')
  assert.equal(pickLanguage('vi'), 'en')
})

test('texts that cannot be had are an error with the language and the status', async () => {
  await assert.rejects(loadTexts('es', async () => new Response('', { status: 503 })), /strings of es: 503/)
})
