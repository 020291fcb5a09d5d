import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { countCharacters } from '../../widget/panel/composer.js'
import { errorKey } from '../../widget/panel/forms.js'

const WIDGET = new URL('../../widget/', import.meta.url)
const read = name => readFileSync(new URL(name, WIDGET), 'utf8')
const squeezed = text => gzipSync(text, { level: 6 }).length
const scripts = readdirSync(new URL('panel/', WIDGET)).map(name => `panel/${name}`)

/** The names and their sizes, so that who is over the budget sees where the bytes are. */
function fits (sizes, most, advice) {
  sizes.sort(([, a], [, b]) => b - a)
  const total = sizes.reduce((sum, [, each]) => sum + each, 0)
  const list = sizes.map(([name, each]) => `  ${each} ${name}`).join('\n')
  assert.ok(total <= most, `${total} bytes gzipped, ${total - most} over the ${most} that are allowed. ${advice}\n${list}`)
}

test('the loader is at most 4 kB gzipped', () => {
  fits([['loader.js', squeezed(read('loader.js'))]], 4000,
    'Every visitor of the clinic’s page loads it: what the opened chat does belongs to panel.js.')
})

/** What is loaded when the panel opens: panel.js and what it imports, as one script. The rest comes when it is wanted. */
function loadedAtOpen (name = 'panel/panel.js', found = new Set()) {
  if (found.has(name)) return found
  found.add(name)
  for (const [, from] of read(name).matchAll(/^import .* from '([^']+)'/gm)) loadedAtOpen(new URL(from, new URL(name, 'x:/')).pathname.slice(1), found)
  return found
}

test('what few need is not loaded by all', () => {
  const atOpen = loadedAtOpen()
  for (const part of ['api', 'composer', 'log', 'outbox']) assert.ok(atOpen.has(`panel/${part}.js`), part)
  for (const part of ['forms', 'idle', 'menu', 'offer', 'paper', 'rating', 'sound']) assert.ok(!atOpen.has(`panel/${part}.js`), part)
})

test('all the panel loads, its markup and the larger language included, is at most 30 kB gzipped', () => {
  const script = squeezed([...loadedAtOpen()].map(read).join('\n'))
  const files = ['panel.css', 'messages.css', 'panel.html'].map(name => [name, squeezed(read(name))])
  const texts = Math.max(...['en', 'es'].map(lang => squeezed(read(`strings/${lang}.json`))))
  fits([['panel.js with its modules', script], ...files, ['strings', texts]], 30000,
    'What few need can wait: import it where it is wanted, as panel.js does with the menu and the forms.')
})

test('a module holds no state: it may run twice in a page, with each script it is joined to', () => {
  for (const name of scripts) assert.doesNotMatch(read(name), /^(?:export )?(?:let|var)\b|^(?:export )?const .*= (?:new|\[\]|\{\})/m, name)
})

test('everything the panel imports is in its folder: no build, no dependency, nothing from elsewhere', () => {
  for (const name of scripts) {
    for (const [, from] of read(name).matchAll(/(?:from |import\()'([^']+)'/g)) {
      assert.ok(scripts.includes(new URL(from, new URL(name, 'x:/')).pathname.slice(1)), `${name}: ${from}`)
    }
  }
  for (const name of [...scripts, 'loader.js', 'panel.html', 'panel.css', 'messages.css']) {
    assert.doesNotMatch(read(name).replaceAll('http://www.w3.org/2000/svg', '').replace('https://server/', ''), /https?:\/\//, name)
  }
})

test('HTML from text is made nowhere', () => {
  for (const name of [...scripts, 'loader.js']) {
    assert.doesNotMatch(read(name), /innerHTML|outerHTML|document\.write|\beval\b|new Function|setTimeout\('/, name)
  }
  const inserted = scripts.flatMap(name => [...read(name).matchAll(/insertAdjacentHTML\('\w+', ([^)]+)\)/g)].map(([, what]) => what))
  assert.deepEqual([...new Set(inserted)].sort(), ['html', 'row.html'])
})

test('messages to other windows carry an exact origin', () => {
  for (const name of ['loader.js', 'panel/windows.js']) {
    const posts = [...read(name).matchAll(/\.postMessage\(\{[^)]*\}, ([^)]+)\)/g)].map(([, origin]) => origin)
    assert.equal(posts.length, 1, name)
    assert.ok(['server', 'this.origin'].includes(posts[0]), posts[0])
    assert.doesNotMatch(read(name), /onmessage\s*=|'\*'/)
  }
})

