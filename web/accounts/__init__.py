"""How staff prove who they are, and the browsers they are signed in with."""
