"""From the bot to people: who waits, who is there, who takes it, and when we call back."""
