/** A short soft tone. Rule: only where the patient has asked for sound; made here, nothing is loaded. */

export function beep () {
  try {
    const context = new AudioContext()
    const tone = context.createOscillator()
    const volume = context.createGain()
    tone.frequency.value = 660
    volume.gain.setValueAtTime(0.08, context.currentTime)
    volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.35)
    tone.connect(volume).connect(context.destination)
    tone.start()
    tone.stop(context.currentTime + 0.35)
    tone.addEventListener('ended', () => context.close())
  } catch { /* the browser keeps silence: so do we */ }
}