test('the markup holds neither script nor style, and no id twice', () => {
  const html = read('panel.html')
  assert.doesNotMatch(html, /<script|<style|\sstyle=|\son\w+=|\{\{|\{%/)
  const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
  assert.equal(new Set(ids).size, ids.length)
  for (const [, id] of html.matchAll(/(?:for|aria-controls|aria-describedby|aria-labelledby)="([^"]+)"/g)) assert.ok(ids.includes(id), id)
})

test('every part the scripts drive is in the markup', () => {
  const html = read('panel.html')
  const asked = scripts.flatMap(name => [...read(name).matchAll(/\$\.(\w+)\b|\$\['([\w-]+)'\]/g)].map(([, plain, quoted]) => plain ?? quoted))
  assert.ok(asked.length > 30)
  for (const part of new Set(asked)) assert.ok(html.includes(`data-part="${part}"`), part)
})

test('a rule of one block reaches no other: classes only, no ids, no !important', () => {
  for (const name of ['panel.css', 'messages.css']) {
    const css = read(name).replace(/\/\*[\s\S]*?\*\//g, '')
    assert.doesNotMatch(css, /!important/, name)
    assert.doesNotMatch(css, /^\s*#/m, name)
    for (const [, block] of css.matchAll(/\.([a-z][\w-]*)/g)) assert.match(block, /^kb-/, name)
    assert.doesNotMatch(css, /[\s-](?:left|right|margin-top|margin-bottom|padding-top|padding-bottom)\s*:/, `${name}: logical properties`)
  }
})

function palettes () {
  const css = read('messages.css')
  const [light, dark] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) => Object.fromEntries(
    [...body.matchAll(/--kb-([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value])
  ))
  return { light, dark }
}

function contrast (one, other) {
  const [a, b] = [one, other].map(colour => {
    const [r, g, bl] = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16) / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * bl
  })
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

test('words have a contrast of 4.5 and edges, icons and the focus of 3, in both themes', () => {
  const words = [
    ...['paper', 'ground', 'raised', 'tint'].flatMap(ground => [['ink', ground], ['quiet', ground], ['accent', ground], ['danger', ground]]),
    ['own-ink', 'own'], ['on-accent', 'accent'], ['on-accent', 'accent-strong'], ['on-danger', 'danger'],
    ['ink', 'danger-tint'], ['danger', 'danger-tint'], ['warn-ink', 'warn-tint']
  ]
  const edges = [...['paper', 'ground', 'raised'].flatMap(ground => [['edge', ground], ['focus', ground]]), ['focus', 'tint'], ['focus', 'danger-tint']]
  for (const [theme, colours] of Object.entries(palettes())) {
    for (const [pairs, least] of [[words, 4.5], [edges, 3]]) {
      for (const [front, ground] of pairs) {
        const ratio = contrast(colours[front], colours[ground])
        assert.ok(ratio >= least, `${theme}: ${front} on ${ground} is ${ratio.toFixed(2)}`)
      }
    }
  }
})

test('the demo page says that it is one, and carries the one tag', () => {
  const html = read('demo.html')
  assert.match(html, /This is a demo/)
  assert.equal([...html.matchAll(/<script/g)].length, 1)
  assert.doesNotMatch(html, /<style|\sstyle=/)
})

test('what is wrong with a field is said by what is wrong with it', () => {
  assert.equal(errorKey({ valid: true }, 'text'), null)
  assert.equal(errorKey({ valueMissing: true }, 'email'), 'form_required')
  assert.equal(errorKey({ typeMismatch: true }, 'email'), 'form_email')
  assert.equal(errorKey({ patternMismatch: true }, 'tel'), 'form_phone')
  assert.equal(errorKey({ tooLong: true }, 'text'), 'form_other')
})

test('characters are counted as the server counts them', () => {
  assert.equal(countCharacters('  añ😀 \n'), 3)
})
