/** Small makers. */

export function make (name, className = '', text = '') {
  const $made = document.createElement(name)
  $made.className = className
  $made.textContent = text
  return $made
}

export function makeButton (className, text, act) {
  const $made = make('button', className, text)
  $made.type = 'button'
  $made.addEventListener('click', () => act())
  return $made
}

/** The focus that stood on the buttons goes to the words instead of nowhere. */
export function thank ($old, words) {
  const $thanks = make('p', 'kb-rating__thanks', words)
  $thanks.tabIndex = -1
  $old.replaceWith($thanks)
  $thanks.focus()
  return $thanks
}
