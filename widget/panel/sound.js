/** A short soft tone. */
export function beep () {
  try {
    const context = new AudioContext()
    const tone = new OscillatorNode(context, { frequency: 660 })
    tone.connect(new GainNode(context, { gain: 0.06 })).connect(context.destination)
    tone.start()
    tone.stop(context.currentTime + 0.2)
    tone.onended = () => context.close()
  } catch { /* the browser keeps silence: so do we */ }
}
