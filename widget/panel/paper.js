/** What is held, to read and take away. Rule: the server's words, put in as text; the file is made in the browser. */
import { make } from './forms.js'

export class Paper {
  constructor ($) {
    this.$ = $
    $['paper-save'].addEventListener('click', () => save(`${this.name}.txt`, 'text/plain', $['paper-text'].textContent))
    $['paper-data'].addEventListener('click', () => save(`${this.name}.json`, 'application/json', this.data))
    $['paper-print'].addEventListener('click', () => window.print())
  }

  /** kind: 'held' for all of it, 'save' for what was said. */
  show (strings, kind, { as_text: all, transcript, ...data }) {
    const { $ } = this
    this.name = strings.say('saved_name')
    this.data = JSON.stringify(data, null, 2)
    $['paper-title'].textContent = strings.say(`menu_${kind}`)
    $['paper-text'].textContent = kind === 'held' ? all : transcript ?? all
    $['paper-data'].hidden = kind !== 'held'
    $.paper.showModal()
  }
}

function save (name, type, text) {
  const $link = make('a')
  $link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  $link.download = name
  $link.click()
  setTimeout(() => URL.revokeObjectURL($link.href), 1000)
}
