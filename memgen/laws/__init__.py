"""Laws of the data and of the noise: what points are drawn from, and how they are noised."""
