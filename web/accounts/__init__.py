"""Staff accounts: how people prove who they are, and the browsers they are signed in with."""
