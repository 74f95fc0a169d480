"""What chapter 15 shows: windows of chains, in closed form and simulated, and windows of pictures."""
