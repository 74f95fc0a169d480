"""Tables and figures of chapter 15: windows of chains, in closed form and simulated, and windows of pictures."""
